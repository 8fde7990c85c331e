"""What any change has cost in contacts, spike or not: the counts since, against what they would have been."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.errors import WhenceError
from schemas.timeline import Change
from stats.effect import FEWEST_DAYS, Effect, effect

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
DAY = timedelta(days=1)
HISTORY_D = 182
QUIET_MEAN = 8.0
"""A day without any contact is no collection where a usual day has more than this."""
USUAL_DAYS = 14
AFTER_END = timedelta(days=3)
SPANS_D = (1, 3, 7, 14, 28)
LEAST_OF_A_SLICE = 20.0
"""Contacts since the change that a slice needs, expected or seen, to be shown."""
_SCOPED = {
    "product": "products",
    "platform": "platforms",
    "version": "versions",
    "region": "regions",
    "segment": "segments",
}


class TooFewDays(WhenceError):
    """There are not enough days before or after the change to say anything."""


class Cells(Struct, frozen=True):
    """Contacts per day and leaf: ``n[i]`` on day ``day[i]`` with the values ``leaves[i]`` of ``dimensions``."""

    dimensions: tuple[str, ...]
    day: NDArray[np.int64]
    leaves: list[tuple[str, ...]]
    n: Floats


class Watched(Struct, frozen=True):
    """What is needed to say what a change has cost: itself, the other changes, and a way to count by days.

    ``first`` and ``last`` bound what was collected; ``cells(origin, until)`` counts by days from ``origin``."""

    workspace: str
    change: Change
    others: tuple[Change, ...]
    first: datetime
    last: datetime
    cells: Callable[[datetime, datetime], Cells]


class SliceCost(Struct, frozen=True):
    """Contacts beyond expectation on one value of one dimension, within the change's scope."""

    slice: str
    contacts: float
    low: float
    high: float
    expected: float


class DayCost(Struct, frozen=True):
    """One day since the change; ``None`` where nothing was collected."""

    day: datetime
    observed: float | None
    contacts: float | None
    low: float | None
    high: float | None


class SpanCost(Struct, frozen=True):
    """Contacts beyond expectation within the first ``days`` days."""

    days: int
    contacts: float
    low: float
    high: float
    expected: float


class Cost(Struct, frozen=True):
    """What a change has cost within ``days`` days; ``scope`` is what was counted, ``control`` the weight of the rest."""

    workspace: str
    change: str
    kind: str
    title: str
    owner: str
    since: datetime
    days: int
    scope: dict[str, tuple[str, ...]]
    contacts: float
    low: float
    high: float
    expected: float
    planned: int | None
    control: float
    history_days: int
    by_span: tuple[SpanCost, ...]
    by_day: tuple[DayCost, ...]
    by_slice: tuple[SliceCost, ...]
    others: tuple[str, ...]
    sentence: str


def cost_of(watched: Watched, *, days: int | None = None) -> Cost:
    """The cost of a change in contacts, in all, by day and by slice.

    Args:
        watched: The change and its counts.
        days: How many days since its start are counted; by default until three days after its end, or 14.

    Raises:
        TooFewDays: fewer than 14 days of history, or no whole day since the change.
    """
    change = watched.change
    start = change.starts_at
    before = min((start - watched.first) // DAY, HISTORY_D)
    after = min((watched.last - start) // DAY, days if days is not None else _usual_days(change))
    name = change.title or change.key
    if before < FEWEST_DAYS:
        raise TooFewDays(
            f"{name} began on {start:%Y-%m-%d}, {max(before, 0)} day(s) after the first contact; {FEWEST_DAYS} are needed"
        )
    if after < 1:
        raise TooFewDays(
            f"{name} began at {_told_time(start)}; contacts end at {_told_time(watched.last)}, before a day was over"
        )
    cells = watched.cells(start - before * DAY, start + after * DAY)
    inside, outside, scope = _divided(cells, change)
    length = before + after
    collected = _collected(_by_day(cells, np.ones(len(cells.n), dtype=bool), length))
    whole = np.where(collected, _by_day(cells, inside, length), np.nan)
    rest = np.where(collected, _by_day(cells, outside, length), np.nan) if outside.any() else None
    found = effect(whole, start=before, control=rest)
    return Cost(
        workspace=watched.workspace,
        change=change.key,
        kind=change.kind,
        title=change.title,
        owner=change.owner,
        since=start,
        days=after,
        scope=scope,
        contacts=round(found.contacts, 1),
        low=round(found.low, 1),
        high=round(found.high, 1),
        expected=round(found.expected, 1),
        planned=change.expected_contacts,
        control=round(found.control, 2),
        history_days=before,
        by_span=tuple(_spans(whole, rest, before)),
        by_day=_days(found, start),
        by_slice=tuple(_slices(cells, inside, collected, before)),
        others=tuple(_others(watched, start + after * DAY)),
        sentence=_sentence(change, found, after),
    )


def _usual_days(change: Change) -> int:
    if change.ends_at is None or change.ends_at <= change.starts_at:
        return USUAL_DAYS
    return max(1, -((change.starts_at - change.ends_at - AFTER_END) // DAY))


def _divided(cells: Cells, change: Change) -> tuple[Bools, Bools, dict[str, tuple[str, ...]]]:
    """Which cells the change can touch, which it cannot, and by which dimensions that was told.

    A contact that does not name a dimension of the scope is in neither. A release's version is left out: contacts of
    the new version come with its mere adoption.
    """
    inside, outside = np.ones(len(cells.n), dtype=bool), np.zeros(len(cells.n), dtype=bool)
    used: dict[str, tuple[str, ...]] = {}
    for dimension, field in _SCOPED.items():
        wanted: tuple[str, ...] = getattr(change.scope, field)
        if not wanted or dimension not in cells.dimensions or (dimension == "version" and change.kind == "release"):
            continue
        place = cells.dimensions.index(dimension)
        values = np.array([leaf[place] for leaf in cells.leaves], dtype=object)
        within = np.isin(values, np.array(wanted, dtype=object))
        if not within.any():
            continue
        used[dimension] = wanted
        outside |= ~within & (values != "")
        inside &= within
    return inside, outside & ~inside, used


def _by_day(cells: Cells, where: Bools, length: int) -> Floats:
    return np.bincount(cells.day[where], weights=cells.n[where], minlength=length).astype(float)[:length]


def _collected(total: Floats) -> Bools:
    """Days on which contacts were collected: a day without any is a gap where usual days have many."""
    return np.asarray((total > 0) | (float(np.median(total)) < QUIET_MEAN))


def _spans(whole: Floats, rest: Floats | None, before: int) -> list[SpanCost]:
    """The cost of the first days, for longer and longer; a short burst shows in the short ones."""
    told: list[SpanCost] = []
    for days in SPANS_D:
        until = before + days
        if until < len(whole):
            found = effect(whole[:until], start=before, control=None if rest is None else rest[:until])
            numbers = (round(number, 1) for number in (found.contacts, found.low, found.high, found.expected))
            told.append(SpanCost(days, *numbers))
    return told


def _days(found: Effect, start: datetime) -> tuple[DayCost, ...]:
    def told(number: float) -> float | None:
        return None if np.isnan(number) else round(float(number), 1)

    columns = (
        found.observed_by_day,
        found.observed_by_day - found.expected_by_day,
        found.low_by_day,
        found.high_by_day,
    )
    rows = zip(*columns, strict=True)
    return tuple(DayCost(start + at * DAY, *(told(number) for number in row)) for at, row in enumerate(rows))


def _slices(cells: Cells, inside: Bools, collected: Bools, before: int) -> list[SliceCost]:
    """Every value of every dimension with enough contacts, the surest first; versions replace each other, so none."""
    told: list[tuple[float, SliceCost]] = []
    for place, dimension in enumerate(cells.dimensions):
        if dimension == "version":
            continue
        values = np.array([leaf[place] for leaf in cells.leaves], dtype=object)
        named = sorted({value for value in values[inside] if value})
        for value in named if len(named) > 1 else []:
            counts = _by_day(cells, inside & (values == value), len(collected))
            if max(counts[before:].sum(), counts[:before].mean() * (len(counts) - before)) < LEAST_OF_A_SLICE:
                continue
            found = effect(np.where(collected, counts, np.nan), start=before)
            numbers = (round(number, 1) for number in (found.contacts, found.low, found.high, found.expected))
            told.append(
                (found.contacts / max(found.high - found.low, 1e-9), SliceCost(f"{dimension}={value}", *numbers))
            )
    return [one for _, one in sorted(told, key=lambda pair: (-abs(pair[0]), pair[1].slice))]


def _others(watched: Watched, until: datetime) -> list[str]:
    """Other changes that began in the same days and may touch the same contacts."""
    change = watched.change
    near = [
        one
        for one in watched.others
        if one.key != change.key and change.starts_at - 2 * DAY <= one.starts_at < until and _touch(change, one)
    ]
    return [
        f"{one.kind} {one.title or one.key} ({one.starts_at:%Y-%m-%d})"
        for one in sorted(near, key=lambda one: (one.starts_at, one.key))
    ]


def _touch(one: Change, other: Change) -> bool:
    pairs = [(getattr(one.scope, name), getattr(other.scope, name)) for name in _SCOPED.values() if name != "versions"]
    return all(not a or not b or set(a) & set(b) for a, b in pairs)


def _sentence(change: Change, found: Effect, days: int) -> str:
    name = f"{change.kind.capitalize()} {change.title or change.key}" + (f" ({change.owner})" if change.owner else "")
    sure = found.low > 0 or found.high < 0
    told = f"{name}: {found.contacts:+,.0f} contacts ({found.low:+,.0f} to {found.high:+,.0f}, 90%) in {days} day(s) since {change.starts_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, where {found.expected:,.0f} were to be expected."
    return told + ("" if sure else " As much as chance alone may do: no effect is shown.")


def _told_time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
