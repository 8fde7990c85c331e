"""How an agent moves bytes: everything on a stage's topics is handed to whoever makes it exact."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import faust
from faust.types import StreamT
from faust.types.tuples import Message

from streams.reader import Delivery
from streams.stage import AnyStage

Deliver = Callable[[str, Delivery], Awaitable[None]]


def follow(app: faust.App, stage: AnyStage, deliver: Deliver) -> None:
    """Register the agent of a stage: named after it, fed by all topics that it reads."""
    topic = app.topic(
        *(read.name for read in stage.reads),
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
    )

    async def agent(stream: StreamT[bytes]) -> None:
        async for event in stream.events():
            await deliver(stage.name, _delivery(event.message))

    app.agent(topic, name=stage.name)(agent)


def _delivery(message: Message) -> Delivery:
    timestamp_ms = int(message.timestamp * 1000) if message.timestamp is not None else -1
    return Delivery(message.topic, message.partition, message.offset, timestamp_ms, message.key, message.value)
