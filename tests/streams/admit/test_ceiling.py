"""Rather stop than drain a topic into the bin."""

from __future__ import annotations

import pytest

from schemas.errors import TooMuchRefused
from streams.admit.ceiling import Ceiling
from tests.streams.admit.making import admit_all, log

BAD = admit_all(log([b"{"] * 30)).letters


def test_few_letters_pass_whatever_their_share() -> None:
    Ceiling(letters_per_minute=30, share=0.2).check(now_s=0, read=30, letters=BAD)


def test_many_letters_pass_while_their_share_is_small() -> None:
    Ceiling(letters_per_minute=10, share=0.2).check(now_s=0, read=150, letters=BAD)


def test_beyond_both_it_stops_and_says_why_and_what_to_do() -> None:
    ceiling = Ceiling(letters_per_minute=10, share=0.2)
    ceiling.check(now_s=30, read=100, letters=BAD[:10])
    with pytest.raises(TooMuchRefused) as caught:
        ceiling.check(now_s=59, read=30, letters=BAD[10:])
    assert str(caught.value) == (
        "30 of 130 messages within a minute were refused, more than 10 and 20%; mostly not_json on tickets (30), last "
        "at tickets/0/58. Nothing is lost: the last batch was not committed. Correct the producer or its mapping, or "
        "raise admit.letters_per_minute and admit.letter_share, then start admit again."
    )


def test_every_minute_counts_anew() -> None:
    ceiling = Ceiling(letters_per_minute=20, share=0.0)
    ceiling.check(now_s=59, read=20, letters=BAD[:20])
    ceiling.check(now_s=60, read=20, letters=BAD[:20])
