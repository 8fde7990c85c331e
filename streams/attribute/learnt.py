"""How often changes cause spikes, learnt from what has been decided and confirmed: by kind, size and owner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from schemas.attribution import Attribution
from schemas.spike import Spike
from schemas.timeline import Change
from stats.shares import Ratio, learnt_share
from streams.attribute.case import Case
from streams.attribute.kinds import AGAIN, HABITS
from streams.attribute.versions import is_patch

Group = tuple[str, ...]
OVER_D = 28.0
"""Over how many days a stated rate of spikes holds the learnt one to it."""
ELSEWHERE, AT_ALL = 1.75, 2.25
"""Spikes of no logged cause, and all spikes, to begin with, for each false one that the budget allows."""
STEADY: dict[int, float] = {1: 40.0, 2: 25.0, 3: 20.0}
"""With how many changes' weight a group's share is held to that of the wider group, by the length of its name."""


@dataclass(slots=True)
class Ledger:
    """Per group of changes: how many there were and how many of them caused a spike (sums of probabilities); per change,
    how likely each spike so far is its doing."""

    of: dict[Group, float] = field(default_factory=dict)
    caused: dict[Group, float] = field(default_factory=dict)
    spikes: dict[str, dict[str, float]] = field(default_factory=dict)


def groups(change: Change) -> list[Group]:
    """The groups that a change belongs to, the widest first: its kind, for a release its size, its owner."""
    found: list[Group] = [(change.kind,)]
    if change.kind == "release" and change.scope.versions:
        found.append((change.kind, "patch" if is_patch(change.scope.versions[0]) else "release"))
    if change.owner:
        found.append((change.kind, "owner", change.owner))
    return found


def is_watched(change: Change, seen: Mapping[str, AbstractSet[str]]) -> bool:
    """Whether contacts of the change's products, platforms and regions have been seen at all."""
    wanted = {"product": change.scope.products, "platform": change.scope.platforms, "region": change.scope.regions}
    return all(not values or name not in seen or not seen[name].isdisjoint(values) for name, values in wanted.items())


def ledger_of(
    changes: Iterable[Change],
    attributions: Iterable[Attribution],
    *,
    between: tuple[datetime, datetime],
    seen: Mapping[str, AbstractSet[str]],
) -> Ledger:
    """Count the changes that began within a time (after which theirs is over) where contacts are watched, and the spikes
    they caused. ``seen``: values seen of each dimension."""
    ledger = Ledger()
    for attribution in attributions:
        for candidate in attribution.candidates:
            if candidate.key:
                ledger.spikes.setdefault(candidate.key, {})[attribution.spike_id] = candidate.probability
    for change in changes:
        if not between[0] <= change.starts_at < between[1] or not is_watched(change, seen):
            continue
        most = max(ledger.spikes.get(change.key, {}).values(), default=0.0)
        for group in groups(change):
            ledger.of[group] = ledger.of.get(group, 0.0) + 1.0
            ledger.caused[group] = ledger.caused.get(group, 0.0) + most
    return ledger


def learnt_causes(ledger: Ledger, change: Change) -> Ratio:
    """The share of such changes that cause a spike, with its 90% interval.

    A beta posterior of the kind around the stated share, of the size around the kind's, of the owner around that.
    """
    share = learnt_share(0.0, 0.0, stated=HABITS[change.kind].causes, prior_n=STEADY[1])
    for group in groups(change):
        happened, of = ledger.caused.get(group, 0.0), ledger.of.get(group, 0.0)
        share = learnt_share(happened, of, stated=share.value, prior_n=STEADY[len(group)])
    return share


def again(ledger: Ledger, change: Change, share: float, beside: Iterable[str]) -> float:
    """The share, given the change's other spikes (those beside this one left out): a change that has caused one causes
    another with probability :data:`~streams.attribute.kinds.AGAIN`, whatever its kind."""
    left = set(beside)
    before = max((p for spike, p in ledger.spikes.get(change.key, {}).items() if spike not in left), default=0.0)
    return (1.0 - before) * share + before * AGAIN


def spikes_per_day(cases: Mapping[str, Case], spike: Spike, days: float) -> tuple[float, float]:
    """How often spikes come without a logged cause, and how often at all, those of one event once.

    What the other spikes of ``days`` came to (sums of probabilities), shrunk over four weeks: spikes of no logged cause towards
    those that the budget allows (:data:`ELSEWHERE`, :data:`AT_ALL`). What no customer is behind is no spike from elsewhere.
    """
    budget_per_day = spike.budget_per_week / 7
    unlogged = events = 0.0
    for spike_id, case in sorted(cases.items()):
        if case.last is not None and spike_id != spike.spike_id and case.spike.state != "merged":
            own = 1.0 - case.tie
            events += own
            unlogged += own * sum(one.probability for one in case.last.candidates if one.kind == "unknown")
    unknown = (OVER_D * ELSEWHERE * budget_per_day + unlogged) / (OVER_D + days)
    at_all = (OVER_D * AT_ALL * budget_per_day + events) / (OVER_D + days)
    return min(1.0, max(0.01, unknown)), max(0.01, at_all)
