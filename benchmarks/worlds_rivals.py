"""Simpler rules to compare attribution with, given the same spikes and the same records.

- ``latest``: the change that began last before the onset; ``latest in scope``: of those whose scope fits the slice.
- ``vote and veto``: after Gandalf (NSDI 2020): changes of the last hour, day and three days vote, weighted by how much
  of the excess lies in their scope and dying down with age; vetoed when the excess began before the change.
- ``differences``: difference in differences alone: the scope after against before, against what lies outside.
- ``counterfactual``: in the manner of BSTS (Brodersen et al., 2015), without its sampling: local level, hours of the
  day and a control series, fitted before each change; the change after which most is left unexplained.

The last three say ``unknown`` below three standard deviations (or without votes). None knows of ``measurement``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.worlds_run import Found, inside
from schemas.attribution import Attribution
from schemas.timeline import Change
from sources.stories.worlds import World

Floats = NDArray[np.float64]
Said = tuple[str, str]
UNKNOWN: Said = ("unknown", "")
LOOKBACK_H = 72
LEAST_Z = 3.0
TOLERANCE_H = 1.0
LEAST_VOTES = 0.15
VETO_SHARE = 0.15
_FIELDS = {"product": "products", "platform": "platforms", "region": "regions"}


class Scene(NamedTuple):
    """A world by the hour: contacts per hour and leaf, and every change as it was last recorded."""

    world: World
    counts: Floats
    changes: list[Change]

    def hour(self, at: datetime) -> float:
        return (at - self.world.start).total_seconds() / 3_600.0

    def series(self, pairs: Mapping[str, tuple[str, ...]]) -> Floats:
        mask = np.ones(self.counts.shape[1], dtype=bool)
        for name, values in pairs.items():
            mask &= np.any([inside(self.world, {name: value}) for value in values], axis=0)
        total: Floats = self.counts[:, mask].sum(axis=1)
        return total


def rivals_of(found: Found) -> dict[str, dict[str, Said]]:
    """What each rival says of each spike, by the spike's id."""
    scene = _scene(found.world)
    return {one.spike_id: {name: rule(scene, one) for name, rule in RIVALS.items()} for one in found.said.final}


def _scene(world: World) -> Scene:
    hours = int(world.market.ends // 3_600)
    counts = np.zeros((hours, len(world.leaves.values)))
    np.add.at(counts, ((world.crowd.at // 3_600).astype(np.int64), world.leaves.place), 1.0)
    changes: dict[str, Change] = {}
    for record in world.told():
        if isinstance(record.body, Change):
            changes[record.body.key] = record.body
    return Scene(world, counts, list(changes.values()))


def _scope(change: Change) -> dict[str, tuple[str, ...]]:
    return {name: getattr(change.scope, field) for name, field in _FIELDS.items() if getattr(change.scope, field)}


def _fits(change: Change, spike: Attribution) -> bool:
    return all(spike.slice.get(name, values[0]) in (*values, "other") for name, values in _scope(change).items())


def _lag_h(scene: Scene, change: Change, spike: Attribution) -> float:
    return scene.hour(spike.onset) - scene.hour(change.starts_at)


def _last(scene: Scene, spike: Attribution, changes: list[Change]) -> Said:
    before = [one for one in changes if _lag_h(scene, one, spike) >= -TOLERANCE_H]
    last = max(before, key=lambda one: (one.starts_at, one.key), default=None)
    return UNKNOWN if last is None else (last.kind, last.key)


def latest(scene: Scene, spike: Attribution) -> Said:
    """The change that began last before the onset."""
    return _last(scene, spike, scene.changes)


def latest_in_scope(scene: Scene, spike: Attribution) -> Said:
    """The same among those whose scope fits."""
    return _last(scene, spike, [one for one in scene.changes if _fits(one, spike)])


def _usual(series: Floats, until: int) -> Floats:
    """Usual contacts of every hour: the mean of the same hours of earlier weeks before ``until``, else of earlier days."""
    before = np.where(np.arange(series.size) < until, series, np.nan)
    weeks, days = (_mean_back(before, width, most) for width, most in ((168, series.size), (24, 7)))
    rest = float(series[max(until - 24, 0) : max(until, 1)].mean())
    return np.where(np.isnan(weeks), np.where(np.isnan(days), rest, days), weeks)


def _mean_back(before: Floats, width: int, most: int) -> Floats:
    """Mean of what was known ``width``, twice ``width`` … hours earlier, at most ``most`` times; NaN where nothing was."""
    total, number = np.zeros_like(before), np.zeros_like(before)
    for back in range(width, min(before.size, width * most + 1), width):
        known = before[:-back]
        total[back:] += np.nan_to_num(known)
        number[back:] += ~np.isnan(known)
    mean: Floats = np.where(number > 0, total / np.maximum(number, 1.0), np.nan)
    return mean


def _near(scene: Scene, spike: Attribution) -> list[Change]:
    return [
        one for one in scene.changes if -TOLERANCE_H <= _lag_h(scene, one, spike) <= LOOKBACK_H and _fits(one, spike)
    ]


def _span(scene: Scene, spike: Attribution) -> tuple[int, int]:
    first = int(scene.hour(spike.onset))
    return first, max(first + 1, min(int(np.ceil(scene.hour(spike.end))), scene.counts.shape[0]))


def vote_and_veto(scene: Scene, spike: Attribution) -> Said:
    """Votes over windows of an hour, a day and three days; vetoed when the excess began before."""
    first, last = _span(scene, spike)
    whole = scene.series({name: (value,) for name, value in spike.slice.items()})
    excess = whole - _usual(whole, first)
    gained = max(float(excess[first:last].sum()), 1.0)
    best, most = UNKNOWN, LEAST_VOTES
    for change in _near(scene, spike):
        start = scene.hour(change.starts_at)
        lag = max(_lag_h(scene, change, spike), 0.0)
        came_before = float(excess[first : max(int(start), first)].sum()) / gained
        earlier = excess[max(int(min(start, first)) - LOOKBACK_H, 0) : int(min(start, first))]
        noise = np.sqrt(whole[max(int(min(start, first)) - LOOKBACK_H, 0) : int(min(start, first))].sum() + 1.0)
        if came_before > VETO_SHARE or float(earlier.sum()) > 4.0 * noise:
            continue
        inner = scene.series({**{name: (value,) for name, value in spike.slice.items()}, **_scope(change)})
        share = float((inner - _usual(inner, first))[first:last].sum()) / gained
        votes = sum(weight for window, weight in ((1, 0.5), (24, 0.3), (72, 0.2)) if lag <= window)
        score = votes * min(max(share, 0.0), 1.0) * float(np.exp(-lag / 24.0))
        if score > most:
            best, most = (change.kind, change.key), score
    return best


def differences(scene: Scene, spike: Attribution) -> Said:
    """Difference in differences on the logarithm of counts, of the scope against what lies outside it."""
    first, last = _span(scene, spike)
    free = {name: (value,) for name, value in spike.slice.items()}
    best, most = UNKNOWN, LEAST_Z
    for change in _near(scene, spike):
        scope = _scope(change)
        around = {name: values for name, values in free.items() if name not in scope} if scope else {}
        start = max(int(scene.hour(change.starts_at)), 0)
        stop = max(min(last, start + 48), start + 1)
        inner = scene.series({**free, **scope})
        outer = scene.series(around) - inner
        terms = []
        for series in (inner, outer):
            usual = _usual(series, min(first, start))
            terms.append((series[start:stop].sum() + 0.5, usual[start:stop].sum() + 0.5))
        (seen, usual_in), (outside, usual_out) = terms
        gap = np.log(seen / usual_in) - np.log(outside / usual_out)
        z = float(gap / np.sqrt(1 / seen + 1 / usual_in + 1 / outside + 1 / usual_out + 0.01))
        if z > most:
            best, most = (change.kind, change.key), z
    return best


def counterfactual(scene: Scene, spike: Attribution) -> Said:
    """The change after which the most is left that level, hours and a control do not explain."""
    _, last = _span(scene, spike)
    own = {name: (value,) for name, value in spike.slice.items()}
    control = np.sqrt(scene.counts.sum(axis=1) - scene.series(own))
    best, most = UNKNOWN, LEAST_Z
    for change in _near(scene, spike):
        start = int(scene.hour(change.starts_at))
        if start < 96 or start >= last:
            continue
        z = _left(np.sqrt(scene.series({**own, **_scope(change)})), control, start, last)
        if z > most:
            best, most = (change.kind, change.key), z
    return best


def _left(y: Floats, control: Floats, start: int, stop: int) -> float:
    """Standard deviations by which a stretch exceeds what the time before foretells."""
    hours = np.arange(y.size) * (2 * np.pi / 24)
    waves = [wave(k * hours) for k in (1, 2, 3) for wave in (np.sin, np.cos)]
    weekend = ((np.arange(y.size) // 24) % 7 >= 5).astype(np.float64)
    design = np.column_stack([np.ones(y.size), control, weekend, *waves])
    beta = np.linalg.lstsq(design[:start], y[:start], rcond=None)[0]
    rest = y - design @ beta
    level, noise, drift = _local_level(rest[:start])
    steps = np.arange(1, stop - start + 1)
    total = float((rest[start:stop] - level).sum())
    variance = noise * steps.size + drift * float((steps[::-1] ** 2).sum()) + noise * 0.1 * steps.size**2 / 24
    return total / float(np.sqrt(variance + 1e-9))


def _local_level(rest: Floats) -> tuple[float, float, float]:
    """Last level, noise and drift variance of a local-level model, the gain chosen by one-step errors."""
    best = (np.inf, 0.0, 1.0, 0.0)
    for gain in (0.0, 0.01, 0.03, 0.1, 0.3):
        level, errors = 0.0, np.empty(rest.size)
        for at, value in enumerate(rest.tolist()):
            errors[at] = value - level
            level += gain * (value - level)
        loss = float((errors**2).mean())
        if loss < best[0]:
            best = (loss, level, loss * (1 - gain), loss * gain**2)
    return best[1], best[2], best[3]


RIVALS: dict[str, Callable[[Scene, Attribution], Said]] = {
    "latest": latest,
    "latest in scope": latest_in_scope,
    "vote and veto": vote_and_veto,
    "differences": differences,
    "counterfactual": counterfactual,
}
