"""What people wrote stays theirs: e-mails, phones, cards, IBANs, addresses, tokens and keys leave the text.

One ``re2`` pattern finds everything that could be personal over a whole batch of strings at once; what it finds
is then judged one by one (checksums, neighbours, the word before), so that versions, dates and order numbers stay.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import re2  # type: ignore[import-untyped]

from streams.admit.judge import judge

SEPARATOR = "\x00"
Places = npt.NDArray[np.intp]
_LOCAL = rb"[0-9A-Za-z_.%+\-\x80-\xff]"
_DOMAIN = rb"[0-9A-Za-z\-\x80-\xff]"
_SECRET_NAME = rb"(?i:pass(?:word|wd|wort|code|phrase)|\bpwd|\bpin|api[ _\-]?key|access[ _\-]?key|secret|token)"
_CANDIDATES = (
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----[^\x00]*",
    rb"\beyJ[0-9A-Za-z_\-]{8,}\.[0-9A-Za-z_\-]{4,}(?:\.[0-9A-Za-z_\-]*)?",
    rb"\b(?:[spr]k[-_](?:live|test|proj|ant)?[-_]?[0-9A-Za-z_\-]{13,}|gh[pousr]_[0-9A-Za-z]{16,}|github_pat_\w{16,})",
    rb"\b(?:glpat-[\w\-]{12,}|xox[a-z]-[\w\-]{11,}|AKIA[0-9A-Z]{12,}|ASIA[0-9A-Z]{12,}|AIza[\w\-]{20,})",
    rb"\b(?i:bearer|basic) +[0-9A-Za-z._~+/\-]{16,}=*",
    _SECRET_NAME + rb"[\"']? *[:=] *[\"']?[^\s\"',;<>\x00]{4,}",
    rb"(?i:pass(?:word|wort|code|phrase) (?:is|ist|lautet):? )[\"']?[^\s\"',;<>\x00]{4,}",
    _LOCAL + rb"+@" + _DOMAIN + rb"+(?:\." + _DOMAIN + rb"+)+",
    rb"\b[A-Za-z]{2}\d\d(?:[ \-]?[0-9A-Za-z]){11,38}\b",
    rb"\b[0-9A-Za-z_]{32,}\b",
    rb"[0-9A-Za-z+/]{40,}={0,2}",
    rb"(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?",
    rb"\b\d{1,3}(?:\.\d{1,3}){3}\b",
    rb"[+(]{0,2}\d(?:[ .\-/()]{0,3}\d){6,}",
)
_OPTIONS = re2.Options()
_OPTIONS.encoding = re2.Options.Encoding.LATIN1
_OPTIONS.never_capture = True
_OPTIONS.max_mem = 64 << 20
_PATTERN = re2.compile(b"|".join(_CANDIDATES), _OPTIONS)

# Per byte: 1 for a digit, 4 for what makes a string suspicious by itself. Four digits, or one such byte, or a long
# unbroken run, and the string goes to the pattern; nothing that the pattern could find has less.
_WEIGHT = np.zeros(256, np.uint8)
_WEIGHT[list(b"0123456789")] = 1
_WEIGHT[list(b"@:=")] = 4
_BREAKS = np.ones(256, np.bool_)
_BREAKS[list(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_+/-.")] = False
_LONG_RUN = 16


def redact(text: str) -> str:
    """One string without what is personal or secret.

    >>> redact("mail me at jo@example.org, I run 5.2.0")
    'mail me at <email>, I run 5.2.0'
    """
    return redact_all([text])[0]


def redact_all(texts: Sequence[str]) -> list[str]:
    """Every string redacted, each as if it were alone. NUL characters become spaces."""
    clean = [text.replace(SEPARATOR, " ") if SEPARATOR in text else text for text in texts]
    if not clean:
        return clean
    data = SEPARATOR.join(clean).encode("utf-8", "replace")
    chosen = _suspicious(data)
    if chosen.size == 0:
        return clean
    picked = [clean[i] for i in chosen.tolist()]
    for i, text in zip(chosen.tolist(), _redacted(SEPARATOR.join(picked).encode("utf-8", "replace")), strict=True):
        clean[i] = text
    return clean


def _suspicious(data: bytes) -> Places:
    """Places of the strings that the pattern has to see."""
    raw = np.frombuffer(data, np.uint8)
    ends = np.append(np.flatnonzero(raw == 0), raw.size)
    weight = _WEIGHT[raw]
    marked = np.flatnonzero(weight)
    sums = np.bincount(np.searchsorted(ends, marked), weights=weight[marked], minlength=ends.size)
    breaks = np.flatnonzero(_BREAKS[raw])
    long_runs = np.flatnonzero(np.diff(breaks, prepend=-1, append=raw.size) > _LONG_RUN)
    starts = np.concatenate(([0], breaks + 1))[long_runs]
    sums[np.searchsorted(ends, starts)] += 4
    sums[_told_secrets(data, ends)] += 4
    return np.flatnonzero(sums >= 4)


def _told_secrets(data: bytes, ends: Places) -> list[int]:
    """Strings in which somebody says "my password is"; they need not hold a digit or a colon."""
    found: list[int] = []
    for word in (b"assw", b"ASSW", b"assc", b"ASSC", b"assp", b"ASSP", b"PRIVATE KEY"):
        at = data.find(word)
        while at >= 0:
            found.append(at)
            at = data.find(word, at + 1)
    return np.unique(np.searchsorted(ends, found)).tolist() if found else []


def _redacted(data: bytes) -> list[str]:
    pieces: list[bytes] = []
    kept, at = 0, 0
    while True:
        found = next(_PATTERN.finditer(data, at), None)
        if found is None:
            break
        start, end = found.span()
        verdict = judge(data, start, end)
        if verdict is None:
            at = _after_run(data, start, end)
            continue
        first, last, mark = verdict
        pieces += (data[kept:first], mark)
        kept = at = last
    pieces.append(data[kept:])
    return b"".join(pieces).decode("utf-8", "replace").split(SEPARATOR)


def _after_run(data: bytes, start: int, end: int) -> int:
    """Where to look on after a candidate that is nothing: behind its first unbroken run, lest the rest hides one."""
    at = start + 1
    while at < end and data[at : at + 1].isalnum():
        at += 1
    return at
