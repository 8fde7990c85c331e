"""The dead-letter ceiling: rather stop than drain a topic into the bin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from schemas.dead_letter import DeadLetter
from schemas.errors import TooMuchRefused


class Ceiling:
    """Counts messages and letters per minute of the clock."""

    def __init__(self, *, letters_per_minute: int, share: float) -> None:
        self._count, self._share = letters_per_minute, share
        self._minute = -1
        self._read = 0
        self._letters: Counter[str] = Counter()

    def check(self, *, now_s: float, read: int, letters: Sequence[DeadLetter]) -> None:
        """Count a batch that is about to be committed.

        Raises:
            TooMuchRefused: too many of this minute's messages are refused; nothing of the batch was committed.
        """
        if int(now_s // 60) != self._minute:
            self._minute, self._read = int(now_s // 60), 0
            self._letters.clear()
        self._read += read
        self._letters.update(f"{letter.reason} on {letter.topic}" for letter in letters)
        refused = self._letters.total()
        if refused > self._count and refused > self._share * self._read:
            reason, times = self._letters.most_common(1)[0]
            place = letters[-1].letter_id if letters else "an earlier batch"
            raise TooMuchRefused(
                f"{refused} of {self._read} messages within a minute were refused, more than {self._count} and "
                f"{self._share:.0%}; mostly {reason} ({times}), last at {place}",
                remedy="Nothing is lost: the last batch was not committed. Correct the producer or its mapping, or "
                "raise admit.letters_per_minute and admit.letter_share, then start admit again.",
            )
