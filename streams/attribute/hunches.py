"""What agents suspect: weak evidence that a spike is real, and that it is a change they name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from schemas.attribution import Evidence
from schemas.timeline import Change, Hunch
from streams.attribute.evidence import Surroundings, line

BEFORE = timedelta(hours=2)
REAL = -0.5
NAMED = 0.8
LEAST = 4


def _near(around: Surroundings, hunches: Iterable[Hunch]) -> list[Hunch]:
    end = around.spike.end if around.spike.end is not None else around.spike.as_of
    return [one for one in hunches if around.spike.onset_low - BEFORE <= one.at <= end and one.at < around.as_of]


def hunch_of_trouble(around: Surroundings, hunches: Iterable[Hunch]) -> Evidence | None:
    """Agents who say that something is wrong speak against a mere mismeasurement, if it is what the spike is about."""
    values = {value.lower() for value in around.spike.slice.values() if value}
    mine = [
        one
        for one in _near(around, hunches)
        if not values or any(v in f"{one.about} {one.text}".lower() for v in values)
    ]
    if not mine:
        return None
    sentence = f"{len(mine)} hunch{'es' if len(mine) > 1 else ''} of agents while it lasted: they met customers with a problem."
    return line("hunch", REAL, sentence, hunches=len(mine))


def hunch_line(change: Change, around: Surroundings, hunches: Iterable[Hunch]) -> Evidence | None:
    """Whether agents named the change by key, title or code."""
    names = [name.lower() for name in (change.key, change.title, change.code) if len(name) >= LEAST]
    mine = [one for one in _near(around, hunches) if any(name in f"{one.about} {one.text}".lower() for name in names)]
    if not mine:
        return None
    return line("hunch", NAMED, f"Agents named it while the spike lasted ({len(mine)}).", hunches=len(mine))
