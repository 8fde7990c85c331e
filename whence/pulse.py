"""Whether the broker answers, asked beside the parts: to its clients one that hangs looks like one that has nothing to
say, so they would call themselves ready for ever."""

from __future__ import annotations

import logging
import threading

import structlog
from confluent_kafka import KafkaException

from schemas.broker import Broker
from schemas.catalog import FRAMES
from streams.topics import Admin

EVERY_S = 2.0
ANSWER_S = 3.0
LOG = structlog.get_logger("whence")
_QUIET = logging.getLogger("whence.pulse.kafka")
_QUIET.setLevel(logging.CRITICAL)


class Pulse:
    """One for all parts of a process. ``away`` says why the broker does not answer, and is None while it does."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._begun = threading.Lock()
        self.away: str | None = None

    def begin(self, stop: threading.Event) -> None:
        """Ask from now on until ``stop``; once begun, nothing."""
        if self._begun.acquire(blocking=False):
            threading.Thread(target=self._ask, args=(stop,), name="pulse", daemon=True).start()

    def _ask(self, stop: threading.Event) -> None:
        admin = Admin(self._broker, _QUIET)
        while not stop.wait(EVERY_S):
            away = self._answered(admin)
            if (away is None) != (self.away is None):
                LOG.warning("broker_silent", why=away) if away is not None else LOG.info("broker_answers")
            self.away = away

    def _answered(self, admin: Admin) -> str | None:
        try:
            admin.list_topics(FRAMES.name, timeout=ANSWER_S)
        except KafkaException as error:
            return str(admin.away(error))
        admin.heard.forget()
        return None
