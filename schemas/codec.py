"""Bytes to typed values and back. JSON, one flat object per Kafka value, times in UTC with milliseconds."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T", bound=Struct)
_ENCODER = msgspec.json.Encoder(order="deterministic")


@cache
def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """The one decoder of a type."""
    return msgspec.json.Decoder(kind)


def decode(kind: type[T], value: bytes) -> T:
    """Decode a record that a stage of ours wrote.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: the bytes are not such a record.
    """
    record: T = decoder(kind).decode(value)
    return record


def encode(record: Struct) -> bytes:
    """Encode a record; the same record gives the same bytes."""
    return _ENCODER.encode(record)
