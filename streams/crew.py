"""The runners of one worker: one for every stage and partition that it owns, in one thread beside the loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import structlog

from schemas.broker import Broker
from schemas.errors import FatalError, RetryableError
from schemas.workspace import Workspace
from streams.checkpoint import Shelf
from streams.fingerprint import code_of, fingerprint
from streams.outbox import Outbox
from streams.reader import Delivery, Place, Reader
from streams.runner import Runner
from streams.stage import AnyStage

log = structlog.get_logger("whence.agents")
FLUSH_S = 1.0
PARTING_S = 1.5
TICK_S = 0.1


class Post(NamedTuple):
    """A stage on a partition."""

    stage: str
    partition: int


class Crew:
    """Runs every runner in one thread, so that none needs a lock and no long step delays a heartbeat or a page.

    Runners of partitions that are assigned again keep their state and only catch up; others are dropped.
    ``at`` is called in that thread with the name of each moment that a test may want to die at. Checkpoints are kept in
    ``folder``, if there is one: once caught up, then every ``keep_s`` while records come, and in the end.
    """

    def __init__(
        self,
        broker: Broker,
        workspaces: Mapping[str, Workspace],
        stages: Sequence[AnyStage],
        stop: threading.Event,
        *,
        folder: Path | None = None,
        keep_s: float = 300.0,
        at: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._stages = {stage.name: stage for stage in stages}
        self._workspaces = workspaces
        self._stop = stop
        self._at = at
        self._folder = folder
        self._keep_s = keep_s
        self._codes = {stage.name: code_of(stage) for stage in stages} if folder is not None else {}
        self._keep_at_s: dict[Post, float] = {}
        self._reader = Reader(broker, interrupted=stop.is_set)
        self._outbox = Outbox(broker)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="whence-stages")
        self._runners: dict[Post, Runner] = {}
        self._owned: frozenset[Post] = frozenset()
        self._behind: set[Post] = set()
        self.fatal: FatalError | None = None
        self.away: str | None = None  # why work waits for the broker just now

    @property
    def lost(self) -> str | None:
        """Why this crew has to be replaced: an output was not taken by the broker."""
        return self._outbox.error

    @property
    def caught_up(self) -> bool:
        """Whether every runner has applied what was there when it was assigned."""
        return not self._behind

    @property
    def late(self) -> list[str]:
        """Workspaces whose history begins where retention has cut it."""
        return sorted({name for runner in list(self._runners.values()) for name in runner.late})

    @property
    def owned(self) -> frozenset[Post]:
        """The stages and partitions that are ours."""
        return self._owned

    def assigned(self, places: Iterable[Place]) -> None:
        """Take over the stages all of whose topics are ours in a partition. Returns at once."""
        mine = set(places)
        posts = {
            Post(stage.name, partition)
            for stage in self._stages.values()
            for partition in {place.partition for place in mine}
            if all(Place(topic.name, partition) in mine for topic in stage.reads)
        }
        self._behind = set(posts)
        self._owned = frozenset(posts)
        self._at("assigned")

    def revoked(self) -> None:
        """Own nothing until the next assignment; states are kept until then. Returns at once."""
        self._owned = frozenset()
        self._at("revoked")

    async def deliver(self, stage: str, item: Delivery) -> None:
        """Hand one message to its runner, and wait while the broker does not answer."""
        await self._do(lambda: self._deliver(Post(stage, item.partition), item))

    def _deliver(self, post: Post, item: Delivery) -> None:
        if post not in self._owned or not self._caught_up(post):
            return
        written = self._outbox.written
        self._runners[post].deliver(item)
        self._at("applied")
        if self._outbox.written > written:
            self._at("produced")

    def _caught_up(self, post: Post) -> bool:
        """Rebuild or catch up where that is due; False if the partition was taken away meanwhile."""
        behind = self._behind
        if post not in behind:
            return True
        if post not in self._runners:
            self._runners[post] = self._hire(post)
        self._at("rebuilding")
        self._runners[post].catch_up()
        if self._dismissed(post) or behind is not self._behind:
            return False
        behind.discard(post)
        log.info("caught_up", stage=post.stage, partition=post.partition)
        return True

    def _dismissed(self, post: Post) -> bool:
        return self._stop.is_set() or post not in self._owned

    def _hire(self, post: Post) -> Runner:
        return Runner(
            self._stages[post.stage],
            post.partition,
            self._workspaces,
            source=self._reader,
            sink=self._outbox,
            shelf=self._shelf(post),
            interrupted=lambda: self._dismissed(post),
        )

    def _shelf(self, post: Post) -> Shelf | None:
        if self._folder is None:
            return None
        made_by = fingerprint(self._stages[post.stage], post.partition, self._workspaces, code=self._codes[post.stage])
        return Shelf(self._folder, post.stage, post.partition, made_by, at=self._at)

    async def check(self) -> None:
        """Catch up where that is due, read what Faust has not delivered, drop runners that went to others."""
        await self._do(self._drop)
        for post in sorted(self._owned):
            await self._do(partial(self._check, post))

    def _check(self, post: Post) -> None:
        if post in self._owned and self._caught_up(post):
            runner = self._runners[post]
            runner.check(self._reader.ends(runner.places))
            if time.monotonic() >= self._keep_at_s.get(post, 0.0):
                self._keep(post, runner)

    def _keep(self, post: Post, runner: Runner) -> None:
        """Keep a checkpoint, once all that it counts as written has been acknowledged."""
        if self._folder is not None and runner.unkept and self._outbox.flush(FLUSH_S):
            runner.keep()
            self._keep_at_s[post] = time.monotonic() + self._keep_s

    def _drop(self) -> None:
        if self._owned:
            self._runners = {post: runner for post, runner in self._runners.items() if post in self._owned}

    async def _do(self, work: Callable[[], None]) -> None:
        """Run it in the thread, again and again while the broker is away; remember what is fatal."""
        loop = asyncio.get_running_loop()
        while not self._stop.is_set() and self.fatal is None and self.lost is None:
            try:
                await loop.run_in_executor(self._thread, work)
            except RetryableError as error:
                self.away = str(error)
                log.warning("broker_away", why=self.away)
                await self._pause(error.retry_after_s)
            except FatalError as error:
                self.fatal = error
            else:
                self.away = None
                return

    async def _pause(self, seconds: float) -> None:
        """That long, or until the end."""
        deadline = time.monotonic() + seconds
        while not self._stop.is_set() and (left := deadline - time.monotonic()) > 0.0:
            await asyncio.sleep(min(left, TICK_S))

    def applied(self) -> dict[Place, int]:
        """Up to which offset every stage of ours that reads a partition has applied it."""
        lowest: dict[Place, int] = {}
        for post, runner in list(self._runners.items()):
            if post in self._owned and post not in self._behind:
                for place, offset in runner.complete_to.items():
                    lowest[place] = min(offset, lowest.get(place, offset))
        return lowest

    def close(self) -> None:
        """Finish what is running, deliver what is written, keep what there is time to keep, and leave the broker."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        delivered = self._outbox.flush(FLUSH_S)
        deadline = time.monotonic() + PARTING_S
        for post, runner in self._runners.items() if delivered and self.fatal is None else ():
            if post not in self._behind and time.monotonic() < deadline:
                with suppress(RetryableError):
                    self._keep(post, runner)
        self._reader.close()
