"""The quality part: runs the checks on a schedule and publishes what they say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.aside import beside
from schemas.broker import Broker, leave
from schemas.errors import FatalError, RetryableError
from schemas.health import Health
from schemas.quality import QualityResult
from schemas.workspace import Workspace
from sinks.meters import CHECKS_FAILED
from sinks.migrate import require_current
from sinks.quality.checkpoint import Checkpoint
from sinks.quality.landed import window_of
from sinks.quality.run import run_checks
from sinks.quality.sequence import QualityTopic
from sinks.quality.settings import QualitySettings
from sinks.store import StoreAway, StoreSettings, connect, explained

LOG = structlog.get_logger("whence.quality")
T = TypeVar("T")
_PATIENCE_S = 1.0


def _now() -> datetime:
    return datetime.now(UTC)


class Quality:
    """A part, of which there is one: its results are numbered. ``clock`` is the time for live workspaces."""

    name = "quality"

    def __init__(
        self,
        broker: Broker,
        store: StoreSettings,
        workspaces: Sequence[Workspace],
        settings: QualitySettings = QualitySettings(),  # noqa: B008 - frozen
        *,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._broker = broker
        self._store = store
        self._workspaces = [one for one in workspaces if settings.replays or one.progress == "clock"]
        self._settings = settings
        self._clock = clock
        self._checkpoint = Checkpoint()
        self._windows: dict[str, datetime] = {}
        self._unanswered = False
        self._said = "no checks have run yet"
        self._health = Health(part=self.name, alive=True, ready=True, detail=self._said)

    def health(self) -> Health:
        """Ready while its last round could run, whatever the checks said."""
        return self._health

    def run(self, stop: threading.Event) -> None:
        """Check every workspace, then wait; until ``stop``.

        Raises:
            FatalError: a wrong password, another schema, an embedded store that another process has.
        """
        topic = QualityTopic(self._broker)
        try:
            wait_s = min(self._settings.first_after_s, self._settings.every_s)
            while not stop.wait(wait_s):
                wait_s = self._round(topic, stop)
        except FatalError as error:
            self._say(alive=False, ready=False, detail=str(error))
            raise
        finally:
            if not self._unanswered:  # else a call of its own still holds the client
                leave(topic, hurry=stop.is_set())
        self._say(alive=False, ready=False, detail="stopped")

    def _round(self, topic: QualityTopic, stop: threading.Event) -> float:
        """Check every workspace once; seconds until the next round."""
        try:
            results = self._checked(topic, stop)
        except (StoreAway, RetryableError) as error:
            retry_s = min(self._settings.every_s, 30.0)
            reason = f"{error.what}." if isinstance(error, RetryableError) else str(error)
            LOG.warning("waiting", reason=reason, pause_s=retry_s)
            self._say(alive=True, ready=False, detail=f"{reason} Checking again in {retry_s:g} s.")
            return retry_s
        if results:
            failed = sum(not one.success for one in results)
            self._said = f"{failed} of {len(results)} checks failed in the last round"
        self._say(alive=True, ready=True, detail=self._said)
        return self._settings.every_s

    def _checked(self, topic: QualityTopic, stop: threading.Event) -> list[QualityResult]:
        client = connect(self._store)
        try:
            require_current(client)
            results: list[QualityResult] = []
            for workspace in self._workspaces:
                if stop.is_set():
                    break
                results += self._workspace(client, topic, workspace, stop)
            return results
        except ClickHouseError as error:
            raise explained(error, self._store) from error
        finally:
            client.close()

    def _workspace(
        self, client: Client, topic: QualityTopic, workspace: Workspace, stop: threading.Event
    ) -> list[QualityResult]:
        """Check the newest window of one workspace, unless that was done already."""
        now = self._clock() - _patience(workspace) if workspace.progress == "clock" else data_time(client, workspace)
        if now is None or self._windows.get(workspace.name) == window_of(workspace, now, self._settings).end:
            return []
        results = run_checks(
            client,
            workspace,
            now=now,
            seq=max(self._asked(partial(topic.last_seq, workspace.name), stop), stored_seq(client, workspace.name)),
            settings=self._settings,
            checkpoint=self._checkpoint,
            stopped=stop.is_set,
        )
        if not results:
            return []
        self._asked(partial(topic.publish, results), stop)
        self._windows[workspace.name] = results[0].window_end
        failed = [one.check_id for one in results if not one.success]
        CHECKS_FAILED.labels(workspace.name).set(len(failed))
        LOG.info("checked", workspace=workspace.name, checks=len(results), failed=failed)
        return results

    def _asked(self, call: Callable[[], T], stop: threading.Event) -> T:
        """Kafka's answer; where it hangs, who is asked to stop does not wait for it."""
        self._unanswered = True
        answer = beside(partial(_kept, call), stop, patience_s=_PATIENCE_S, asked="Kafka", name="quality-topic")
        self._unanswered = False
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _say(self, *, alive: bool, ready: bool, detail: str) -> None:
        self._health = Health(part=self.name, alive=alive, ready=ready, detail=detail)


def _kept(call: Callable[[], T]) -> T | Exception:
    """What it returns, or what it raises: told apart from not coming back at all."""
    try:
        return call()
    except Exception as error:
        return error


def _patience(workspace: Workspace) -> timedelta:
    """How far behind the clock a live workspace's counts are complete: its lateness, and a bucket on the way."""
    return timedelta(seconds=workspace.lateness_s + workspace.bucket_s)


def data_time(client: Client, workspace: Workspace) -> datetime | None:
    """How far all inputs of a workspace's contacts have been counted, or ``None`` where nothing has landed."""
    asked = client.query(
        "SELECT count(), min(until) FROM progress_now WHERE workspace = {w:String} AND topic = 'frames' AND stream = 'contacts'",
        parameters={"w": workspace.name},
    )
    count, until = asked.result_rows[0]
    return until if count else None


def stored_seq(client: Client, workspace: str) -> int:
    """The last ``seq`` among the results in the store."""
    asked = client.query("SELECT max(seq) FROM quality WHERE workspace = {w:String}", parameters={"w": workspace})
    return int(asked.result_rows[0][0])
