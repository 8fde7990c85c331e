"""What Faust does wrong, put right by subclassing: each with its reason, each with a test that it is still needed.

Exactness does not rest on these (see :mod:`streams.runner`); they keep Faust from delivering what does not count,
from jumping over messages after a rebalance, and from committing at a crawl.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

import faust
from aiokafka import AIOKafkaConsumer  # type: ignore[import-untyped]
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

LEAVE_S = 0.7


class FolderlessApp(faust.App):
    """Faust makes a folder for tables on disk in the working directory, also where none are kept there."""

    def _create_directories(self) -> None:
        return None


class CommittedThread(driver.AIOKafkaConsumerThread):
    """Faust asks for ``read_uncommitted`` whatever the settings, and so delivers aborted messages.

    While the broker is away, aiokafka's consumer does not stop: it takes the cancelling of its own fetches for its own
    cancelling, which ends Faust's thread without a word to those who wait for it; or it says good-bye for forty seconds
    to a broker that hangs.
    """

    async def on_thread_stop(self) -> None:
        try:
            await asyncio.wait_for(super().on_thread_stop(), LEAVE_S)
        except (asyncio.CancelledError, TimeoutError):
            with suppress(asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(self._ensure_consumer()._client.close(), LEAVE_S)

    async def _gather_remaining_tasks(self) -> None:
        """The last that this thread does: a connection that was being made when the stop came belongs to nobody any more,
        and would stay open until the process ends."""
        await super()._gather_remaining_tasks()
        for transport in list(getattr(self.thread_loop, "_transports", {}).values()):
            transport.abort()
        await asyncio.sleep(0)

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        return consumer


class ExactConsumer(driver.Consumer):
    """Faust's consumer, with committed reads, and commits that keep up on transactional topics."""

    def _new_consumer_thread(self) -> CommittedThread:
        return CommittedThread(self, loop=self.loop, beacon=self.beacon)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's look for partitions that stand still fails on one that has no place yet, and the consumer with it. Here
        it looks for nothing: what Faust does not deliver is read beside it (:meth:`streams.crew.Crew.check`)."""

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """``offset_to`` is the message just delivered, not the last one missing: counted as a gap and as a message it
        stands twice in the list of consecutive offsets and ends it, so that a commit crosses one marker at a time."""
        await super()._add_gap(tp, offset_from, offset_to - 1)

    async def commit_applied(self, offsets: Mapping[TP, int]) -> None:
        """Commit what the stages have applied, even where Faust waits for messages that it has lost itself: replays
        wait for these commits."""
        assigned = self.assignment()
        ahead = {tp: offset for tp, offset in offsets.items() if tp in assigned and offset > self._place(tp)}
        if ahead and not self.app.rebalancing:
            await self._commit_offsets(ahead)

    def _place(self, tp: TP) -> int:
        committed = self._committed_offset[tp]
        return committed if committed is not None else 0


class ExactTransport(driver.Transport):
    """The Kafka transport with our consumer."""

    Consumer = ExactConsumer


class SeekFirstRecovery(Recovery):
    """After a rebalance Faust resumes partitions and seeks afterwards: what was fetched in between is lost."""

    async def _resume_streams(self, generation_id: int = 0) -> None:
        app = cast(Any, self.app)
        consumer = app.consumer
        await app.on_rebalance_complete.send()
        if app.consumer_generation_id != generation_id:
            self.log.warning("Recovery rebalancing again")
            return
        assignment = consumer.assignment()
        if assignment:
            consumer.stop_flow()
            await consumer.wait_for_stopped_flow()
            await self._wait(consumer.perform_seek(), timeout=app.conf.broker_request_timeout)
            consumer.resume_partitions({tp for tp in assignment if not self._is_changelog_tp(tp)})
        self.completed.set()
        app.flow_control.resume()
        consumer.resume_flow()
        await app._fetcher.maybe_start()
        self.tables.on_actives_ready()
        self.tables.on_standbys_ready()
        app.on_rebalance_end()


class SeekFirstTables(TableManager):
    """Faust's table manager (of no tables), which owns the recovery after every rebalance."""

    @property
    def recovery(self) -> Recovery:
        """The recovery that seeks first."""
        if self._recovery is None:
            self._recovery = SeekFirstRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
