"""One thread for each channel, so that one that stalls holds up no other."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping

import structlog

from streams.alert.message import Message
from streams.deliver.channels import NotDelivered, Sender, Tried

log = structlog.get_logger("whence.alerts")


class Lane:
    """A channel's thread: takes one message at a time. ``busy`` until its outcome has been collected."""

    def __init__(self, name: str, sender: Sender, done: queue.SimpleQueue[Tried]) -> None:
        self.name = name
        self.busy: str | None = None
        self._sender, self._done = sender, done
        self._next: queue.SimpleQueue[tuple[str, Message] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=f"channel-{name}", daemon=True).start()

    def give(self, delivery_id: str, message: Message) -> None:
        """Hand it over; the outcome comes on the common queue."""
        self.busy = delivery_id
        self._next.put((delivery_id, message))

    def end(self) -> None:
        """Take no more; what is under way is left to itself."""
        self._next.put(None)

    def _work(self) -> None:
        while (given := self._next.get()) is not None:
            self._done.put(self._tried(*given))

    def _tried(self, delivery_id: str, message: Message) -> Tried:
        try:
            self._sender(message)
        except NotDelivered as error:
            return Tried(delivery_id, str(error), error.outage, error.wait_s)
        except Exception as error:  # a fault of a channel's library must not end the thread, nor show its arguments
            log.error("channel_failed", channel=self.name, kind=type(error).__name__)
            return Tried(delivery_id, f"its library failed ({type(error).__name__})", True)
        return Tried(delivery_id)


def lanes_of(senders: Mapping[str, Sender]) -> tuple[dict[str, Lane], queue.SimpleQueue[Tried]]:
    """A lane for every channel, and the queue on which outcomes come."""
    done: queue.SimpleQueue[Tried] = queue.SimpleQueue()
    return {name: Lane(name, sender, done) for name, sender in senders.items()}, done
