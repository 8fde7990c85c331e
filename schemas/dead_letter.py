"""What could not be admitted, with the place, the reason and the original bytes."""

from __future__ import annotations

from msgspec import Struct

from schemas.base import SCHEMA_VERSION, Count, Moment
from schemas.errors import Reason


class DeadLetter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One refused message. ``letter_id`` is its place (``tickets/3/1042``). ``value`` is redacted; ``original``
    holds the bytes as they came (base64 in JSON) and is never sunk."""

    letter_id: str
    stage: str
    topic: str
    partition: Count
    offset: Count
    at: Moment
    reason: Reason
    field: str = ""
    value: str = ""
    allowed: str = ""
    workspace: str = ""
    original: bytes = b""
    schema_version: int = SCHEMA_VERSION
