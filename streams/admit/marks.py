"""Progress of live workspaces, from the clock: only here does Whence look at it to close buckets."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from confluent_kafka import Producer

from schemas.broker import Broker, client_config
from schemas.codec import encode
from schemas.raw import PROGRESS_KEY, Progress
from schemas.workspace import Workspace
from streams.admit.settings import AdmitSettings
from streams.reader import Place

_LOGGER = logging.getLogger("whence.broker")


def mark_at(workspace: Workspace, now_s: float) -> datetime:
    """How far a live workspace is: now, less its lateness, cut to whole buckets.

    >>> mark_at(Workspace(name="w", bucket_s=60, lateness_s=120), 1_000_000_000).isoformat()
    '2001-09-09T01:44:00+00:00'
    """
    width = workspace.bucket_s
    return datetime.fromtimestamp((now_s - workspace.lateness_s) // width * width, UTC)


class Clock:
    """Writes marks of live workspaces into the raw partitions that are ours, each moment once."""

    def __init__(self, broker: Broker, settings: AdmitSettings, workspaces: Iterable[Workspace]) -> None:
        self._every_s = settings.mark_every_s
        self._live = tuple(workspace for workspace in workspaces if workspace.progress == "clock")
        self._told: dict[tuple[Place, str], datetime] = {}
        self._due_s = 0.0
        config = client_config(broker, linger_ms=5, message_timeout_ms=30_000)
        self._producer = Producer(config, logger=_LOGGER) if self._live else None

    def tell(self, places: Collection[Place], now_s: float) -> None:
        """Write what is due."""
        if self._producer is None or not places or now_s < self._due_s:
            return
        self._due_s = now_s + min(self._every_s, *(workspace.bucket_s for workspace in self._live))
        for workspace in self._live:
            until = mark_at(workspace, now_s)
            value = encode(Progress(workspace=workspace.name, until=until))
            for place in places:
                if self._told.get((place, workspace.name)) != until:
                    self._told[place, workspace.name] = until
                    self._producer.produce(place.topic, value, PROGRESS_KEY, place.partition)
        self._producer.poll(0)

    def close(self) -> None:
        """Send what is left, shortly."""
        if self._producer is not None:
            self._producer.flush(1.0)
