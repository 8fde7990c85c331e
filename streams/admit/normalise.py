"""One spelling per platform, version, language and region, so that the same slice is the same text."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from schemas.slices import MISSING, OTHER
from streams.admit.redact import redact

LONGEST = 120
_PLATFORMS = {
    "iphone os": "ios",
    "iphone": "ios",
    "apple ios": "ios",
    "ipad os": "ipados",
    "ipad": "ipados",
    "mac": "macos",
    "mac os": "macos",
    "mac os x": "macos",
    "macosx": "macos",
    "macintosh": "macos",
    "os x": "macos",
    "osx": "macos",
    "darwin": "macos",
    "win": "windows",
    "win32": "windows",
    "win64": "windows",
    "microsoft windows": "windows",
    "windows nt": "windows",
    "gnu/linux": "linux",
    "android os": "android",
    "google android": "android",
    "website": "web",
    "browser": "web",
}
_REGIONS = {
    "uk": "GB",
    "great britain": "GB",
    "united kingdom": "GB",
    "usa": "US",
    "u.s.": "US",
    "u.s.a.": "US",
    "united states": "US",
    "germany": "DE",
    "deutschland": "DE",
    "france": "FR",
    "spain": "ES",
    "italy": "IT",
    "netherlands": "NL",
    "austria": "AT",
    "switzerland": "CH",
    "poland": "PL",
    "japan": "JP",
    "china": "CN",
    "india": "IN",
    "brazil": "BR",
    "canada": "CA",
    "australia": "AU",
    "mexico": "MX",
}
_BITS = re.compile(r"\s*\(?(?:\b(?:32|64)[- ]?bit\b|\bx86(?:_64)?\b|\bx64\b|\barm64\b)\)?", re.IGNORECASE)
_LEADING = re.compile(r"^(?:version|ver\.?|release|v\.?)\s*(?=\d)", re.IGNORECASE)


@lru_cache(maxsize=50_000)
def plain(text: str) -> str:
    """A dimension value as slices can hold it: redacted, single blanks, no comma or equals sign, at most 120 characters.

    >>> plain("  Billing,\\tcards = old ")
    'Billing cards old'
    """
    return " ".join(redact(text).replace(",", " ").replace("=", " ").split())[:LONGEST].strip()


def platform(text: str) -> str:
    """A platform in lower case under its usual name.

    >>> platform("iPhone OS"), platform("Windows 10 (64-bit)")
    ('ios', 'windows 10')
    """
    bare = _BITS.sub("", plain(text)).strip().lower()
    return _PLATFORMS.get(bare, bare)


def version(text: str) -> str:
    """A version without a leading "v" or the word, and without the width of the machine.

    >>> version("v5.2.0 (64-bit)"), version("Version 89.0")
    ('5.2.0', '89.0')
    """
    return _LEADING.sub("", _BITS.sub("", plain(text)).strip())


def language(text: str) -> str:
    """A language tag in the spelling of BCP 47.

    >>> language("en_us"), language("ZH-hans-cn"), language("DE")
    ('en-US', 'zh-Hans-CN', 'de')
    """
    first, *rest = plain(text).replace("_", "-").split("-")
    return "-".join([first.lower(), *(_subtag(part) for part in rest)])


def _subtag(part: str) -> str:
    if len(part) == 2:
        return part.upper()
    return part.title() if len(part) == 4 and part.isalpha() else part.lower()


def region(text: str) -> str:
    """A country or region as ISO 3166 writes it, where the text says which.

    >>> region("usa"), region("de"), region("us-ca"), region("Bavaria")
    ('US', 'DE', 'US-CA', 'Bavaria')
    """
    bare = plain(text)
    known = _REGIONS.get(bare.lower())
    if known is not None:
        return known
    return bare.upper() if re.fullmatch(r"[A-Za-z]{2}(?:[-_][0-9A-Za-z]{1,3})?", bare) else bare


SPELLINGS: dict[str, Callable[[str], str]] = {
    "platform": platform,
    "version": version,
    "language": language,
    "region": region,
}


def spell(field: str, text: str) -> str:
    """The one spelling of a dimension's value."""
    return SPELLINGS.get(field, plain)(text)


def fold(value: str, keep: frozenset[str] | None) -> str:
    """``other`` for a value that the workspace does not tell apart; missing stays missing."""
    return value if keep is None or value in keep or value == MISSING else OTHER
