"""The agents' part: a Faust worker that delivers, and runners that make what it delivers exact.

Faust assigns partitions, fetches and balances between workers. Every delivery goes through the runner of its
stage and partition in one thread beside the loop, so that a long step delays no heartbeat and no page.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import faust
import structlog
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from faust.types import TP
from msgspec.structs import replace

from schemas.broker import Broker
from schemas.catalog import TOPICS
from schemas.errors import FatalError, RetryableError
from schemas.health import Health
from schemas.workspace import Workspace
from streams import app as the_map
from streams.crew import Crew
from streams.reader import Place
from streams.settings import AgentSettings
from streams.stage import AnyStage
from streams.topics import partition_counts

log = structlog.get_logger("whence.agents")
TICK_S = 0.2
LONGEST_PAUSE_S = 10.0
ANSWER_S = 2.0
STOP_S = 1.5
COMMIT_S = 60.0
NAMED = 5


class Agents:
    """Detect, attribute and alert, as one part: ``run`` in a thread of its own, ``serve`` within a running loop.

    ``stages`` replaces those of the map. ``at`` is called with the name of each moment that a test may want to die
    at: ``assigned``, ``rebuilding``, ``applied``, ``produced``, ``keeping``, ``kept``, ``revoked``.
    """

    name = "agents"

    def __init__(
        self,
        broker: Broker,
        workspaces: Sequence[Workspace],
        settings: AgentSettings | None = None,
        *,
        stages: Sequence[AnyStage] | None = None,
        at: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._broker = broker
        self._workspaces = {workspace.name: workspace for workspace in workspaces}
        self._settings = settings if settings is not None else AgentSettings()
        self._stages = tuple(stages) if stages is not None else the_map.STAGES
        self._registers = the_map.agents_of(stages) if stages is not None else the_map.AGENTS
        self._at = at
        self._stop = threading.Event()
        self._health = Health(part=self.name, alive=True, ready=False, detail="not started")
        self._at_work: Crew | None = None

    def health(self) -> Health:
        """See :class:`schemas.health.Part`."""
        away = self._at_work.away if self._at_work is not None else None
        return self._health if away is None else replace(self._health, ready=False, detail=away)

    def _say(self, detail: str, *, alive: bool = True, ready: bool = False) -> None:
        self._health = Health(part=self.name, alive=alive, ready=ready, detail=detail)

    def run(self, stop: threading.Event) -> None:
        """See :class:`schemas.health.Part`."""
        asyncio.run(self.serve(stop))

    async def serve(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set.

        Raises:
            FatalError: a person has to act.
        """
        self._stop = stop
        try:
            while not stop.is_set():
                await self._with_crew()
        except FatalError as error:
            self._say(str(error), alive=False)
            raise
        self._say("stopped", alive=False)

    async def _with_crew(self) -> None:
        """One life of the runners: until the end, or until an output was lost and they must be built anew."""
        crew = self._at_work = self._crew()
        pause_s = 1.0
        try:
            while not self._stop.is_set() and crew.lost is None:
                try:
                    await self._with_faust(crew)
                    pause_s = 1.0
                except (RetryableError, KafkaError, OSError) as error:
                    self._say(f"waiting for the Kafka broker at {self._broker.servers}: {error}")
                    log.warning("agents_wait", why=str(error), pause_s=pause_s)
                    await self._sleep(pause_s)
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        finally:
            self._at_work = None
            crew.close()

    def _crew(self) -> Crew:
        settings = self._settings
        return Crew(
            self._broker,
            self._workspaces,
            self._stages,
            self._stop,
            folder=Path(settings.checkpoint_folder) if settings.checkpoint_folder else None,
            keep_s=settings.checkpoint_s,
            at=self._at,
        )

    async def _with_faust(self, crew: Crew) -> None:
        """One life of the Faust app: until the end, or until it has crashed."""
        await self._topics_exist()
        app = the_map.make_app(
            self._broker,
            group=self._settings.group,
            session_s=self._settings.session_s,
            registers=self._registers,
            deliver=crew.deliver,
        )
        connect(app, crew)
        self._say("joining the other workers")
        starting = asyncio.ensure_future(app.start())
        try:
            await self._watch(app, crew, starting)
        finally:
            crew.revoked()
            await _stop(app, starting)

    async def _topics_exist(self) -> None:
        look = partial(partition_counts, self._broker, timeout_s=ANSWER_S)
        found = await asyncio.get_running_loop().run_in_executor(None, look)
        missing = [topic.name for topic in TOPICS if topic.name not in found]
        if missing:
            raise RetryableError(f"the topics {', '.join(missing)} are not there yet", retry_after_s=1.0)

    async def _watch(self, app: faust.App, crew: Crew, starting: asyncio.Future[None]) -> None:
        """Delivery begins long before Faust calls itself started, so do not wait for that."""
        next_check = 0.0
        while not self._stop.is_set() and crew.lost is None:
            if crew.fatal is not None:
                raise crew.fatal
            if starting.done():
                starting.result()
            if app.crashed or app.should_stop:
                raise RetryableError(f"the Faust worker has stopped ({app.crash_reason!r})", retry_after_s=1.0)
            now = asyncio.get_running_loop().time()
            if now >= next_check or not crew.caught_up:
                await crew.check()
                await commit(app, crew, self._stop)
                next_check = now + self._settings.check_s
            self._describe(crew, joined=starting.done())
            await asyncio.sleep(TICK_S)

    def _describe(self, crew: Crew, *, joined: bool) -> None:
        partitions = sorted({post.partition for post in crew.owned})
        if not partitions and joined:
            self._say("waiting for partitions: other workers have them all", ready=True)
        elif partitions and crew.caught_up:
            self._say(f"serving partitions {', '.join(map(str, partitions))}{_cut(crew.late)}", ready=True)
        elif partitions:
            self._say(f"reading the history of partitions {', '.join(map(str, partitions))}")

    async def _sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not self._stop.is_set() and loop.time() < deadline:
            await asyncio.sleep(TICK_S)


def _cut(late: Sequence[str]) -> str:
    named = ", ".join(late[:NAMED]) + (f" and {len(late) - NAMED} more" if len(late) > NAMED else "")
    return f"; history begins where retention has cut it: {named}" if late else ""


def connect(app: faust.App, crew: Crew) -> None:
    """Tell the crew of every assignment."""

    async def on_assigned(*sender_and_places: Any, **_: Any) -> None:
        crew.assigned(Place(place.topic, place.partition) for place in sender_and_places[1])

    async def on_revoked(*_: Any, **__: Any) -> None:
        crew.revoked()

    app.on_partitions_assigned.connect(on_assigned, weak=False)
    app.on_partitions_revoked.connect(on_revoked, weak=False)


async def commit(app: faust.App, crew: Crew, stop: threading.Event) -> None:
    """Commit what is applied; who was asked to stop does not wait for the broker's word.

    Raises:
        RetryableError: Faust's consumer, which lives in a thread and a loop of its own, is gone or does not answer.
            Faust itself would go on and deliver nothing more.
    """
    applied = {TP(place.topic, place.partition): offset for place, offset in crew.applied().items()}
    if applied:
        consumer: Any = app.consumer
        try:
            await _in_time(consumer.commit_applied(applied), COMMIT_S, stop)
        except (RuntimeError, TimeoutError) as error:
            raise RetryableError(f"Faust's consumer is gone ({error!r})", retry_after_s=1.0) from error


async def _in_time(work: Coroutine[Any, Any, object], within_s: float, stop: threading.Event) -> None:
    """Wait for its end, for the time given, or until ``stop``."""
    working = asyncio.ensure_future(work)
    deadline = asyncio.get_running_loop().time() + within_s
    try:
        while not (await asyncio.wait([working], timeout=TICK_S))[0]:
            if stop.is_set():
                return
            if asyncio.get_running_loop().time() >= deadline:
                raise TimeoutError(f"no answer within {within_s:g} s")
        working.result()
    finally:
        working.cancel()


async def _stop(app: faust.App, starting: asyncio.Future[None]) -> None:
    starting.cancel()
    await asyncio.wait([starting], timeout=STOP_S / 3)
    try:
        await asyncio.wait_for(app.stop(), STOP_S)
    except TimeoutError:
        log.warning("faust_stop_timed_out", seconds=STOP_S)


__all__ = ["AgentSettings", "Agents"]
