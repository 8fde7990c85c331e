"""What detect knows of one watched stream, and what it makes of the next closed bucket.

Everything here is a function of the buckets in order, so neither partitions nor progress marks can change it.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.frame import WatchedStream
from schemas.spike import Band, Spike
from schemas.workspace import Workspace
from stats.baseline import Level, Shape, fit_level, fit_shape
from stats.localise import interval, onset_posterior, scan_score, unexplained
from stats.windows import ladder
from streams.detect.episode import Episode, spike_id
from streams.detect.ladder import Alarm, Ladder
from streams.detect.memory import DAY_S, EMPTY, Calendar, Memory, Sparse, added
from streams.detect.watch import Leaves, Watched, WatchSettings, choose
from streams.merge import Bucket

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
INSIDE_AGE = 12
BURST_TIMES = 4.0
RIVAL = 0.25
OVERLAP = 1.7
FADED = 0.3
Ints = NDArray[np.int64]


class DetectSettings(Struct, frozen=True, kw_only=True):
    """How detect works; the budget is the workspace's.

    ``shares``: the budget's share per watched stream. ``depth_shares``: the budget's share of everywhere, of
    slices of one, of two and of three dimensions. ``history_d``: days a baseline is fitted on. ``warm_d``: days of
    silence at the start. ``wide``: relative variance of the forecast on the first day. ``gap_chance``: nothing at all is a gap
    when chance makes it rarer. ``return_s``: a spike that comes back within it is the same. ``longest_s``: after
    this a spike is the new level.
    """

    shares: tuple[tuple[WatchedStream, float], ...] = (("contacts", 0.8), ("low_scores", 0.2))
    depth_shares: tuple[float, float, float, float] = (0.3, 0.4, 0.3, 0.3)
    history_d: int = 70
    warm_d: int = 3
    wide: float = 0.36
    gap_chance: float = 1e-7
    return_s: int = DAY_S
    longest_s: int = 14 * DAY_S
    bands: int = 20
    watch: WatchSettings = WatchSettings()


class Judged(Struct, frozen=True):
    """What one bucket gave: revisions of spikes (``seq`` counts on), bands, and whether it lies in a gap."""

    spikes: tuple[Spike, ...]
    bands: tuple[Band, ...]
    gap: bool


class Detector:
    """The state of one workspace's stream."""

    def __init__(self, workspace: Workspace, stream: WatchedStream, settings: DetectSettings) -> None:
        self.workspace = workspace
        self.stream = stream
        self.settings = settings
        self.budget = workspace.budget_per_week * dict(settings.shares)[stream]
        self.bucket_s = workspace.bucket_s
        self.per_block = max(round(3600 / self.bucket_s), 1)
        self.block_s = self.bucket_s * self.per_block
        self.calendar = Calendar(workspace.timezone, workspace.holidays)
        self.dimensions: tuple[str, ...] = ()
        self.leaves = Leaves()
        self.watched: Watched | None = None
        self.memory = Memory(max(settings.history_d * DAY_S // self.block_s, 10))
        self.open_block: list[Sparse] = []
        self.block_count: Floats = np.zeros(0)
        self.block_unit: Floats = np.zeros(0)
        self.first_s: int | None = None
        self.now_s = 0
        self.shape: Shape | None = None
        self.level: Level | None = None
        self.past_levels: deque[Floats] = deque(maxlen=8)
        self.coarse: Ladder | None = None
        self.fine: Ladder | None = None
        self.recent: deque[Sparse] = deque(maxlen=DAY_S // self.bucket_s)
        self.unit_cache: tuple[int, tuple[Floats, Floats, Floats]] | None = None
        self.mass: Floats = np.zeros(0)
        self.leaf_mass: Floats = np.zeros(0)
        self.shown: tuple[int, ...] = ()
        self.free: Bools = np.zeros(0, dtype=bool)
        self.silent_from_s: int | None = None
        self.silent_mean = 0.0
        self.in_gap = False
        self.quiet_until_s = 0
        self.gap_days = 0.0
        self.episodes: list[Episode] = []
        self.spike_seq = 0

    # --- one bucket -------------------------------------------------------------------------------------------

    def judge(self, bucket: Bucket) -> Judged:
        """Take the next closed bucket in and say what it shows."""
        start_s = int(bucket.start.timestamp())
        self.now_s = start_s + self.bucket_s
        if self.first_s is None:
            self.first_s = start_s
        sparse = self._encode(bucket)
        told: list[Spike] = []
        bands: tuple[Band, ...] = ()
        count, unit = self._counted(sparse), self._unit(start_s)
        self._watch_for_gap(start_s, sparse, unit)
        muted = self.in_gap or start_s < self.quiet_until_s
        if self.watched is not None and self.level is not None:
            bands = self._bands(count, unit)
            self._push(count, unit, muted, start_s)
            told = self._follow() + ([] if muted else self._look()) + self._join()
        self._close_block(start_s, sparse)
        return Judged(tuple(told), bands, self.in_gap)

    def last_words(self) -> tuple[Spike, ...]:
        """Revisions of the spikes still open when the input has ended: their end is the last bucket's."""
        return tuple(self._tell(episode, end_s=self.now_s) for episode in self.episodes if episode.state == "open")

    def _encode(self, bucket: Bucket) -> Sparse:
        self.dimensions = bucket.dimensions or self.dimensions
        if not bucket.counts:
            return EMPTY
        places = np.fromiter((self.leaves.place(leaf) for leaf in bucket.counts), dtype=np.int64)
        counts = np.fromiter(bucket.counts.values(), dtype=np.int64)
        if self.watched is not None:
            self.watched.extend(self.leaves, self.dimensions)
        return Sparse(places, counts)

    def _counted(self, sparse: Sparse) -> Floats:
        return np.zeros(0) if self.watched is None else self.watched.add_up(sparse.places, sparse.counts)

    def _unit(self, start_s: int) -> Floats:
        """Expectation at level one for the bucket: its block's, in smaller buckets interpolated between blocks."""
        if self.shape is None:
            return np.zeros(0)
        block = start_s // self.block_s
        if self.unit_cache is None or self.unit_cache[0] != block:
            before, here, after = (self._block_unit(block + step) for step in (-1, 0, 1))
            self.unit_cache = (block, (before, here, after))
        before, here, after = self.unit_cache[1]
        if self.per_block == 1:
            return here
        at = ((start_s % self.block_s) // self.bucket_s + 0.5) / self.per_block - 0.5
        other = before if at < 0 else after
        return np.asarray(((1 - abs(at)) * here + abs(at) * other) / self.per_block)

    def _block_unit(self, block: int) -> Floats:
        assert self.shape is not None
        hour, weekday = self.calendar.place((block + 0.5) * self.block_s)
        return np.asarray(self.shape.hour[hour] * self.shape.weekday[weekday])

    def _push(self, count: Floats, unit: Floats, muted: bool, start_s: int) -> None:
        said = (np.zeros_like(count), np.zeros_like(unit)) if muted else (count, unit)
        self.block_count = self.block_count + said[0]
        self.block_unit = self.block_unit + said[1]
        if self.fine is not None:
            self.fine.push(*said)
            self.fine.learn(self.free)
        if self._block_ends():
            assert self.coarse is not None
            self.coarse.push(self.block_count, self.block_unit)
            self.coarse.learn(self.free)

    def _block_ends(self) -> bool:
        return self.now_s % self.block_s < self.bucket_s

    # --- gaps -------------------------------------------------------------------------------------------------

    def _watch_for_gap(self, start_s: int, sparse: Sparse, unit: Floats) -> None:
        if len(sparse.places):
            if self.in_gap and self.silent_from_s is not None:
                length = start_s - self.silent_from_s
                self.quiet_until_s = start_s + min(length, DAY_S)
            self.in_gap, self.silent_from_s, self.silent_mean = False, None, 0.0
            return
        if self.silent_from_s is None:
            self.silent_from_s = start_s
        if self.in_gap or self.level is None or self.coarse is None:
            return
        self.silent_mean += float(unit[0] * self.level.level[0])
        spread2 = float(self.coarse.spread2[0, 0]) + 0.05
        if np.log1p(self.silent_mean * spread2) / spread2 > -np.log(self.settings.gap_chance):
            self.in_gap = True
            self._forget_since(self.silent_from_s)

    def _forget_since(self, start_s: int) -> None:
        """The silence was a gap: what it seemed to say is taken back."""
        self.memory.drop_since(start_s // self.block_s * self.block_s)
        everything = np.ones(len(self.free), dtype=bool)
        for rungs in (self.coarse, self.fine):
            if rungs is not None:
                rungs.windows.blank(self._rows(rungs, start_s), everything)
        self.block_count, self.block_unit = np.zeros_like(self.block_count), np.zeros_like(self.block_unit)

    def _rows(self, rungs: Ladder, start_s: int) -> Ints:
        end_s = self.now_s // rungs.step_s * rungs.step_s
        steps = -(-(end_s - start_s) // rungs.step_s)
        pushed = rungs.windows.steps and steps > 0
        return rungs.windows.rows(steps) if pushed else np.zeros(0, dtype=np.int64)

    # --- spikes -----------------------------------------------------------------------------------------------

    def _look(self) -> list[Spike]:
        told: list[Spike] = []
        for _ in range(5):
            found = self._first_alarm()
            if found is None:
                break
            told.extend(self._take(*found))
        return told + self._look_inside()

    def _look_inside(self) -> list[Spike]:
        """A burst on top of a spike that has long been open is a spike of its own."""
        for episode in self.episodes:
            if episode.state != "open" or any(e.inside == episode.name and e.state == "open" for e in self.episodes):
                continue
            observed, expected, _ = self._totals(episode, self.now_s)
            raised = max(observed / max(expected, 1e-9), 1.0)
            for rungs in self._due():
                age = (self.now_s - episode.onset_s) // rungs.step_s
                ripe = np.array([n * INSIDE_AGE <= age for n in rungs.lengths])
                alarms = rungs.beyond(self.budget, ripe, episode.covered, raised=raised)
                for alarm in alarms:
                    if rungs.times(alarm) >= BURST_TIMES * raised:
                        return self._burst(episode, rungs, alarm, raised)
        return []

    def _burst(self, episode: Episode, rungs: Ladder, alarm: Alarm, raised: float) -> list[Spike]:
        """Open the burst; where it soon rivals all of the spike's excess so far, the spike ends where it begins."""
        told: list[Spike] = []
        number = self._place(rungs, alarm, episode.covered)
        observed, expected, _ = self._totals(episode, self.now_s)
        excess = rungs.excess(alarm.window, number)
        if excess >= RIVAL * (observed - expected - excess):
            burst = self._open(rungs, alarm, number)
            told.append(self._close(episode, end_s=burst.onset_s))
        else:
            burst = self._open(rungs, alarm, self._place(rungs, alarm, episode.covered, raised), raised)
            burst.inside = episode.name
        self.episodes.append(burst)
        self._refree()
        return [*told, self._tell(burst)]

    def _due(self) -> list[Ladder]:
        """Ladders whose newest step ended with this bucket."""
        coarse = self.coarse if self._block_ends() else None
        return [rungs for rungs in (self.fine, coarse) if rungs is not None]

    def _first_alarm(self) -> tuple[Ladder, Alarm] | None:
        days = (self.now_s - (self.first_s or 0)) / DAY_S - self.gap_days
        best: tuple[float, Ladder, Alarm] | None = None
        for rungs in self._due():
            ripe = np.array([days >= max(self.settings.warm_d, 3 * n * rungs.step_s / DAY_S) for n in rungs.lengths])
            alarms = rungs.beyond(self.budget, ripe, self.free)
            if alarms and (best is None or alarms[0].per_week < best[0]):
                best = (alarms[0].per_week, rungs, alarms[0])
        return None if best is None else (best[1], best[2])

    def _take(self, rungs: Ladder, alarm: Alarm) -> list[Spike]:
        """Join the alarm to a spike that explains it, or open a new one where the excess is explained best."""
        for episode in sorted(self.episodes, key=lambda e: (e.state != "open", -(e.end_s or 0))):
            if self._explains(episode, rungs, alarm):
                episode.covered[alarm.number] = True
                told = [self._reopen(episode)] if episode.state != "open" else []
                if self._move(episode):
                    told.append(self._tell(episode))
                self._refree()
                return told
        number = self._place(rungs, alarm, self.free)
        episode = self._open(rungs, alarm, number)
        before = self._before(episode)
        if before is not None:
            before.covered |= episode.covered
            return [self._reopen(before)]
        self.episodes.append(episode)
        self._refree()
        return [self._tell(episode)]

    def _before(self, episode: Episode) -> Episode | None:
        """The closed spike that this one goes on."""
        for old in reversed(self.episodes):
            if old.state == "closed" and old.end_s is not None and not old.teaches and not old.inside:
                again = old.covered[episode.number] and episode.onset_s - old.end_s <= self.settings.return_s
                if again and self.now_s - old.end_s <= 7 * self.settings.return_s:
                    return old
        return None

    def _place(self, rungs: Ladder, alarm: Alarm, among: Bools, raised: float = 1.0) -> int:
        assert self.watched is not None
        score = scan_score(
            rungs.windows.count_sums[alarm.window],
            mean=raised * rungs.mean[alarm.window],
            dispersion=rungs.dispersion,
            depth=self.watched.depth,
        )
        related = among & (rungs.z[alarm.window] > 2.5) & (self._shared_mass(alarm.number) > 0)
        score = np.where(related, score, -np.inf)
        return int(np.argmax(score)) if score.max() > 0 else alarm.number

    def _shared_mass(self, number: int) -> Floats:
        """Usual contacts of every slice that also lie in slice ``number``."""
        assert self.watched is not None
        inside = self.watched.inside(number)[: len(self.leaf_mass)]
        places = np.flatnonzero(inside & (self.leaf_mass > 0))
        return self.watched.add_up(places, self.leaf_mass[places])

    def _explains(self, episode: Episode, rungs: Ladder, alarm: Alarm) -> bool:
        recent = episode.state == "open" or (
            episode.state == "closed"
            and episode.end_s is not None
            and self.now_s - episode.end_s <= self.settings.return_s
        )
        if not recent:
            return False
        if episode.covered[alarm.number]:
            return True
        excess = rungs.windows.count_sums[alarm.window, alarm.number] - rungs.mean[alarm.window, alarm.number]
        span_s = rungs.lengths[alarm.window] * rungs.step_s
        shared = self._shared_excess(episode.number, rungs, self.now_s - span_s, alarm.window)
        both, own = float(shared[alarm.number]), float(shared[episode.number])
        together = episode.onset_s >= self.now_s - 2 * span_s and both >= max(0.5 * own, 0.15 * excess)
        return both >= 0.5 * excess or together

    def _move(self, episode: Episode) -> bool:
        """Put a spike at the slice that explains all of it since its onset, if that is clearly another."""
        assert self.watched is not None
        assert self.coarse is not None
        if episode.settled != (0.0, 0.0):
            return False
        reach_s = (self.fine.windows.keep - 1) * self.bucket_s if self.fine is not None else 0
        rungs = self.fine if self.fine is not None and self.now_s - episode.since_s <= reach_s else self.coarse
        rows = self._rows(rungs, episode.onset_s)
        if not len(rows):
            return False
        window = min(episode.window, len(rungs.lengths) - 1)
        count = rungs.windows.count[rows].sum(axis=0)
        mean = np.maximum(rungs.windows.unit[rows].sum(axis=0) * rungs.level[window], 1e-6)
        variance = rungs.dispersion * mean + rungs.spread2[window] * mean**2
        score = scan_score(count, mean=mean, dispersion=rungs.dispersion, depth=self.watched.depth)
        clear = (count - mean > 2.5 * np.sqrt(variance)) & (self._shared_mass(episode.number) > 0)
        clear[episode.number] = True
        score = np.where(clear, score, -np.inf)
        best = int(np.argmax(score))
        if best == episode.number or score[best] < score[episode.number] + max(3.0, 0.1 * abs(score[episode.number])):
            return False
        episode.number, episode.pairs = best, self.watched.slices[best]
        episode.level, episode.forecast2 = float(rungs.level[window, best]), float(rungs.spread2[window, best])
        episode.covered |= self._shared_mass(best) >= 0.5 * self.mass
        episode.covered[best] = True
        return True

    def _shared_excess(self, number: int, rungs: Ladder, start_s: int, window: int) -> Floats:
        """Excess of every slice since ``start_s`` that lies in slice ``number``."""
        assert self.watched is not None
        whole = self._leaves_since(start_s)
        inside = self.watched.inside(number)[whole.places]
        count = self.watched.add_up(whole.places[inside], whole.counts[inside])
        usual = self._shared_mass(number)
        mean = rungs.mean[window, number] * usual / max(float(usual[number]), 1e-9)
        return np.asarray(count - mean)

    def _leaves_since(self, start_s: int) -> Sparse:
        steps = (self.now_s - start_s) // self.bucket_s
        if steps <= len(self.recent):
            return added([self.recent[-i] for i in range(steps, 0, -1)])
        first = next((i for i, at in enumerate(self.memory.starts) if at >= start_s), len(self.memory.starts))
        return added([*self.memory.blocks[first:], *self.open_block])

    def _open(self, rungs: Ladder, alarm: Alarm, number: int, raised: float = 1.0) -> Episode:
        assert self.watched is not None
        length = rungs.lengths[alarm.window]
        rows = rungs.windows.rows(2 * length if length > 1 else 3)
        level = raised * float(rungs.level[alarm.window, number])
        dispersion = float(rungs.dispersion[number])
        posterior = onset_posterior(
            rungs.windows.count[rows, number], rungs.windows.unit[rows, number] * level, dispersion=dispersion
        )
        first, last = interval(posterior, level=0.9)
        end_s = self.now_s // rungs.step_s * rungs.step_s
        begin_s = end_s - len(rows) * rungs.step_s
        onset_s = begin_s + int(np.argmax(posterior)) * rungs.step_s
        pairs = self.watched.slices[number]
        episode = Episode(
            name=spike_id(self.workspace.name, self.stream, pairs, onset_s),
            pairs=pairs,
            number=number,
            covered=np.zeros(len(self.free), dtype=bool),
            coarse=rungs is self.coarse,
            window=alarm.window,
            window_s=length * rungs.step_s,
            level=level,
            forecast2=float(rungs.spread2[alarm.window, number]),
            chance=alarm.chance,
            raised=raised,
            onset_s=onset_s,
            onset_low_s=begin_s + first * rungs.step_s,
            onset_high_s=begin_s + (last + 1) * rungs.step_s,
            opened_s=self.now_s,
        )
        self._cover(episode, rungs, alarm.window, self.now_s - length * rungs.step_s)
        episode.covered[alarm.number] = True
        return episode

    def _cover(self, episode: Episode, rungs: Ladder, window: int, start_s: int) -> None:
        """Which slices the spike answers for: those mostly inside it, and those whose excess is mostly its own."""
        usual = self._shared_mass(episode.number)
        count, mean = rungs.windows.count_sums[window], rungs.mean[window]
        shared = self._shared_excess(episode.number, rungs, start_s, window)
        left = unexplained(count, mean=mean, shared_count=np.maximum(shared, 0.0), shared_mean=np.zeros_like(mean))
        sd = np.sqrt(rungs.variance[window])
        raised = (count - mean > sd) & (shared >= 0.5 * (count - mean)) & ((left - mean) < 3 * sd)
        episode.covered = episode.covered | (usual >= 0.5 * self.mass) | raised
        episode.covered[episode.number] = True

    def _refree(self) -> None:
        self.free = np.ones(len(self.free), dtype=bool)
        for episode in self.episodes:
            if episode.state == "open":
                self.free &= ~episode.covered

    def _reopen(self, episode: Episode) -> Spike:
        assert episode.end_s is not None
        episode.state, episode.resumed_s, episode.end_s = "open", episode.end_s, None
        episode.settled = (episode.totals[0], episode.totals[1])
        self._refree()
        return self._tell(episode)

    def _follow(self) -> list[Spike]:
        """Close what is quiet, merge what proved one, tell what grew."""
        told: list[Spike] = []
        for episode in self.episodes:
            if episode.state != "open":
                continue
            rungs, place = self._quiet_window(episode)
            stayed = self.now_s - episode.onset_s >= self.settings.longest_s
            young = self.now_s < episode.opened_s + self.bucket_s
            if stayed:
                told.append(self._close(episode, end_s=self.now_s, stayed=True))
            elif not young and (self._excess_sd(rungs, place, episode) < 1.0 or self._faded(episode)):
                told.append(self._close(episode))
            elif self._worth_telling(episode):
                if self._move(episode):
                    self._refree()
                told.append(self._tell(episode))
        return told

    def _join(self) -> list[Spike]:
        """Of two open spikes that prove one, the earlier survives."""
        told: list[Spike] = []
        running = [episode for episode in self.episodes if episode.state == "open"]
        for later_place, later in enumerate(running):
            for earlier in running[:later_place]:
                if earlier.state == "open" and later.state == "open" and self._are_one(earlier, later):
                    later.state, later.merged_into = "merged", earlier.name
                    told.append(self._tell(later, end_s=self.now_s))
                    earlier.covered |= later.covered
        if told:
            self._refree()
        return told

    def _are_one(self, earlier: Episode, later: Episode) -> bool:
        if later.inside == earlier.name:
            return False
        apart_s = abs(earlier.onset_s - later.onset_s)
        close = apart_s <= max(earlier.window_s, later.window_s)
        return earlier.number == later.number or (
            close and bool(earlier.covered[later.number] or later.covered[earlier.number])
        )

    def _faded(self, episode: Episode) -> bool:
        """Whether a day's excess has fallen to a fraction of what it was at its height."""
        assert self.coarse is not None
        day = next((i for i, n in enumerate(self.coarse.lengths) if n * self.block_s >= DAY_S), None)
        if day is None or not self._block_ends():
            return False
        now = self.coarse.excess(day, episode.number)
        episode.height = max(episode.height, now)
        old = self.now_s - episode.onset_s > DAY_S
        return old and now < FADED * episode.height

    @staticmethod
    def _excess_sd(rungs: Ladder, place: int, episode: Episode) -> float:
        """Standardised excess of a window over what the spike rose from."""
        mean = episode.raised * float(rungs.mean[place, episode.number])
        sd = np.sqrt(episode.raised * float(rungs.variance[place, episode.number]))
        return float((rungs.windows.count_sums[place, episode.number] - mean) / sd)

    def _quiet_window(self, episode: Episode) -> tuple[Ladder, int]:
        assert self.coarse is not None
        rungs = self.coarse if episode.coarse or self.fine is None else self.fine
        shortest = 8 if rungs is self.coarse else 10
        place = next((i for i, n in enumerate(rungs.lengths) if n >= shortest), len(rungs.lengths) - 1)
        longest = next((i for i, n in enumerate(rungs.lengths) if n >= 72), len(rungs.lengths) - 1)
        return rungs, min(max(place, episode.window), longest)

    def _worth_telling(self, episode: Episode) -> bool:
        every_s = max(3600, 24 * self.bucket_s if self.bucket_s >= 3600 else 3600)
        if self.now_s - episode.told_s >= every_s:
            return True
        if (self.now_s - episode.opened_s) % (5 * self.bucket_s):
            return False
        observed, expected, _ = self._totals(episode, self.now_s)
        return observed - expected > 1.5 * episode.told_excess + 10

    def _steps_since(self, episode: Episode, end_s: int) -> tuple[Floats, Floats, int, int]:
        """Counts and expectations of the spike's slice from its onset on, the first step's start and the step width."""
        assert self.coarse is not None
        reach_s = (self.fine.windows.keep - 1) * self.bucket_s if self.fine is not None else 0
        rungs = self.fine if self.fine is not None and self.now_s - episode.since_s <= reach_s else self.coarse
        rows = self._rows(rungs, episode.since_s)
        count = rungs.windows.count[rows, episode.number]
        mean = rungs.windows.unit[rows, episode.number] * episode.level
        last_s = self.now_s // rungs.step_s * rungs.step_s
        if rungs is self.coarse and last_s < self.now_s:
            count = np.append(count, self.block_count[episode.number])
            mean = np.append(mean, self.block_unit[episode.number] * episode.level)
        begin_s = last_s - len(rows) * rungs.step_s
        keep = max(-(-(end_s - begin_s) // rungs.step_s), 0)
        return count[:keep], mean[:keep], begin_s, rungs.step_s

    def _totals(self, episode: Episode, end_s: int) -> tuple[float, float, float]:
        assert self.coarse is not None
        count, mean, _, _ = self._steps_since(episode, end_s)
        observed = float(count.sum()) + episode.settled[0]
        expected = float(mean.sum()) + episode.settled[1]
        variance = float(self.coarse.dispersion[episode.number]) * expected + episode.forecast2 * expected**2
        return observed, expected, variance

    def _close(self, episode: Episode, *, end_s: int | None = None, stayed: bool = False) -> Spike:
        """Close a spike at ``end_s``, or else where its excess was complete."""
        episode.end_s = self._end(episode) if end_s is None else end_s
        episode.state, episode.teaches = "closed", stayed
        told = self._tell(episode, end_s=episode.end_s)
        self._refree()
        for old in self.episodes:
            if old.state == "closed" and old.end_s is not None and self.now_s - old.end_s <= self.settings.longest_s:
                for rungs in (self.coarse, self.fine):
                    if rungs is not None:
                        self._blank(old, rungs)
        return told

    def _end(self, episode: Episode) -> int:
        """Where the cumulated excess, less half of the rise, was highest."""
        count, mean, begin_s, step_s = self._steps_since(episode, self.now_s)
        rise = count.sum() / max(float(mean.sum()), 1e-9)
        gain = np.cumsum(count - mean * (1 + max(rise - 1, 0.2) / 2))
        steps = int(np.argmax(gain)) + 1 if len(gain) else 0
        return min(max(begin_s + steps * step_s, episode.since_s + self.bucket_s), self.now_s)

    def _blank(self, episode: Episode, rungs: Ladder) -> None:
        """Its contacts must not raise windows that outlast it, nor a spike that it was on top of."""
        assert episode.end_s is not None
        columns = episode.covered.copy()
        for other in self.episodes:
            if other.state == "open":
                columns &= ~other.covered
        rows = self._rows(rungs, episode.onset_s)
        last_s = self.now_s // rungs.step_s * rungs.step_s
        after = max((last_s - episode.end_s) // rungs.step_s, 0)
        rows = rows[: len(rows) - after] if after else rows
        if episode.inside:
            place = np.ix_(rows, np.flatnonzero(episode.covered))
            usual = rungs.windows.unit[place] * rungs.level[0, episode.covered] * episode.raised
            rungs.windows.count[place] = np.minimum(rungs.windows.count[place], usual)
            rungs.windows.resum()
            return
        rungs.windows.blank(rows, columns)
        rungs.compare()

    def _tell(self, episode: Episode, end_s: int | None = None) -> Spike:
        episode.totals = self._totals(episode, self.now_s if end_s is None else end_s)
        before, episode.end_s = episode.end_s, end_s
        self.spike_seq += 1
        told = episode.revise(
            workspace=self.workspace.name,
            stream=self.stream,
            seq=self.spike_seq,
            as_of_s=self.now_s,
            bucket_s=self.bucket_s,
            budget=self.workspace.budget_per_week,
        )
        episode.end_s = before if episode.state == "open" else episode.end_s
        return told

    # --- bands ------------------------------------------------------------------------------------------------

    def _bands(self, count: Floats, unit: Floats) -> tuple[Band, ...]:
        assert self.watched is not None
        assert self.level is not None
        assert self.coarse is not None
        rungs = self.fine if self.fine is not None else self.coarse
        extra = (episode.number for episode in self.episodes if episode.state == "open")
        numbers = list(dict.fromkeys((*self.shown, *extra)))
        mean = unit[numbers] * self.level.level[numbers]
        sd = np.sqrt(rungs.dispersion[numbers] * mean + rungs.spread2[0, numbers] * mean**2)
        bend = 0.47 * sd**2 / np.maximum(mean, 1e-9)
        low = np.maximum(np.floor(mean - 1.96 * sd + bend), 0.0)
        high = np.ceil(mean + 1.96 * sd + bend)
        rows = zip(numbers, count[numbers].tolist(), mean.round(4).tolist(), low.tolist(), high.tolist(), strict=True)
        return tuple(
            Band(slice=self.watched.texts[number], observed=int(seen), expected=middle, low=least, high=most)
            for number, seen, middle, least, most in rows
        )

    # --- learning ---------------------------------------------------------------------------------------------

    def _close_block(self, start_s: int, sparse: Sparse) -> None:
        self.open_block.append(sparse)
        self.recent.append(sparse)
        if not self._block_ends():
            return
        block_start_s = start_s // self.block_s * self.block_s
        if not self.in_gap:
            whole = added(self.open_block)
            place = self.calendar.place(block_start_s + self.block_s / 2)
            self.memory.append(block_start_s, place, whole, self._counted(whole) if self.watched is not None else None)
        else:
            self.gap_days += self.block_s / DAY_S
        self.open_block = []
        self.block_count, self.block_unit = np.zeros_like(self.block_count), np.zeros_like(self.block_unit)
        if self.now_s // DAY_S != block_start_s // DAY_S and not self.in_gap:
            self._refit()

    def _refit(self) -> None:
        days = (self.now_s - (self.first_s or 0)) / DAY_S
        if len(self.memory.starts) * self.block_s < 2 * DAY_S:
            return
        anew = self.watched is None or days < 14 or (self.now_s // DAY_S) % 7 == 0
        if anew:
            self._choose()
        use = self._use()
        history = self.memory.history(use)
        if anew:
            self.shape = fit_shape(history)
            self.unit_cache = None
        assert self.shape is not None
        self.level = fit_level(history, self.shape)
        self.past_levels.append(self.level.level)
        if anew:
            self._rebuild()
        self._calibrate(days)

    def _use(self) -> Floats:
        starts = np.array(self.memory.starts)
        use = np.ones((len(starts), len(self.free)))
        for episode in self.episodes:
            end_s = self.now_s if episode.end_s is None else episode.end_s
            if episode.teaches or end_s < starts[0]:
                continue
            within = (starts + self.block_s > episode.onset_s) & (starts < end_s)
            use[np.ix_(within, episode.covered)] = 0.0
        lately = starts >= self.now_s - self.settings.longest_s
        use[:, use[lately].mean(axis=0) < 0.5] = 1.0
        return use

    def _choose(self) -> None:
        old = self.watched
        self.episodes = [
            e for e in self.episodes if e.end_s is None or self.now_s - e.end_s < self.settings.history_d * DAY_S
        ]
        pinned = tuple(
            e.pairs for e in self.episodes if e.state == "open" or self.now_s - (e.end_s or 0) <= self.settings.return_s
        )
        self.watched = choose(
            self.leaves, self.memory.volume(len(self.leaves.values)), self.dimensions, self.settings.watch, pinned
        )
        many = len(self.watched.slices)
        self.memory.recount(self.watched)
        if old is None:
            self.free = np.ones(many, dtype=bool)
            return
        moved = np.array([old.numbers.get(pairs, -1) for pairs in self.watched.slices])
        for episode in self.episodes:
            episode.covered = np.where(moved >= 0, episode.covered[moved], False)
            episode.number = self.watched.numbers.get(episode.pairs, -1)
        self.past_levels = deque((np.where(moved >= 0, past[moved], np.nan) for past in self.past_levels), maxlen=8)
        for rungs in (self.coarse, self.fine):
            if rungs is not None:
                rungs.error.move(moved)
        self.free = np.ones(many, dtype=bool)

    def _rebuild(self) -> None:
        """Rings anew for the chosen slices."""
        assert self.watched is not None
        assert self.level is not None
        many = len(self.watched.slices)
        self.leaf_mass = self.memory.volume(len(self.leaves.values))
        places = np.flatnonzero(self.leaf_mass > 0)
        self.mass = self.watched.add_up(places, self.leaf_mass[places])
        single = [i for i in range(1, many) if self.watched.depth[i] == 1]
        self.shown = (0, *sorted(single, key=lambda i: (-self.mass[i], self.watched.texts[i]))[: self.settings.bands])  # type: ignore[union-attr]
        self.past_levels = deque(
            (np.where(np.isnan(past), self.level.level, past) for past in self.past_levels), maxlen=8
        )
        self.coarse = self._rung(
            self.coarse, self.block_s, ladder(self.block_s, longest_s=7 * DAY_S), 16 * DAY_S // self.block_s
        )
        self._refill_coarse()
        if self.per_block > 1:
            self.fine = self._rung(
                self.fine, self.bucket_s, ladder(self.bucket_s, longest_s=self.block_s // 2), DAY_S // self.bucket_s + 1
            )
            self._refill_fine()
        self.block_count, self.block_unit = np.zeros(many), np.zeros(many)
        for episode in self.episodes:
            if episode.number < 0 or episode.state == "merged":
                continue
            usual = self._shared_mass(episode.number)
            episode.covered = episode.covered | (usual >= 0.5 * self.mass)
            if episode.state == "closed" and episode.end_s is not None:
                self._blank(episode, self.coarse)
                if self.fine is not None:
                    self._blank(episode, self.fine)
        self._refree()

    def _rung(self, old: Ladder | None, step_s: int, lengths: tuple[int, ...], keep: int) -> Ladder:
        rungs = Ladder(step_s, lengths, max(keep, 2 * max(lengths) + 2), len(self.free))
        if old is not None:
            rungs.error = old.error
        return rungs

    def _refill_coarse(self) -> None:
        assert self.coarse is not None
        assert self.shape is not None
        windows = self.coarse.windows
        here = self.memory.history(np.ones((1, 1)))
        starts = np.array(self.memory.starts)
        steps = (self.now_s - starts) // self.block_s
        recent = (steps <= windows.keep - 1) & (starts >= self.quiet_until_s - DAY_S * 0)
        windows.steps = windows.keep * 7
        rows = (windows.steps - steps[recent]) % windows.keep
        windows.count[rows] = here.count[recent]
        windows.unit[rows] = self.shape.unit(here.hour[recent], here.weekday[recent])
        windows.resum()

    def _refill_fine(self) -> None:
        assert self.fine is not None
        assert self.watched is not None
        windows = self.fine.windows
        many = len(self.recent)
        known = set(self.memory.starts)
        for back in range(many, 0, -1):
            start_s = self.now_s - back * self.bucket_s
            said = start_s // self.block_s * self.block_s in known
            sparse = self.recent[-back]
            zero = np.zeros(len(self.free))
            windows.push(self._counted(sparse) if said else zero, self._unit(start_s) if said else zero)
        windows.resum()

    def _calibrate(self, days: float) -> None:
        """Levels, spreads and budget shares per window, from the day's fit on."""
        assert self.level is not None
        assert self.coarse is not None
        assert self.watched is not None
        lived = days - self.gap_days
        wide = self.settings.wide / lived * np.exp(-lived / 14)
        finest = self.fine if self.fine is not None else self.coarse
        dispersion = finest.error.dispersion()
        depths = np.bincount(self.watched.depth, minlength=4)
        shares = np.array(self.settings.depth_shares) * (depths > 0)
        per_slice = (shares / shares.sum() / np.maximum(depths, 1))[self.watched.depth]
        windows = sum(len(rungs.lengths) for rungs in (self.coarse, self.fine) if rungs is not None)
        for rungs in (self.coarse, self.fine):
            if rungs is None:
                continue
            rungs.error.forget(max(1 - 3 / max(lived, 4), 0.25) if lived < 180 else 0.983)
            rungs.dispersion = dispersion
            rungs.level = np.stack([self.past_levels[-1 - min(lag, len(self.past_levels) - 1)] for lag in rungs.lags_d])
            rungs.spread2 = rungs.error.sigma2() + wide + 1.0 / self.level.worth
            rungs.share = np.tile(OVERLAP * per_slice / windows, (len(rungs.lengths), 1))
            rungs.windows.resum()
            rungs.compare()


def seconds(at: datetime) -> int:
    """Epoch seconds of a moment."""
    return int(at.timestamp())
