"""What admit can be told: its secret, its place in the group, its limits."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from schemas.base import Count, Share

Positive = Annotated[int, Meta(ge=1)]


class AdmitSettings(Struct, frozen=True, kw_only=True):
    """Settings of one admit process.

    ``customer_key``: secret under which customers are hashed; the same for every process, at least 16 bytes.
    ``transactional_id``: stable per slot (``whence-admit-0``); two running processes must not share one.
    ``batch_size``, ``batch_wait_s``: messages taken at once, and how long to wait for them.
    ``max_message_bytes``: larger messages are refused. ``max_depth``: nesting allowed in unknown fields.
    ``letter_bytes``: bytes of a refused message kept on its dead letter.
    ``letters_per_minute`` and ``letter_share``: more letters than both in one minute (share of the messages read)
    and admit stops. ``frame_bytes``: frames are split below this size. ``sample_chars``: words kept of a sampled contact.
    ``mark_every_s``: how often a live workspace's progress is written from the clock.
    ``metadata_bytes``: the broker's ``offset.metadata.max.bytes``.
    """

    customer_key: bytes
    group: str = "whence-admit"
    transactional_id: str = "whence-admit-0"
    batch_size: Positive = 4_000
    batch_wait_s: float = 0.2
    transaction_timeout_s: Positive = 10
    session_timeout_s: Positive = 6
    max_message_bytes: Positive = 1_000_000
    max_depth: Positive = 20
    letter_bytes: Positive = 600_000
    letters_per_minute: Count = 1_000
    letter_share: Share = 0.2
    frame_bytes: Positive = 900_000
    sample_chars: Positive = 400
    metadata_bytes: Positive = 4_096
    mark_every_s: Annotated[float, Meta(gt=0.0)] = 5.0

    def __post_init__(self) -> None:
        if len(self.customer_key) < 16:
            raise ValueError(f"customer_key has {len(self.customer_key)} bytes; allowed is at least 16")

    def __repr__(self) -> str:
        return f"AdmitSettings(group={self.group!r}, transactional_id={self.transactional_id!r}, customer_key=<hidden>)"
