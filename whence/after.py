"""What has to be there for a part to work: it is waited for, and missed when it falls silent."""

from __future__ import annotations

import threading
from functools import partial

from msgspec.structs import replace

from schemas.aside import beside
from schemas.broker import Broker
from schemas.errors import RetryableError
from schemas.health import Health, Part
from streams.topics import ensure_topics, partition_counts
from whence.pulse import Pulse

ASK_WITHIN_S = 3.0


class AfterTopics:
    """A part that begins once the broker answers and its topics are there, made or checked; until then it waits, as the
    supervisor lets every part do that raises :class:`schemas.errors.RetryableError`. From then on it is ready only while
    the broker answers, by ``pulse``."""

    def __init__(self, part: Part, broker: Broker, partitions: int | None, pulse: Pulse) -> None:
        self.name = part.name
        self._part = part
        self._broker = broker
        self._partitions = partitions
        self._pulse = pulse
        self._begun = False
        self._why = ""

    def run(self, stop: threading.Event) -> None:
        """Look at the topics, then do the part's work until ``stop``.

        Raises:
            RetryableError: the broker does not answer.
            FatalError: the topics differ from what is needed, or may not be made; or what the part raises.
        """
        if not self._begun:
            try:
                # The client's calls cannot be interrupted; who stops need not wait for them.
                look = partial(self._look, stop)
                beside(look, stop, patience_s=0.0, asked="The broker", name=f"{self.name}-topics")
            except RetryableError as error:
                if stop.is_set():
                    return
                self._why = str(error)
                raise
            self._begun = True
        self._pulse.begin(stop)
        self._part.run(stop)

    def _look(self, stop: threading.Event) -> None:
        partition_counts(self._broker, timeout_s=ASK_WITHIN_S)
        if not stop.is_set():
            ensure_topics(self._broker, self._partitions)

    def health(self) -> Health:
        """The part's own, or that it waits, and for what."""
        if self._begun:
            found, away = self._part.health(), self._pulse.away
            return replace(found, ready=False, detail=away) if found.alive and away is not None else found
        detail = self._why or f"waiting for the topics on the broker at {self._broker.servers}"
        return Health(part=self.name, alive=True, ready=False, detail=detail)
