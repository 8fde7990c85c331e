"""Events sent into a running Whence, with what is happening shown on the terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime

from schemas.broker import Broker
from schemas.catalog import Topic
from schemas.raw import RawEvent
from schemas.workspace import Workspace
from sources.publish import Replayed, publish
from sources.readers import followers
from whence.show import progress

Events = Iterable[tuple[Topic, RawEvent]]


def feed(
    broker: Broker,
    workspace: Workspace,
    events: Events,
    stop: threading.Event,
    *,
    total: int | None = None,
    speed: float | None = None,
    live_from: datetime | None = None,
) -> Replayed:
    """Publish events, never faster than the readers follow, with a progress bar.

    Args:
        broker: Where.
        workspace: Whose events these are.
        events: In order of arrival.
        stop: Set it to end early.
        total: How many events there are, where that is known.
        speed: Event seconds per second from ``live_from`` on; as fast as the readers follow where it is None.
        live_from: Where history ends.

    Raises:
        RetryableError: the broker does not answer.
        FatalError: the broker refused for good.
    """
    with progress() as shown:
        task = shown.add_task("events", total=total)

        def told(state: Replayed) -> None:
            shown.update(task, completed=state.events, description=_description(state))

        return publish(
            broker,
            workspace,
            events,
            speed=speed,
            live_from=live_from,
            follow=followers(broker),
            on_progress=told,
            stop=stop,
        )


def _description(state: Replayed) -> str:
    at = f"{state.at:%Y-%m-%d %H:%M}" if state.at is not None else "events"
    return f"{at}, waiting for {state.waiting_for}" if state.waiting_for else at


Feed = Callable[[Broker, threading.Event], None]
"""What ``up`` runs beside its parts: sends events until they end or the event is set."""
