"""How to reach the broker: the one description that every Kafka client of ours is configured from."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from msgspec import Struct


class Broker(Struct, frozen=True, kw_only=True):
    """``servers`` is ``host:port[,host:port…]``. ``security`` holds librdkafka options for TLS and SASL
    (``security.protocol``, ``sasl.password``, …). ``embedded`` says that it is the in-process broker, which has
    no admin calls, keeps its log in memory and takes one member a group."""

    servers: str
    security: dict[str, str] = {}
    embedded: bool = False

    def __repr__(self) -> str:
        return f"Broker({self.servers!r}, embedded={self.embedded})"


def client_config(broker: Broker, **options: object) -> dict[str, Any]:
    """Configuration for a ``confluent_kafka`` client; underscores in option names become dots.

    >>> client_config(Broker(servers="127.0.0.1:9092"), group_id="sink")
    {'bootstrap.servers': '127.0.0.1:9092', 'group.id': 'sink'}
    """
    named: dict[str, Any] = {name.replace("_", "."): value for name, value in options.items()}
    return {"bootstrap.servers": broker.servers, **broker.security, **named}


LEAVE_S = 1.0


class Leaving(Protocol):
    """A client that can be closed."""

    def close(self) -> None:
        """Say good-bye to the broker, and wait until it has answered."""


def leave(client: Leaving, *, hurry: bool) -> None:
    """Close a client. In a hurry it has ``LEAVE_S`` seconds and goes on closing beside: where a broker hangs, a good-bye
    takes longer than a process that was asked to stop has left."""
    if not hurry:
        client.close()
        return
    closing = threading.Thread(target=client.close, name="leaving", daemon=True)
    closing.start()
    closing.join(LEAVE_S)
