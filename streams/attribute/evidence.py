"""Evidence lines about one change and one spike, each a weight in nats against ``unknown`` and a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from schemas.attribution import Evidence, EvidenceLine
from schemas.raw import ChangeKind
from schemas.slices import slice_text
from schemas.spike import Spike
from schemas.timeline import Change
from stats.contrast import scope_weight
from stats.shares import Ratio
from streams.attribute import memory as past
from streams.attribute.case import SpikeWords
from streams.attribute.census import Pairs
from streams.attribute.kinds import OTHER_VERSION, OUTSIDE, VERDICT
from streams.attribute.memory import Memory

Floats = NDArray[np.float64]
PLURALS: dict[ChangeKind, str] = {
    "release": "releases",
    "promotion": "promotions",
    "policy": "policies",
    "price": "price changes",
    "incident": "incidents",
    "automation": "automations",
    "capacity": "changes of staffing",
}
SCOPE_FIELDS = {
    "product": "products",
    "platform": "platforms",
    "version": "versions",
    "region": "regions",
    "segment": "segments",
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every candidate of one spike is compared with: its stream's memory, usual counts per leaf in the
    spike's window (scaled to the spike's own expectation), how often spikes come without a logged cause,
    and how many customers are on each version by the rest of their slice."""

    spike: Spike
    as_of: datetime
    memory: Memory
    observed: Floats
    expected: Floats
    unknown_per_day: float
    versions: Mapping[Pairs, Mapping[str, int]]


def line(name: EvidenceLine, weight: float, sentence: str, **numbers: float) -> Evidence:
    """One line of evidence, its numbers rounded so that they read the same everywhere."""
    return Evidence(
        line=name,
        weight=round(weight, 3),
        sentence=sentence,
        numbers={key: round(value, 4) for key, value in numbers.items()},
    )


def prior_line(change: Change, around: Surroundings, share: Ratio, now: float, remarks: tuple[str, ...]) -> Evidence:
    """How often such a change causes a spike, as learnt so far, against how often spikes come from elsewhere in a day.

    ``now`` is that share once the change's other spikes are taken into account.
    """
    weight = math.log(now / around.unknown_per_day)
    known = f"{share.value:.0%} of such {PLURALS[change.kind]} cause a spike ({share.low:.0%}\u2013{share.high:.0%})"
    more = (
        f"; with the others it is held to have caused, {now:.0%} for one more" if abs(now - share.value) > 0.005 else ""
    )
    odd = "".join(f" Note: {remark}." for remark in remarks)
    sentence = f"{known}{more}; a spike from elsewhere comes every {1 / around.unknown_per_day:.1f} days.{odd}"
    numbers = {"causes": share.value, "low": share.low, "high": share.high, "now": now}
    return line("prior", weight, sentence, unknown_per_day=around.unknown_per_day, **numbers)


def own_scope(change: Change, memory: Memory, *, versions: bool = True) -> dict[str, tuple[str, ...]]:
    """The scope in the workspace's own dimensions. A release's version is left out: the newest version's share of
    contacts rises by mere adoption."""
    named = {name: getattr(change.scope, attribute) for name, attribute in SCOPE_FIELDS.items()}
    return {
        name: values
        for name, values in named.items()
        if values and name in memory.dimensions and (versions or name != "version")
    }


def scope_line(change: Change, around: Surroundings) -> Evidence | None:
    """Whether the excess is where the change could touch, and absent where it could not; ``None`` without a scope."""
    scope = own_scope(change, around.memory, versions=change.kind != "release")
    if not scope:
        return None
    text = slice_text({name: "/".join(values) for name, values in scope.items()})
    slices = around.spike.slice
    outside_of = [name for name, values in scope.items() if slices.get(name, "other") not in {*values, "", "other"}]
    if outside_of:
        own = ", ".join(f"{name}={slices[name]}" for name in sorted(outside_of))
        return line("scope", OUTSIDE, f"The spike is on {own}, which {text} does not cover.")
    parent = {name: value for name, value in slices.items() if name not in scope}
    among = past.inside(around.memory, parent)
    within = among & past.inside(around.memory, scope)
    numbers = {
        "inside": float(around.observed[within].sum()),
        "expected_inside": float(around.expected[within].sum()),
        "outside": float(around.observed[among & ~within].sum()),
        "expected_outside": float(around.expected[among & ~within].sum()),
    }
    if numbers["expected_outside"] + numbers["outside"] < 1.0:
        return line("scope", 0.0, f"All contacts here are within {text}, so its scope tells nothing.", **numbers)
    weight = scope_weight(**numbers)
    gained = numbers["inside"] - numbers["expected_inside"]
    lost = numbers["outside"] - numbers["expected_outside"]
    calm = abs(lost) < 2.0 * math.sqrt(numbers["expected_outside"] + 1.0)
    beyond = f"nothing beyond chance outside it ({lost:+.0f})" if calm else f"{lost:+.0f} outside it"
    return line("scope", weight, f"{gained:+.0f} contacts within {text}, {beyond}.", **numbers)


def breadth_line(change: Change, around: Surroundings) -> Evidence | None:
    """Whether the excess keeps to a region, segment, product or platform that the change does not single out.

    What touches all alike shows everywhere; a spike that does not is more likely something local. Said with four
    fifths of the contrast's weight and at most 1.8 nats, as a change can well hurt one place alone.
    """
    named = {*own_scope(change, around.memory, versions=True)}
    local = {name: value for name, value in around.spike.slice.items() if name in SCOPE_FIELDS and name not in named}
    local.pop("version", None)
    if not local:
        return None
    parent = {name: value for name, value in around.spike.slice.items() if name not in local}
    among = past.inside(around.memory, parent)
    within = among & past.inside(around.memory, local)
    contrast = scope_weight(
        inside=float(around.observed[within].sum()),
        expected_inside=float(around.expected[within].sum()),
        outside=float(around.observed[among & ~within].sum()),
        expected_outside=float(around.expected[among & ~within].sum()),
    )
    beyond = float((around.observed - around.expected)[among & ~within].sum())
    sentence = f"The spike is on {slice_text(local)}, the change everywhere: {beyond:+.0f} contacts elsewhere."
    return line("scope", max(-1.8, min(0.5, -0.8 * contrast)), sentence, elsewhere=beyond, contrast=contrast)


def other_version_line(change: Change, around: Surroundings) -> Evidence | None:
    """A spike on one version is hardly the work of another's release; said only where no denominator tells more."""
    own = around.spike.slice.get("version", "")
    if change.kind != "release" or not change.scope.versions or own in ("", "other"):
        return None
    if own in change.scope.versions:
        return line("scope", 0.5, f"The spike is on version {own}, which it released.")
    sentence = f"The spike is on version {own}, it released {change.scope.versions[0]}."
    return line("scope", OTHER_VERSION, sentence)


def exposure_line(change: Change, found: SpikeWords) -> Evidence | None:
    """Exposed against control customers among the sampled contacts, where the share of controls is known."""
    exposed, control = found.exposed.get(change.key, (0, 0))
    n = exposed + control
    if change.control_share is None or n < 5 or not 0.01 <= change.control_share <= 0.99:
        return None
    usual, cause = 1 - change.control_share, 1 - 0.3 * change.control_share
    weight = exposed * math.log(cause / usual) + control * math.log((1 - cause) / (1 - usual))
    sentence = (
        f"{exposed} of {n} sampled contacts come from exposed customers; without an effect {usual * n:.0f} would."
    )
    return line("exposure", float(np.clip(weight, -3, 3)), sentence, exposed=exposed, control=control)


def feedback_line(verdicts: Mapping[str, int], key: str) -> Evidence | None:
    """People's word: confirmations less rejections, at most two counted."""
    if not (balance := verdicts.get(key, 0)):
        return None
    said = "confirmed" if balance > 0 else "rejected"
    return line("feedback", VERDICT * max(-2, min(2, balance)), f"People {said} this cause.", balance=balance)
