"""One spike while detect follows it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from schemas.frame import WatchedStream
from schemas.slices import slice_text
from schemas.spike import Hint, Spike, SpikeState

LEAST_CHANCE = 1e-300
"""Rarer than a float can say is said as this."""


def moment(at_s: int) -> datetime:
    """An epoch second in UTC."""
    return datetime.fromtimestamp(at_s, tz=UTC)


def spike_id(workspace: str, stream: str, pairs: tuple[tuple[str, str], ...], onset_s: int) -> str:
    """A spike's name for good: a hash of where and when it was when it opened."""
    text = "|".join((workspace, stream, slice_text(dict(pairs)), moment(onset_s).isoformat()))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass(slots=True, eq=False)
class Episode:
    """A spike's running state; times are epoch seconds, ``window`` a place in the ladder ``coarse`` or fine.

    ``settled`` holds observed and expected up to an earlier close, when the spike came back. ``woke_s`` is when it last
    came back. ``closed_s`` orders spikes by
    when they closed, those of one bucket as they came. ``shift`` and ``edge2`` are
    what not knowing quite when it began adds to its excess and to the variance of that, ``beyond`` what not knowing when
    it ended does; of a spike that came back the latter is counted again.
    """

    name: str
    pairs: tuple[tuple[str, str], ...]
    number: int
    covered: NDArray[np.bool_]
    coarse: bool
    window: int
    window_s: int
    level: float
    forecast2: float
    chance: float
    onset_s: int
    onset_low_s: int
    onset_high_s: int
    opened_s: int
    state: SpikeState = "open"
    end_s: int | None = None
    merged_into: str = ""
    revision: int = 0
    told_s: int = 0
    told_excess: float = 0.0
    resumed_s: int | None = None
    settled: tuple[float, float] = (0.0, 0.0)
    totals: tuple[float, float, float] = field(default=(0.0, 0.0, 1.0))
    teaches: bool = False
    raised: float = 1.0
    inside: str = ""
    height: float = 0.0
    rise: float = 1.0
    cleaned_s: int = 0
    woke_s: int = 0
    closed_s: tuple[int, int] = (0, 0)
    hints: tuple[Hint, ...] = ()
    edge2: float = 0.0
    shift: float = 0.0
    beyond: tuple[float, float] = (0.0, 0.0)

    @property
    def since_s(self) -> int:
        """Where counting has to (re)start."""
        return self.onset_s if self.resumed_s is None else self.resumed_s

    def revise(
        self,
        *,
        workspace: str,
        stream: WatchedStream,
        seq: int,
        as_of_s: int,
        end_s: int | None,
        bucket_s: int,
        budget: float,
    ) -> Spike:
        """The next revision to tell; ``totals`` must be up to date."""
        observed, expected, variance = self.totals
        excess = observed - expected
        reach, middle = 1.645 * float(np.sqrt(variance)), excess + self.shift + self.beyond[0]
        self.revision += 1
        self.told_s, self.told_excess = as_of_s, excess
        return Spike(
            workspace=workspace,
            origin=stream,
            seq=seq,
            spike_id=self.name,
            revision=self.revision,
            stream=stream,
            state=self.state,
            slice=dict(self.pairs),
            bucket_s=bucket_s,
            opened_at=moment(self.opened_s),
            as_of=moment(as_of_s),
            onset=moment(self.onset_s),
            onset_low=moment(self.onset_low_s),
            onset_high=moment(self.onset_high_s),
            end=None if end_s is None else moment(end_s),
            expected=round(expected, 3),
            observed=round(observed),
            excess=round(excess, 3),
            excess_low=round(max(min(middle - reach, excess), 0.0), 3),
            excess_high=round(max(middle + reach, excess, 0.0), 3),
            surprise=round(float(-np.log2(max(self.chance, LEAST_CHANCE))), 2),
            window_s=self.window_s,
            budget_per_week=budget,
            merged_into=self.merged_into,
            hints=self.hints,
        )
