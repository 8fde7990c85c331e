"""Evidence about versions: do customers on the new one write more often, or are there merely more of them by now?"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise

import numpy as np
from msgspec.structs import replace

from schemas.attribution import Evidence
from schemas.timeline import Change
from stats.shares import Ratio, adoption_weight, foretold_ratio, rate_ratio, ratio_weight, share_spread, widened
from stats.words import slot, words
from streams.attribute import memory as past
from streams.attribute.case import SpikeWords, excess_of, plain_version, window
from streams.attribute.census import Pairs
from streams.attribute.evidence import Surroundings, line
from streams.attribute.kinds import ADOPTED, room
from streams.attribute.memory import CELL_S, Memory

EARLIER = 12
WORTH = 0.25
"""Nats that each earlier version to compare with lets the comparison weigh: ages are as uncertain as dates."""
LONGEST_S = 4 * past.DAY_S
FEW = 8.0
LEAST_BESIDE = 2.0
PLACES = ("product", "platform")
EARLY_S, TARDY_S = past.DAY_S, 3 * past.DAY_S
"""How long before its recorded start a release's version may be stated (testers, clocks), and how long after it (few customers,
detection's folding)."""
SPREADING = 8.0
"""Hours over a version's age at a spike's onset: the standard deviation of the log of its customers in the window."""
_PATCH = re.compile(r"\d+\.\d+\.0*[1-9]")


@lru_cache(maxsize=10_000)
def is_patch(version: str) -> bool:
    """Whether a version is a patch of another by its own number.

    >>> is_patch("66.0.4"), is_patch("66.0"), is_patch("2026.11")
    (True, False, False)
    """
    return _PATCH.match(version) is not None


def version_line(change: Change, around: Surroundings, earlier: Sequence[Change], *, time: float) -> Evidence | None:
    """Whether customers on a release's version write more than their number explains; for a release out of its ``time`` this
    speaks by no more than words do (:func:`~streams.attribute.kinds.room`).

    For a spike about something (a topic, a region), what the same customers write about everything else at that time tells
    how many they are. For one about everything it takes ``populations``, or else the version's share of contacts against
    the share that earlier versions had at the same age. With none of these the line is absent.
    """
    version = change.scope.versions[0] if change.kind == "release" and change.scope.versions else ""
    if not version or "version" not in around.memory.dimensions:
        return None
    place = {name: value for name, value in around.spike.slice.items() if name != "version"}
    found = (
        _beside(change, version, around, place)
        or _rated(change, version, around, place)
        or _adopted(change, version, around, place, earlier)
    )
    return None if found is None else replace(found, weight=min(found.weight, room(ADOPTED, time=time)))


def misdated(change: Change, memory: Memory) -> tuple[str, ...]:
    """What is odd about a release's date: contacts that state its version long before it, or only days after it.

    Either the date or what contacts state is wrong; it is said, and decides nothing by itself.
    """
    began_s = change.starts_at.timestamp()
    if change.kind != "release" or not change.scope.versions or memory.first_s is None or began_s < memory.first_s:
        return ()
    by_cell = _stating(change, memory)
    early = sum(contacts for cell, contacts in by_cell.items() if (cell + 1) * CELL_S <= began_s - EARLY_S)
    first_s = min(by_cell, default=0) * CELL_S
    at_first = sum(contacts for cell, contacts in by_cell.items() if cell * CELL_S < first_s + past.DAY_S)
    if early >= FEW:
        return (f"{early:.0f} contacts state its version before it, from {_day(first_s)} on",)
    if first_s > began_s + TARDY_S and at_first >= FEW:
        return (f"contacts state its version only from {_day(first_s)} on, days after it",)
    return ()


def _stating(change: Change, memory: Memory) -> dict[int, float]:
    """Contacts that state a release's version, on its product and platforms, by cell of time."""
    found: dict[int, float] = {}
    products, platforms = change.scope.products, change.scope.platforms
    for (product, platform), by_version in memory.shares.items():
        if (not products or product in products) and (not platforms or platform in platforms):
            for cell, contacts in by_version.get(change.scope.versions[0], {}).items():
                found[cell] = found.get(cell, 0.0) + contacts
    return found


def _day(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d}"


def _beside(change: Change, version: str, around: Surroundings, place: dict[str, str]) -> Evidence | None:
    """Contacts on the version and on others, in the slice and beside it, by product and platform."""
    about = {name: value for name, value in place.items() if name not in PLACES}
    memory = around.memory
    scope = {"product": change.scope.products, "platform": change.scope.platforms}
    if not about:
        return None
    among = past.inside(memory, {name: values for name, values in scope.items() if values})
    among = among & past.inside(memory, {name: value for name, value in place.items() if name in PLACES})
    among = among & ~past.inside(memory, {"version": ""})
    mine, on = past.inside(memory, about), past.inside(memory, {"version": version})
    cells = [
        tuple(float(around.observed[stratum & a & b].sum()) for a in (mine, ~mine) for b in (on, ~on))
        for stratum in _strata(memory, among)
    ]
    four = _in_all(cells) or (_scarce(cells) if on.any() else None)
    if four is None:
        return None
    seen, expected, others, control = four
    ratio = rate_ratio(seen, expected, 1.0 / (1.0 / others + 1.0 / control))
    active = _active(version, around)
    who = f" ({active:,.0f} active)" if active else ""
    sentence = (
        f"Of customers on {version}{who} {ratio.value:.1f} times as many write about this as of those on other versions, "
        f"by what both write about everything else ({ratio.low:.1f}\u2013{ratio.high:.1f})."
    )
    numbers = {"seen": seen, "expected": expected, "others": others, "control": control}
    numbers |= {"active": active} if active else {}
    return _rate_line(around, ratio, sentence, numbers)


def _in_all(cells: Sequence[tuple[float, ...]]) -> tuple[float, float, float, float] | None:
    """Seen on the version, what the others make expected, the others, and contacts beside on the rarer side, by which the
    customers of both are told; over all strata, ``None`` where these are too few."""
    seen = expected = others = control = 0.0
    for on, off, beside_on, beside_off in cells:
        if beside_on >= 1 and beside_off >= 1:
            seen, others, control = seen + on, others + off, control + min(beside_on, beside_off)
            expected += off * beside_on / beside_off
    return None if others < FEW or control < FEW or expected < 0.5 else (seen, expected, others, control)


def _scarce(cells: Sequence[tuple[float, ...]]) -> tuple[float, float, float, float] | None:
    """The same in a spike's first minutes, from its largest stratum with half a contact added to each of its four cells
    (Haldane 1956), so that nothing seen is no certainty; a bystander's line is then worth at most 1 in the mean of e^weight."""
    on, off, beside_on, beside_off = max(cells, key=lambda four: four[0] + four[1], default=(0.0,) * 4)
    if on + off < FEW or beside_on + beside_off < LEAST_BESIDE:
        return None
    others, with_it, without = off + 0.5, beside_on + 0.5, beside_off + 0.5
    return on + 0.5, others * with_it / without, others, 1.0 / (1.0 / with_it + 1.0 / without)


def _rate_line(around: Surroundings, ratio: Ratio, sentence: str, numbers: Mapping[str, float]) -> Evidence:
    """The line of a rate ratio, beside the one that would be seen if the whole excess came from the version."""
    foretold = foretold_ratio(excess_of(around.spike), numbers["expected"])
    return line(
        "exposure",
        ratio_weight(ratio, foretold),
        sentence,
        ratio=ratio.value,
        low=ratio.low,
        high=ratio.high,
        foretold=foretold.value,
        **numbers,
    )


def _strata(memory: Memory, among: past.Mask) -> list[past.Mask]:
    """The leaves chosen, by product and platform."""
    at = [memory.dimensions.index(name) for name in PLACES if name in memory.dimensions]
    found: dict[tuple[str, ...], past.Mask] = {}
    for number in among.nonzero()[0]:
        key = tuple(memory.leaves[number][place] for place in at)
        found.setdefault(key, np.zeros(len(among), dtype=bool))[number] = True
    return [found[key] for key in sorted(found)]


def _active(version: str, around: Surroundings) -> float:
    return float(sum(customers.get(version, 0) for customers in around.versions.values()))


def _rated(change: Change, version: str, around: Surroundings, place: dict[str, str]) -> Evidence | None:
    """Absent too while the version's contacts are still counted among ``other``, or its customers multiply meanwhile."""
    memory, scope = around.memory, {"product": change.scope.products, "platform": change.scope.platforms}
    age_h = (around.spike.onset - change.starts_at).total_seconds() / 3600
    seen = expected = others = active = 0.0
    against: set[str] = set()
    for rest, customers in sorted(around.versions.items()):
        if version not in customers or len(customers) < 2 or not _may_touch(rest, scope, place):
            continue
        among = past.inside(memory, {**place, **dict(rest)})
        on = past.inside(memory, {"version": version})
        known = past.inside(memory, {"version": tuple(v for v in customers if v != version)})
        rest_customers = sum(customers.values()) - customers[version]
        rest_seen = float(around.observed[among & known].sum())
        seen += float(around.observed[among & on].sum())
        expected += rest_seen / rest_customers * customers[version]
        others += rest_seen
        active += customers[version]
        against.update(v for v in customers if v != version)
    ever = any(version in cells for cells in memory.shares.values())
    if others < FEW or expected < 0.5 or not ever:
        return None
    ratio = rate_ratio(seen, expected, others)
    # While a version spreads, its customers at one moment say little of a window: a young one's number is off by half.
    ratio = widened(ratio, SPREADING / max(age_h, 8.0))
    old = max(against) if len(against) == 1 else "earlier versions"
    sentence = (
        f"Of customers on {version} ({active:,.0f} active) {ratio.value:.1f} times as many write as of those on {old} "
        f"({ratio.low:.1f}\u2013{ratio.high:.1f})."
    )
    numbers = {"seen": seen, "expected": expected, "others": others, "active": active}
    return _rate_line(around, ratio, sentence, numbers)


def _may_touch(rest: Pairs, scope: dict[str, tuple[str, ...]], place: dict[str, str]) -> bool:
    return all(
        (not scope.get(name) or value in scope[name]) and place.get(name, value) in (value, "other")
        for name, value in rest
    )


def _adopted(
    change: Change, version: str, around: Surroundings, place: dict[str, str], earlier: Sequence[Change]
) -> Evidence | None:
    memory, spike = around.memory, around.spike
    start_s, end_s = window(spike)
    end_s = min(end_s, start_s + LONGEST_S)
    named = {"product": change.scope.products, "platform": change.scope.platforms}
    among = past.inside(memory, place) & past.inside(memory, {name: vs for name, vs in named.items() if vs})
    stated = among & ~past.inside(memory, {"version": ""})
    total = float(around.observed[stated].sum())
    seen = float(around.observed[stated & past.inside(memory, {"version": version})].sum())
    began_s = change.starts_at.timestamp()
    if total < FEW or start_s < began_s - past.DAY_S:
        return None
    ages = (max(start_s - began_s, 0.0), max(end_s - began_s, CELL_S))
    pairs = [_share_at(memory, one, ages) for one in _comparable(change, version, earlier)]
    usual = share_spread([pair for pair in pairs if pair is not None])
    if usual is None:
        return None
    gained = float((around.observed - around.expected)[stated].sum())
    excess_share = min(max(gained / total, 0.02), 0.95)
    count = sum(pair is not None for pair in pairs)
    weight = adoption_weight(round(seen), round(max(total, seen)), usual, excess_share=excess_share)
    weight = max(-WORTH * count, min(WORTH * count, weight))
    sentence = (
        f"{seen / total:.0%} of the contacts that state a version are on {version}; {count} earlier versions had "
        f"{usual.mean:.0%} at that age."
    )
    numbers = {"seen": seen, "stated": total, "usual": usual.mean, "correlation": usual.correlation}
    return line("exposure", weight, sentence, earlier=count, excess_share=excess_share, **numbers)


def _comparable(change: Change, version: str, earlier: Sequence[Change]) -> list[Change]:
    """The last releases before this one of its product, platforms and size."""
    found = [
        one
        for one in earlier
        if one.starts_at < change.starts_at
        and one.scope.products == change.scope.products
        and one.scope.platforms == change.scope.platforms
        and one.scope.versions
        and is_patch(one.scope.versions[0]) == is_patch(version)
    ]
    return sorted(found, key=lambda one: (one.starts_at, one.key))[-EARLIER:]


def _share_at(memory: Memory, change: Change, ages: tuple[float, float]) -> tuple[float, float] | None:
    """Contacts on an earlier version and contacts stating any, while it was of that age; ``None`` where unseen."""
    first, last = (math.floor((change.starts_at.timestamp() + age) / CELL_S) for age in ages)
    version, on, total = change.scope.versions[0], 0.0, 0.0
    for (product, platform), by_version in memory.shares.items():
        if change.scope.products and product not in change.scope.products:
            continue
        if change.scope.platforms and platform not in change.scope.platforms:
            continue
        for name, cells in by_version.items():
            part = sum(cells.get(cell, 0.0) for cell in range(first, max(last, first + 1)))
            total += part
            on += part if name == version else 0.0
    return (on, total) if total >= FEW and on > 0 else None


def stated_line(change: Change, found: SpikeWords) -> Evidence | None:
    """Whether the spike's customers write the change's version; weak, as they name the last update they saw."""
    if change.code:
        return _coded(change, found)
    version = change.scope.versions[0] if change.kind == "release" and change.scope.versions else ""
    now, before = found.versions.get(plain_version(version), (0.0, 0.0))
    if now < 0.02 or now <= before:
        return None
    weight = min(0.6, 0.25 * math.log((now + 0.01) / (before + 0.01)))
    sentence = f"{now:.0%} write '{version}' themselves ({before:.0%} before); people name the last update they saw."
    return line("words", weight, sentence, stated=now, stated_before=before)


def _coded(change: Change, found: SpikeWords) -> Evidence | None:
    """Whether they write a promotion's code, which nobody knows who has not met it."""
    places = [place for word in words(change.code) if (place := slot(word)) >= 0]
    if not places or found.sampled < FEW:
        return None
    now, usual = float(found.share_now[places].min()), float(found.share_usual[places].max())
    if now < 0.02 or now < 2 * usual:
        return None
    weight = min(2.5, 0.7 * math.log((now + 0.01) / (usual + 0.01)))
    return line(
        "words", weight, f"{now:.0%} write its code '{change.code}' (usually {usual:.0%}).", code=now, usual=usual
    )


def rollout_line(change: Change, around: Surroundings) -> Evidence | None:
    """Whether the excess rises with the steps of a roll-out; ``None`` unless a step of half as much again falls inside."""
    spike, memory = around.spike, around.memory
    start_s, end_s = window(spike)
    steps = sorted((step.at.timestamp(), step.share) for step in change.rollout)
    edges = [start_s, *(at for at, _ in steps if start_s < at < end_s), end_s]
    shares = [max((share for at, share in steps if at <= edge), default=0.0) for edge in edges[:-1]]
    if len(shares) < 2 or max(shares) < 1.5 * max(min(shares), 0.01):
        return None
    mask = past.inside(memory, spike.slice)
    seen = np.array([past.counted(memory, a, b)[mask].sum() for a, b in pairwise(edges)])
    usual = np.array([past.usual(memory, a, b, onset_s=start_s)[mask].sum() for a, b in pairwise(edges)])
    excess = seen - usual
    if excess.sum() <= 0 or usual @ np.array(shares) <= 0:
        return None
    flat = usual / usual.sum()
    dosed = usual * np.array(shares) / float((usual * np.array(shares)).sum())
    variance = 2.0 * (seen + usual + 1.0) + (0.35 * excess.sum() * np.maximum(flat, dosed)) ** 2
    misfit = [float((((excess - excess.sum() * part) ** 2) / variance).sum()) for part in (flat, dosed)]
    weight = max(-1.0, min(1.5, 0.5 * (misfit[0] - misfit[1])))
    rates = excess / np.diff(np.array(edges)) * 3600
    told = ", ".join(f"{rate:+.1f} an hour at {share:.0%}" for rate, share in zip(rates, shares, strict=True))
    sentence = f"Excess by roll-out: {told}."
    return line("dose", weight, sentence, low=float(rates[0]), high=float(rates[-1]))
