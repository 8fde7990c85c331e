"""How many customers are where: the denominators that producers tell, as far as they were known at a moment."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from schemas.timeline import PopulationCount

KEPT = timedelta(days=90)
STALE = timedelta(days=14)
Pairs = tuple[tuple[str, str], ...]


class Told(NamedTuple):
    """One count of customers: of which moment, when it arrived, how many."""

    at: datetime
    arrived: datetime
    customers: int


@dataclass(slots=True)
class Census:
    """Counts by slice, in order of time, of the last :data:`KEPT`."""

    counts: dict[Pairs, list[Told]] = field(default_factory=dict)


def count(census: Census, population: PopulationCount, *, before: datetime | None) -> None:
    """Take a count in; it has arrived at its own time, but never before what its input had already closed."""
    arrived = population.at if before is None else max(population.at, before)
    told = census.counts.setdefault(tuple(sorted(population.slice.items())), [])
    insort(told, Told(population.at, arrived, population.customers))


def forget(census: Census, before: datetime) -> None:
    """Drop what no decision from a moment on can use; never by number, as input may be far ahead of decisions."""
    for pairs in list(census.counts):
        census.counts[pairs] = [one for one in census.counts[pairs] if one.at >= before]
        if not census.counts[pairs]:
            del census.counts[pairs]


def by_version(census: Census, moment: datetime, as_of: datetime) -> dict[Pairs, dict[str, int]]:
    """Customers of each version that has any, by the rest of the slice: as last told of a moment, or else first after it.

    Nothing is used that was not known at ``as_of``.
    """
    found: dict[Pairs, dict[str, int]] = {}
    for pairs, told in census.counts.items():
        version = dict(pairs).get("version", "")
        known = [one for one in told if version and one.at < as_of and one.arrived < as_of]
        before = [one for one in known if one.at <= moment]
        chosen = before[-1] if before else known[0] if known else None
        if chosen is not None and abs(chosen.at - moment) < STALE and chosen.customers > 0:
            rest = tuple(pair for pair in pairs if pair[0] != "version")
            found.setdefault(rest, {})[version] = chosen.customers
    return found
