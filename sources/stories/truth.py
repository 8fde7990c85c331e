"""What really happened: one row for every spike that the story holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import numpy as np
from msgspec import Struct

from schemas.attribution import CauseKind
from sources.stories.crowd import Crowd
from sources.stories.plot import Effect, Strength
from sources.stories.setting import Setting
from sources.stories.world import TOPICS, Ints

_MOST = 0.7


class TrueSpike(Struct, frozen=True, kw_only=True):
    """One spike that the story holds. ``slice`` is where most of it lies; ``excess`` counts the contacts it added;
    ``wrote`` how many of them customers wrote (a feed that comes twice has none); ``end`` is when 98% of them had come. ``shares`` says which share of them had each value of a dimension. ``must_not_blame`` are changes that came at the same time and did nothing,
    or its fix. A ``faint`` one may stay unseen."""

    spike_id: str
    onset: datetime
    end: datetime
    peak_at: datetime
    slice: dict[str, str]
    cause_kind: CauseKind
    cause_key: str = ""
    excess: int
    wrote: int
    shares: dict[str, dict[str, float]] = {}
    must_not_blame: tuple[str, ...] = ()
    strength: Strength = "loud"


def true_spikes(setting: Setting, crowd: Crowd) -> tuple[TrueSpike, ...]:
    """The truth of a story's plot, as its crowd has played it; effects that moved nobody are left out."""
    found = (
        (index, effect, np.flatnonzero(crowd.effect == index)) for index, effect in enumerate(setting.plot.effects)
    )
    return tuple(_true_spike(setting, crowd, effect, rows, index) for index, effect, rows in found if rows.size)


def _true_spike(setting: Setting, crowd: Crowd, effect: Effect, rows: Ints, index: int) -> TrueSpike:
    at = np.sort(crowd.at[rows])
    hours, counts = np.unique(at // 3_600.0, return_counts=True)
    return TrueSpike(
        spike_id=f"{index + 1:02d}-{effect.name}",
        onset=setting.moment(effect.onset),
        end=setting.moment(float(at[int(0.98 * (at.size - 1))])),
        peak_at=setting.moment(float(hours[int(counts.argmax())]) * 3_600.0),
        slice=dict(_slice(setting, crowd, rows)),
        cause_kind=effect.cause_kind,
        cause_key=effect.cause_key,
        excess=int(at.size),
        wrote=int((crowd.twin[rows] < 0).sum()),
        shares=_shares(setting, crowd, rows),
        must_not_blame=effect.must_not_blame,
        strength=effect.strength,
    )


def _slice(setting: Setting, crowd: Crowd, rows: Ints) -> Iterator[tuple[str, str]]:
    """Values that at least 70% of the added contacts share."""
    track = _main(crowd.track[rows])
    if track is not None:
        yield "product", setting.company.tracks[track].product
        yield "platform", setting.company.tracks[track].platform
        release = _main(crowd.release[rows])
        if release is not None:
            yield "version", setting.plot.releases[track][release].version
    region, topic = _main(crowd.region[rows]), _main(crowd.topic[rows])
    if region is not None:
        yield "region", setting.company.regions[region][0]
    if topic is not None:
        yield "topic", TOPICS[topic]


def _shares(setting: Setting, crowd: Crowd, rows: Ints) -> dict[str, dict[str, float]]:
    tracks, regions = setting.company.tracks, setting.company.regions
    return {
        "product": _parts([tracks[one].product for one in crowd.track[rows]]),
        "platform": _parts([tracks[one].platform for one in crowd.track[rows]]),
        "region": _parts([regions[one][0] for one in crowd.region[rows]]),
        "topic": _parts([TOPICS[one] for one in crowd.topic[rows]]),
    }


def _parts(values: list[str]) -> dict[str, float]:
    return {value: count / len(values) for value, count in sorted(Counter(values).items())}


def _main(values: Ints) -> int | None:
    found, counts = np.unique(values, return_counts=True)
    most = int(counts.argmax())
    return int(found[most]) if counts[most] >= _MOST * values.size else None
