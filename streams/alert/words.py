"""What alerts say: names of causes, and the first line of every message."""

from __future__ import annotations

from schemas.alert import AlertEvent, Moved
from schemas.attribution import CauseKind, Impact

NAMELESS: dict[str, str] = {"unknown": "no known change", "measurement": "a fault of measurement"}
_UPDATE: dict[Moved, str] = {
    "grown": "More contacts",
    "shrunk": "Fewer contacts than we said",
    "surer": "Surer now",
    "less sure": "Less sure now",
    "began again": "It has begun again",
}


def cause_name(kind: CauseKind, key: str, title: str = "") -> str:
    """A cause in a sentence.

    >>> cause_name("release", "app 5.2.0"), cause_name("unknown", "")
    ('release app 5.2.0', 'no known change')
    >>> cause_name("incident", "inc-77", "Card payments declined")
    'incident inc-77 (Card payments declined)'
    """
    if not key:
        return NAMELESS[kind]
    more = f" ({title})" if title and key not in title and len(title) <= 60 else ""
    return f"{kind} {title if title and key in title and len(title) <= 60 else key}{more}"


def headline(event: AlertEvent, impact: Impact, *, moved: Moved | None, formerly: str, successor: str) -> str:
    """The message's first line. ``formerly`` and ``successor`` are names of causes, empty where there is none."""
    name = cause_name(impact.kind, impact.key, impact.title)
    if event == "opened":
        return f"New{f' (at first counted to {formerly})' if formerly else ''}: {impact.sentence}"
    if event == "reattributed":
        return f"We first said {formerly}; it is {name}. {impact.sentence}"
    if event == "resolved":
        return f"Over, the final bill: {impact.sentence}"
    if event == "withdrawn":
        instead = f"; it is {successor}" if successor else ""
        return f"Taken back: {name} is no longer held to cause more contacts{instead}."
    return f"{_UPDATE[moved if moved is not None else 'grown']}: {impact.sentence}"
