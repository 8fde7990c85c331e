"""Where a raw event goes: its key, its value, and the partitioner that all producers of ours share."""

from __future__ import annotations

from schemas.catalog import Topic
from schemas.codec import encode
from schemas.raw import ChangeRecord, Population, Promotion, RawEvent, Release, Signal, Survey
from schemas.slices import slice_text

PARTITIONER = "murmur2_random"
"""What Kafka's Java clients use: a vendor's own producer puts a customer where we do."""


def encode_keyed(topic: Topic, event: RawEvent) -> tuple[bytes, bytes]:
    """Kafka key and value of a raw event.

    The key is the workspace and, after a slash, the customer (or, where nobody is named, the contact) or the
    change, so that one customer's contacts and one change's records keep their order.

    Raises:
        TypeError: the event is not of the topic's type.
    """
    if not isinstance(event, topic.type):
        raise TypeError(f"{topic.name} takes {topic.type.__name__}, not {type(event).__name__}")
    return key_of(event), encode(event)


def key_of(event: RawEvent) -> bytes:
    """The Kafka key of a raw event."""
    return f"{event.workspace}/{_within(event)}".encode()


def _within(event: RawEvent) -> str:
    if isinstance(event, Release | Promotion | ChangeRecord):
        return event.change
    if isinstance(event, Population):
        return slice_text(event.slice)
    if isinstance(event, Signal):
        return event.agent or event.event_id
    if isinstance(event, Survey):
        return event.customer or event.about or event.event_id
    return event.customer or event.contact
