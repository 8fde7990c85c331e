"""Every patch of Faust does what it says, and Faust still needs it: when it does not, the test says so."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from faust.tables.recovery import Recovery
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from schemas.broker import Broker
from streams import patches
from streams.app import make_app
from streams.patches import CommittedThread, ExactConsumer, SeekFirstRecovery, SeekFirstTables
from streams.reader import Delivery

TICKETS = TP("tickets", 0)
NEEDLESS = "Faust does this itself now: remove the patch from streams/patches.py"


async def _nowhere(stage: str, item: Delivery) -> None:
    raise AssertionError((stage, item))


@contextmanager
def _app() -> Iterator[faust.App]:
    app = make_app(Broker(servers="127.0.0.1:9"), group="g", session_s=6.0, registers=(), deliver=_nowhere)
    consumer: Any = app.consumer
    try:
        yield app
    finally:
        consumer._thread.thread_loop.close()


def _isolation(thread: type[driver.AIOKafkaConsumerThread]) -> str:
    async def look() -> str:
        with _app() as app:
            consumer: Any = app.consumer
            transport: Any = app.transport
            made = thread(consumer, thread_loop=asyncio.get_running_loop(), beacon=app.beacon)
            client = made._create_worker_consumer(transport)
            client._closed = None  # never started, so there is nothing to close
            return str(client._isolation_level)

    return asyncio.run(look())


def test_only_committed_messages_are_asked_for() -> None:
    assert _isolation(CommittedThread) == "read_committed"
    assert _isolation(driver.AIOKafkaConsumerThread) == "read_uncommitted", NEEDLESS


def test_the_app_uses_the_patched_classes() -> None:
    async def look() -> None:
        with _app() as app:
            assert isinstance(app.consumer, ExactConsumer)
            assert isinstance(app.consumer._thread, CommittedThread)
            assert isinstance(app.tables, SeekFirstTables)
            assert isinstance(app.tables.recovery, SeekFirstRecovery)

    asyncio.run(look())


class Hesitating:
    """An aiokafka consumer that stops as it does while the broker is away: it takes a cancelled fetch for its own end,
    or waits for a good-bye that nobody answers."""

    def __init__(self, how: str) -> None:
        self.how, self.closed = how, False
        self._client = SimpleNamespace(close=self._close)

    async def _close(self) -> None:
        self.closed = True

    async def stop(self) -> None:
        if self.how == "cancelled":
            raise asyncio.CancelledError
        await asyncio.Event().wait()


def _stopped(thread: type[driver.AIOKafkaConsumerThread], how: str) -> bool:
    """Whether it comes to its end, and with the client closed."""

    async def stop() -> bool:
        with _app() as app:
            unstarted: Any = app.consumer
            made: Any = thread(unstarted, thread_loop=asyncio.get_running_loop(), beacon=app.beacon)
            made._consumer = Hesitating(how)
            await asyncio.wait([stopping := asyncio.ensure_future(made.on_thread_stop())], timeout=1.0)
            ended = stopping.done() and not stopping.cancelled()
            stopping.cancel()
            return ended and made._consumer.closed

    return asyncio.run(stop())


@pytest.mark.parametrize("how", ["cancelled", "unanswered"])
def test_a_consumer_ends_where_the_broker_is_away(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "LEAVE_S", 0.05)
    assert _stopped(CommittedThread, how)
    assert not _stopped(driver.AIOKafkaConsumerThread, how), NEEDLESS


def _left_open(thread: type[driver.AIOKafkaConsumerThread]) -> bool:
    """Whether a connection of which its maker lost sight is still open when the thread is over."""

    async def end() -> bool:
        loop = asyncio.get_running_loop()
        with _app() as app, socket.create_server(("127.0.0.1", 0)) as listening:
            unstarted: Any = app.consumer
            made: Any = thread(unstarted, thread_loop=loop, beacon=app.beacon)
            lost, _ = await loop.create_connection(asyncio.Protocol, *listening.getsockname())
            opened = lost.get_extra_info("socket")
            current = {asyncio.current_task()}
            await made._gather_remaining_tasks()
            assert asyncio.all_tasks() == current
            left = bool(opened.fileno() >= 0)
            lost.abort()
            await asyncio.sleep(0)
            return left

    return asyncio.run(end())


def test_no_connection_outlives_the_thread() -> None:
    assert not _left_open(CommittedThread)
    assert _left_open(driver.AIOKafkaConsumerThread), NEEDLESS


def _looked_at(consumer_class: type[driver.Consumer]) -> None:
    """Faust's look at a partition that was assigned a moment ago, and has no place yet."""

    class Unplaced:
        highwater = None

        @property
        def position(self) -> int:
            raise AssertionError("no place yet")

    async def look() -> None:
        with _app() as app:
            consumer: Any = app.consumer
            assignment = SimpleNamespace(state_value=lambda _: Unplaced())
            subscriptions = SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))
            thread = consumer._thread
            thread._verify_aiokafka_event_path = lambda *_: False
            thread.time_started = 0.0
            thread._ensure_consumer = lambda: SimpleNamespace(_fetcher=SimpleNamespace(_subscriptions=subscriptions))
            consumer_class.verify_event_path(consumer, 1.0, TICKETS)

    asyncio.run(look())


def test_a_partition_without_a_place_is_no_reason_to_fail() -> None:
    _looked_at(ExactConsumer)
    with pytest.raises(AssertionError, match="no place yet"):
        _looked_at(driver.Consumer)


def _committable(consumer_class: type[driver.Consumer]) -> int | None:
    """Messages 0, 1, 2, a transaction's marker at 3, messages 4 and 5: what may be committed?"""

    async def commit() -> int | None:
        with _app() as app:
            consumer: Any = app.consumer
            await consumer_class._add_gap(consumer, TICKETS, 3, 4)
            consumer._acked[TICKETS] = [0, 1, 2, 4, 5]
            offset: int | None = consumer._new_offset(TICKETS)
            return offset

    return asyncio.run(commit())


def test_a_commit_crosses_the_markers_of_transactions() -> None:
    assert _committable(ExactConsumer) == 6
    assert _committable(driver.Consumer) == 5, NEEDLESS


class Watched:
    """Stands in for an app and its consumer, and notes the order of calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.consumer_generation_id = 7
        self.consumer = SimpleNamespace(
            assignment=lambda: {TICKETS},
            resume_partitions=lambda _: self.calls.append("resume partitions"),
            perform_seek=self._seek,
            stop_flow=lambda: self.calls.append("stop flow"),
            wait_for_stopped_flow=self._nothing,
            resume_flow=lambda: self.calls.append("resume flow"),
        )
        self.on_rebalance_complete = SimpleNamespace(send=self._nothing)
        self.conf = SimpleNamespace(broker_request_timeout=1.0)
        self.flow_control = SimpleNamespace(resume=lambda: None)
        self._fetcher = SimpleNamespace(maybe_start=self._nothing)

    def on_rebalance_end(self) -> None:
        self.calls.append("end")

    async def _nothing(self) -> None:
        return None

    async def _seek(self) -> None:
        self.calls.append("seek")


def _resume(recovery_class: type[Recovery], generation: int = 7) -> list[str]:
    app = Watched()
    log = SimpleNamespace(dev=lambda *_: None, info=lambda *_: None, warning=lambda *_: None)

    async def wait(coroutine: Any, timeout: float | None = None) -> None:
        await coroutine

    recovery = SimpleNamespace(
        app=app,
        log=log,
        _wait=wait,
        _is_changelog_tp=lambda _: False,
        completed=SimpleNamespace(set=lambda: None),
        tables=SimpleNamespace(on_actives_ready=lambda: None, on_standbys_ready=lambda: None),
    )
    asyncio.run(recovery_class._resume_streams(recovery, generation))  # type: ignore[arg-type]
    return app.calls


def test_after_a_rebalance_places_are_sought_before_anything_is_resumed() -> None:
    assert _resume(SeekFirstRecovery) == ["stop flow", "seek", "resume partitions", "resume flow", "end"]
    upstream = _resume(Recovery)
    assert upstream.index("resume partitions") < upstream.index("seek"), NEEDLESS


@pytest.mark.parametrize("recovery", [SeekFirstRecovery, Recovery])
def test_an_outdated_rebalance_resumes_nothing(recovery: type[Recovery]) -> None:
    assert _resume(recovery, generation=6) == []


def test_no_folder_is_made_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def both() -> None:
        with _app() as app:
            app._create_directories()
        assert list(tmp_path.iterdir()) == []
        faust.App("plain", broker="kafka://127.0.0.1:9")._create_directories()
        assert [one.name for one in tmp_path.iterdir()] == ["plain-data"], NEEDLESS

    asyncio.run(both())
