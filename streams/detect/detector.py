"""What the next closed bucket of a watched stream shows.

Everything here is a function of the buckets in order, so neither partitions nor progress marks can change it.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from schemas.frame import WatchedStream
from schemas.spike import Band, Spike
from schemas.workspace import Workspace
from streams.detect.find import look, ripe_windows
from streams.detect.follow import follow, join
from streams.detect.gap import watch_for_gap
from streams.detect.known import Bools, Floats, Known
from streams.detect.ladder import Ladder
from streams.detect.learn import close_block
from streams.detect.memory import EMPTY, Sparse
from streams.detect.settings import DetectSettings
from streams.detect.size import tell
from streams.merge import Bucket

NORMAL_95 = 1.96
SKEW_95 = (NORMAL_95**2 - 1) / 6


class Judged(Struct, frozen=True):
    """What one bucket gave: revisions of spikes (``seq`` counts on), bands, and whether it lies in a gap."""

    spikes: tuple[Spike, ...]
    bands: tuple[Band, ...]
    gap: bool


class Detector:
    """One workspace's stream: feed it every closed bucket, in order and without holes."""

    def __init__(self, workspace: Workspace, stream: WatchedStream, settings: DetectSettings) -> None:
        self.known = Known(workspace, stream, settings)

    @property
    def spike_seq(self) -> int:
        """The last ``seq`` written on spikes."""
        return self.known.spike_seq

    def judge(self, bucket: Bucket) -> Judged:
        """Take the next closed bucket in and say what it shows."""
        known = self.known
        start_s = int(bucket.start.timestamp())
        known.now_s = start_s + known.bucket_s
        if known.first_s is None:
            known.first_s = start_s
        sparse = _encoded(known, bucket)
        known.open_block.append(sparse)
        known.recent.append(sparse)
        known.signs.append((start_s, bucket.signs))
        left_out = watch_for_gap(known, start_s, sparse)
        told: list[Spike] = []
        bands: tuple[Band, ...] = ()
        if known.fitted:
            count, unit = known.counted(sparse), known.unit(start_s)
            bands = _bands(known, count, unit)
            _push(known, count, unit, left_out)
            calm = known.calm
            told = follow(known) + ([] if left_out else look(known)) + join(known)
            _disown(known, calm)
        close_block(known, start_s)
        return Judged(tuple(told), bands, known.in_gap)

    def last_words(self) -> tuple[Spike, ...]:
        """Revisions of the spikes still open when the input has ended: their end is the last bucket's."""
        known = self.known
        return tuple(tell(known, one, end_s=known.now_s) for one in known.episodes if one.state == "open")


def _encoded(known: Known, bucket: Bucket) -> Sparse:
    known.dimensions = bucket.dimensions or known.dimensions
    if not bucket.counts:
        return EMPTY
    places = np.fromiter((known.leaves.place(leaf) for leaf in bucket.counts), dtype=np.int64)
    counts = np.fromiter(bucket.counts.values(), dtype=np.int64)
    if known.chosen:
        known.watched.extend(known.leaves, known.dimensions)
    return Sparse(places, counts)


def _push(known: Known, count: Floats, unit: Floats, left_out: bool) -> None:
    if left_out:
        count, unit = np.zeros_like(count), np.zeros_like(unit)
    known.block_count = known.block_count + count
    known.block_unit = known.block_unit + unit
    if known.judging is not None:
        known.judging.begin()
    for place, rungs in enumerate(known.ladders()):
        if rungs is known.fine:
            rungs.push(count, unit)
        elif known.block_ends():
            rungs.push(known.block_count, known.block_unit)
        else:
            continue
        _learn_rates(known, place, rungs)
        rungs.learn(None, known.calm)
    if known.judging is not None:
        known.judging.beyond(now_s=known.now_s, calm=known.calm)


def _learn_rates(known: Known, place: int, rungs: Ladder) -> None:
    """Count the clumps that these windows show, as chance's where no open spike has contacts."""
    if known.judging is not None and not known.in_gap:
        heard = (rungs.windows.unit_sums[0] > 0) & (known.mass > 0)
        known.judging.add(place, ripe=ripe_windows(known, rungs), free=heard, calm=known.calm)


def _disown(known: Known, was_calm: Bools) -> None:
    """What became a spike was not chance's, nor what it had raised in every slice that shares contacts with it."""
    if known.judging is not None and len(was_calm) == len(known.calm):
        for number in np.flatnonzero(was_calm & ~known.calm).tolist():
            known.judging.disown(number)


def _bands(known: Known, count: Floats, unit: Floats) -> tuple[Band, ...]:
    """Expectation and 95% range (Cornish-Fisher) of what is worth showing."""
    extra = (episode.number for episode in known.episodes if episode.state == "open")
    numbers = list(dict.fromkeys((*known.shown, *extra)))
    mean = unit[numbers] * known.level.level[numbers]
    finest = known.finest
    variance = finest.dispersion[numbers] * mean + finest.spread2[0, numbers] * mean**2
    reach = NORMAL_95 * np.sqrt(variance)
    bend = SKEW_95 * (2 * variance / np.maximum(mean, 1e-9) - 1)
    low = np.clip(np.floor(mean - reach + bend), 0.0, np.floor(mean))
    high = np.ceil(mean + reach + bend)
    rows = zip(numbers, count[numbers].tolist(), mean.round(4).tolist(), low.tolist(), high.tolist(), strict=True)
    texts = known.watched.texts
    return tuple(
        Band(slice=texts[number], observed=int(seen), expected=middle, low=least, high=most)
        for number, seen, middle, least, most in rows
    )
