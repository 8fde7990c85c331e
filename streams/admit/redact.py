"""What people wrote stays theirs: e-mails, phones, cards, IBANs, addresses, tokens and keys leave the text.

Strings of a whole batch go through together. A cheap look at the bytes leaves out those in which nothing can be; one
``re2`` pattern finds what could be personal in the others, and what it finds is judged one by one (checksums,
neighbours, the word before), so that versions, dates and order numbers stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import re2  # type: ignore[import-untyped]

from streams.admit.judge import judge

SEPARATOR = "\x00"
Places = npt.NDArray[np.intp]
_LOCAL = rb"[0-9A-Za-z_.%+\-\x80-\xff]"
_DOMAIN = rb"[0-9A-Za-z\-\x80-\xff]"
_SECRET_NAME = rb"(?i:pass(?:word|wd|wort|code|phrase)|\bpwd|\bpin|api[ _\-]?key|access[ _\-]?key|secret|token)"
# Repetitions that a following character decides are bounded: each search then looks only so far ahead, and a hostile
# text takes time in proportion to its length.
_CANDIDATES = (
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----[^\x00]*",
    rb"\beyJ[0-9A-Za-z_\-]{8,900}\.[0-9A-Za-z_\-]{4,}(?:\.[0-9A-Za-z_\-]*)?",
    rb"\b(?:[spr]k[-_](?:live|test|proj|ant)?[-_]?[0-9A-Za-z_\-]{13,}|gh[pousr]_[0-9A-Za-z]{16,}|github_pat_\w{16,})",
    rb"\b(?:glpat-[\w\-]{12,}|xox[a-z]-[\w\-]{11,}|AKIA[0-9A-Z]{12,}|ASIA[0-9A-Z]{12,}|AIza[\w\-]{20,})",
    rb"\b(?i:bearer|basic) +[0-9A-Za-z._~+/\-]{16,}=*",
    _SECRET_NAME + rb"[\"']? *[:=] *[\"']?[^\s\"',;<>\x00]{4,}",
    rb"(?i:pass(?:word|wort|code|phrase) (?:is|ist|lautet):? )[\"']?[^\s\"',;<>\x00]{4,}",
    _LOCAL + rb"{1,80}@" + _DOMAIN + rb"{1,63}(?:\." + _DOMAIN + rb"{1,63}){1,6}",
    rb"\b[A-Za-z]{2}\d\d(?:[ \-]?[0-9A-Za-z]){11,38}\b",
    rb"\b[0-9A-Za-z_]{32,}\b",
    rb"[0-9A-Za-z+/]{40,400}={0,2}",
    rb"(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?",
    rb"\b\d{1,3}(?:\.\d{1,3}){3}\b",
    rb"[+(]{0,2}\d(?:[ .\-/()]{0,3}\d){6,30}",
)
# Nothing above can match in a string that has neither one of "@:=", nor four digits, nor one of these.
_HINTS = rb"[0-9A-Za-z_+/.\-]{16}|(?i:pass(?:wor|cod|phr)|private key)"
_SPECIAL = 4
_WEIGHT = bytes(_SPECIAL if byte in b"@:=" else 1 if chr(byte) in "0123456789" else 0 for byte in range(256))


def _compiled(pattern: bytes) -> re2._Regexp:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    options.max_mem = 64 << 20
    return re2.compile(pattern, options)


_FIND = _compiled(b"|".join(_CANDIDATES)).finditer
_HINT = _compiled(_HINTS).finditer


def redact(text: str) -> str:
    """One string without what is personal or secret.

    >>> redact("mail me at jo@example.org, I run 5.2.0")
    'mail me at <email>, I run 5.2.0'
    """
    return redact_all([text])[0]


def redact_all(texts: Sequence[str]) -> list[str]:
    """Every string redacted, each as if it were alone. NUL characters become spaces."""
    clean = list(texts)
    for place, text in redactions(texts):
        clean[place] = text
    return clean


def redactions(texts: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The strings that redaction may change: their places and what becomes of them."""
    joined = SEPARATOR.join(texts)
    if joined.count(SEPARATOR) >= max(1, len(texts)):
        texts = [text.replace(SEPARATOR, " ") for text in texts]
        yield from enumerate(texts)
        joined = SEPARATOR.join(texts)
    places = _suspicious(joined.encode())
    if places:
        picked = SEPARATOR.join([texts[place] for place in places]).encode()
        yield from zip(places, _redacted(picked), strict=True)


def _suspicious(data: bytes) -> list[int]:
    """Places of the strings that the pattern has to see."""
    ends = np.flatnonzero(np.frombuffer(data + b"\0", np.uint8) == 0)
    weights = np.cumsum(np.frombuffer(data.translate(_WEIGHT) + b"\0", np.uint8), dtype=np.uint32)
    marked = np.diff(weights[ends], prepend=np.uint32(0)) >= _SPECIAL
    hints = [found.start() for found in _HINT(data)]
    if hints:
        marked[np.searchsorted(ends, hints)] = True
    places: list[int] = np.flatnonzero(marked).tolist()
    return places


def redact_bytes(texts: Sequence[bytes]) -> list[bytes]:
    """UTF-8 strings without NUL characters, each redacted as if it were alone."""
    clean = _replaced(SEPARATOR.encode().join(texts))
    return clean.decode("utf-8", "replace").encode().split(SEPARATOR.encode())


def _redacted(data: bytes) -> list[str]:
    """Joined strings, redacted and parted again."""
    return _replaced(data).decode("utf-8", "replace").split(SEPARATOR)


def _replaced(data: bytes) -> bytes:
    pieces: list[bytes] = []
    kept = at = 0
    matches = _FIND(data)
    while (found := next(matches, None)) is not None:
        start, end = found.span()
        verdict = judge(data, start, end)
        if verdict is None:
            at = _after_run(data, start, end)
        else:
            first, at, mark = verdict
            pieces += (data[kept:first], mark)
            kept = at
        if at != end:
            matches = _FIND(data, at)
    pieces.append(data[kept:])
    return b"".join(pieces)


def _after_run(data: bytes, start: int, end: int) -> int:
    """Where to look on after a candidate that is nothing: behind its first unbroken run, lest the rest hides one."""
    slash = data.rfind(b"/", start, end)
    if slash > start and data[start:end].translate(None, b"+/=").isalnum():
        return slash + 1
    at = start + 1
    while at < end and data[at : at + 1].isalnum():
        at += 1
    return at
