"""Texts that vary: choices, typos, three languages, and here and there something that must be redacted."""

from __future__ import annotations

import re
from functools import cache
from random import Random

from stdnum import iban as iban_number
from stdnum import luhn

from sources.stories.phrases import CLOSERS, ITEMS, MONTHS, OPENERS, PLACES, USUAL, WEEKDAYS, Phrases

Part = tuple[str, ...]
_CHOICE = re.compile(r"\{([^{}]*)\}")
_BLANK = re.compile(r"<(\w+)>")
_BLAME = {
    "en": (
        " {This|It} started {after|with} the last update{, I think|}.",
        " {Since the update|After updating} everything is {worse|broken}.",
    ),
    "de": (" Seit dem {letzten|neuen} Update.",),
    "es": (" Desde la última actualización.",),
}


@cache
def _parts(phrase: str) -> tuple[Part, ...]:
    """A phrase cut into runs of choices.

    >>> _parts("My {card|bank} fails")
    (('My ',), ('card', 'bank'), (' fails',))
    """
    pieces = _CHOICE.split(phrase)
    return tuple((piece,) if index % 2 == 0 else tuple(piece.split("|")) for index, piece in enumerate(pieces))


def _say(phrases: tuple[str, ...], rng: Random) -> str:
    parts = _parts(phrases[int(rng.random() * len(phrases))])
    return "".join(part[0] if len(part) == 1 else part[int(rng.random() * len(part))] for part in parts)


class Teller:
    """Writes one customer's text after another, from its own seeded source of chance.

    ``blanks`` are the names of the company's things (``app``, ``code``, ``percent`` …).
    """

    def __init__(self, seed: int, *, pii_share: float, typo_share: float, blanks: dict[str, str]) -> None:
        self._rng = Random(seed)  # noqa: S311 - a story, not a secret
        self._pii_share = pii_share
        self._typo_share = typo_share
        self._blanks = blanks

    def usual(self, topic: str, language: str) -> str:
        """What a customer writes on an ordinary day about a topic."""
        return self._whole(USUAL[topic], language)

    def about(self, says: Phrases, language: str, *, blame: bool = False) -> str:
        """What a customer hit by a problem writes; with ``blame``, it suspects the last update."""
        return self._whole(says, language, _BLAME[language] if blame else None)

    def _whole(self, says: Phrases, language: str, blame: tuple[str, ...] | None = None) -> str:
        rng = self._rng
        text = _say(OPENERS[language], rng) + _say(says[language], rng)
        if rng.random() < 0.25:
            text += " " + _say(says[language], rng)
        if blame is not None:
            text += _say(blame, rng)
        text += _say(CLOSERS[language], rng)
        if rng.random() < self._pii_share:
            text += " " + _private(rng, language)
        if "<" in text:
            text = _BLANK.sub(self._fill, text)
        return _mistyped(text, rng) if rng.random() < self._typo_share else text

    def _fill(self, match: re.Match[str]) -> str:
        rng = self._rng
        name = match.group(1)
        if name in self._blanks:
            return self._blanks[name]
        fillers = {
            "order": lambda: f"{rng.choice('ABCDEFGH')}{rng.randrange(10_000, 99_999)}",
            "days": lambda: str(rng.randrange(3, 15)),
            "years": lambda: str(rng.randrange(2, 12)),
            "month": lambda: rng.choice(MONTHS),
            "weekday": lambda: rng.choice(WEEKDAYS),
            "item": lambda: rng.choice(ITEMS),
            "place": lambda: rng.choice(PLACES),
        }
        return fillers[name]()


def _private(rng: Random, language: str) -> str:
    """One sentence with something that nobody right of admit may see."""
    kind = int(rng.random() * 6)
    digits = str(rng.randrange(10**8, 10**9))
    if kind == 0:
        return f"{_word('mail', language)} {rng.choice(('anna', 'jo.smith', 'maria', 'k.weber'))}{rng.randrange(99)}@example.{rng.choice(('com', 'org', 'net'))}"
    if kind == 1:
        return f"{_word('phone', language)} +44 20 7{digits[:3]} {digits[3:7]}"
    if kind == 2:
        body = f"4{digits}{rng.randrange(10**5, 10**6)}"[:15]
        return f"{_word('card', language)} {body}{luhn.calc_check_digit(body)}"
    if kind == 3:
        account = f"37040044{rng.randrange(10**9, 10**10)}"
        return f"IBAN DE{iban_number.calc_check_digits('DE00' + account)}{account}"
    if kind == 4:
        return f"IP 203.0.113.{rng.randrange(1, 255)}"
    return f"{_word('phone', language)} +1 415 {digits[:3]} {digits[3:7]}"


_WORDS = {
    "mail": {"en": "My mail is", "de": "Meine Mail ist", "es": "Mi correo es"},
    "phone": {"en": "Call me at", "de": "Tel.", "es": "Mi teléfono:"},
    "card": {"en": "Card number", "de": "Kartennummer", "es": "Tarjeta número"},
}


def _word(what: str, language: str) -> str:
    return _WORDS[what][language]


def _mistyped(text: str, rng: Random) -> str:
    """One or two slips: letters swapped, dropped or doubled, or all in small letters."""
    slip = rng.random()
    if slip < 0.2:
        return text.lower()
    for _ in range(1 + (slip > 0.8)):
        at = int(rng.random() * (len(text) - 2))
        if text[at : at + 2].isalpha():
            pair = text[at : at + 2]
            text = text[:at] + rng.choice((pair[::-1], pair[0], pair[0] + pair)) + text[at + 2 :]
    return text
