"""What detect knows of one workspace's stream: everything that the next bucket is judged by."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.frame import Signs, WatchedStream
from schemas.workspace import Workspace
from stats.baseline import History, Level, Shape
from stats.judging import Judging
from stats.within import AROUND, Within, within
from streams.detect.episode import Episode
from streams.detect.ladder import Ladder
from streams.detect.memory import Calendar, Memory, Sparse
from streams.detect.settings import DAY_S, DetectSettings
from streams.detect.watch import Leaves, Watched

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
BLOCK_S = 3_600


class Piece(NamedTuple):
    """A piece of a day's work that is still to be done; values only, since a checkpoint may fall between two."""

    what: Literal["level", "errors", "stretch", "shares"]
    place: int = 0
    history: History | None = None


class Known:
    """The state. Times are epoch seconds; a block is an hour or, where buckets are longer, a bucket.

    ``fine`` holds windows of buckets below an hour, ``coarse`` of blocks. ``free`` says which slices no open spike
    answers for, ``calm`` which share no contacts with one, ``mass`` how many contacts each had in the history. ``muted`` says that part of the running block
    lay in a gap or too soon after one. What :attr:`fitted` does not yet hold raises ``AssertionError`` when read.
    """

    def __init__(self, workspace: Workspace, stream: WatchedStream, settings: DetectSettings) -> None:
        self.workspace = workspace
        self.stream = stream
        self.settings = settings
        self.budget = workspace.budget_per_week * dict(settings.shares)[stream]
        self.bucket_s = workspace.bucket_s
        self.per_block = max(round(BLOCK_S / self.bucket_s), 1)
        self.block_s = self.bucket_s * self.per_block
        self.calendar = Calendar(workspace.timezone, workspace.holidays)
        self.dimensions: tuple[str, ...] = ()
        self.leaves = Leaves()
        self.memory = Memory(max(settings.history_d * DAY_S // self.block_s, 10))
        self.recent: deque[Sparse] = deque(maxlen=max(DAY_S // self.bucket_s, 1))
        self.open_block: list[Sparse] = []
        self.muted = False
        self.block_count: Floats = np.zeros(0)
        self.block_unit: Floats = np.zeros(0)
        self.first_s: int | None = None
        self.now_s = 0
        self._watched: Watched | None = None
        self._shape: Shape | None = None
        self._level: Level | None = None
        self._coarse: Ladder | None = None
        self.fine: Ladder | None = None
        self.judging: Judging | None = None
        self.past_levels: deque[Floats] = deque(maxlen=8)
        self.mass: Floats = np.zeros(0)
        self.leaf_mass: Floats = np.zeros(0)
        self.shown: tuple[int, ...] = ()
        self.free: Bools = np.zeros(0, dtype=bool)
        self.calm: Bools = np.zeros(0, dtype=bool)
        self.silent_from_s: int | None = None
        self.silent_mean = 0.0
        self.in_gap = False
        self.quiet_until_s = 0
        self.gap_days = 0.0
        self.episodes: list[Episode] = []
        self.spike_seq = 0
        self.folds: object = None
        self.signs: deque[tuple[int, Signs]] = deque(maxlen=2 * DAY_S // min(self.bucket_s, 120))
        self.explained: tuple[Watched, Shape, dict[tuple[object, ...], Floats]] | None = None
        self.work: list[Piece] = []
        self.gaps: deque[tuple[int, int]] = deque(maxlen=4)
        self._units: tuple[int, Within] | None = None

    @property
    def chosen(self) -> bool:
        """Whether slices have been chosen."""
        return self._watched is not None

    @property
    def fitted(self) -> bool:
        """Whether there is an expectation."""
        return self._coarse is not None and self._level is not None

    @property
    def watched(self) -> Watched:
        """The watched slices."""
        assert self._watched is not None
        return self._watched

    @watched.setter
    def watched(self, value: Watched) -> None:
        self._watched = value

    @property
    def shape(self) -> Shape:
        """Time of day and day of week."""
        assert self._shape is not None
        return self._shape

    @shape.setter
    def shape(self, value: Shape) -> None:
        self._shape = value
        self._units = None

    @property
    def level(self) -> Level:
        """Level of the day."""
        assert self._level is not None
        return self._level

    @level.setter
    def level(self, value: Level) -> None:
        self._level = value

    @property
    def coarse(self) -> Ladder:
        """Windows of blocks."""
        assert self._coarse is not None
        return self._coarse

    @coarse.setter
    def coarse(self, value: Ladder) -> None:
        self._coarse = value

    @property
    def finest(self) -> Ladder:
        """The windows that hold buckets."""
        return self.coarse if self.fine is None else self.fine

    @property
    def days(self) -> float:
        """Days seen, gaps left out."""
        return (self.now_s - (self.now_s if self.first_s is None else self.first_s)) / DAY_S - self.gap_days

    def ladders(self) -> Iterator[Ladder]:
        """All windows there are, the fine ones first."""
        if self.fine is not None:
            yield self.fine
        yield self.coarse

    def due(self) -> list[Ladder]:
        """Windows whose newest step ended with this bucket."""
        return [rungs for rungs in self.ladders() if rungs is self.fine or self.block_ends()]

    def block_ends(self) -> bool:
        """Whether the bucket judged last is its block's last."""
        return self.now_s % self.block_s < self.bucket_s

    def reaching(self, start_s: int) -> Ladder:
        """The finest windows that still hold ``start_s``."""
        if self.fine is not None and self.now_s - start_s <= (self.fine.windows.keep - 1) * self.bucket_s:
            return self.fine
        return self.coarse

    def last_end_s(self, rungs: Ladder) -> int:
        """Where the newest step of these windows ended."""
        return self.now_s // rungs.step_s * rungs.step_s

    def rows(self, rungs: Ladder, start_s: int) -> Ints:
        """Places in the ring of the steps since ``start_s``, oldest first, as far as it reaches back."""
        steps = -(-(self.last_end_s(rungs) - start_s) // rungs.step_s)
        if steps <= 0 or not rungs.windows.steps:
            return np.zeros(0, dtype=np.int64)
        return rungs.windows.rows(steps)

    def counted(self, sparse: Sparse) -> Floats:
        """Contacts per watched slice."""
        return self.watched.add_up(sparse.places, sparse.counts) if self.chosen else np.zeros(0)

    def unit(self, start_s: int) -> Floats:
        """Expectation at level one of a bucket: its block's, or its part of it (:mod:`stats.within`)."""
        if self._shape is None:
            return np.zeros(0)
        block = start_s // self.block_s
        if self.per_block == 1:
            return self.unit_of(block)
        if self._units is None or self._units[0] != block:
            near = [self.unit_of(block + apart) for apart in range(-AROUND, AROUND + 1)]
            self._units = (block, within(np.stack(near)))
        since = start_s % self.block_s
        return self._units[1].between(since / self.block_s, (since + self.bucket_s) / self.block_s)

    def unit_of(self, block: int) -> Floats:
        """Expectation at level one of a whole block, numbered from the epoch."""
        hour, weekday = self.calendar.place((block + 0.5) * self.block_s)
        return np.asarray(self.shape.hour[hour] * self.shape.weekday[weekday])
