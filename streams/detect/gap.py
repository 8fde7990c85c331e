"""A collection gap: no contact at all where many should be. It is neither a drop nor, afterwards, a spike.

While it lasts and for as long again afterwards (a day at most) nothing is judged and nothing is learnt: what was held
back may arrive all at once.
"""

from __future__ import annotations

import numpy as np

from streams.detect.known import Known
from streams.detect.memory import Sparse
from streams.detect.settings import DAY_S

LEVEL_SPREAD2 = 0.05


def watch_for_gap(known: Known, start_s: int, sparse: Sparse) -> bool:
    """Whether the bucket is to be left out of everything."""
    if len(sparse.places):
        _end_silence(known, start_s)
    else:
        _lengthen_silence(known, start_s)
    left_out = known.in_gap or start_s < known.quiet_until_s
    known.muted = known.muted or left_out
    return left_out


def _end_silence(known: Known, start_s: int) -> None:
    if known.in_gap and known.silent_from_s is not None:
        known.quiet_until_s = start_s + min(start_s - known.silent_from_s, DAY_S)
        known.gaps.append((known.silent_from_s, start_s))
    known.in_gap, known.silent_from_s, known.silent_mean = False, None, 0.0


def _lengthen_silence(known: Known, start_s: int) -> None:
    if known.silent_from_s is None:
        known.silent_from_s = start_s
    if known.in_gap or not known.fitted:
        return
    known.silent_mean += float(known.unit(start_s)[0] * known.level.level[0])
    spread2 = float(known.coarse.spread2[0, 0]) + LEVEL_SPREAD2
    # P(0) of a negative binomial whose size is 1 / spread2
    if np.log1p(known.silent_mean * spread2) / spread2 > -np.log(known.settings.gap_chance):
        known.in_gap = True
        _forget_since(known, known.silent_from_s)


def _forget_since(known: Known, start_s: int) -> None:
    """The silence was a gap: what it seemed to say is taken back."""
    known.memory.drop_since(start_s // known.block_s * known.block_s)
    everything = np.ones(len(known.free), dtype=bool)
    for rungs in known.ladders():
        rungs.windows.blank(known.rows(rungs, start_s), everything)
    known.block_count, known.block_unit = np.zeros_like(known.block_count), np.zeros_like(known.block_unit)
