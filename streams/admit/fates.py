"""What becomes of a contact, and how its record ends by it."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

DROPPED, STORED, COUNTED, LATE = range(4)
_FLAGS: dict[int, dict[str, bool]] = {STORED: {}, COUNTED: {"counted": True}, LATE: {"late": True}}
_ENCODE = msgspec.json.Encoder(order="deterministic").encode


class Tails(dict[tuple[int, int], bytes]):
    """What a contact has beyond its event, as the end of its JSON object, by time of arrival and what became of it."""

    def __init__(self, channel: str) -> None:
        super().__init__()
        self._channel = channel

    def __missing__(self, key: tuple[int, int]) -> bytes:
        arrived_ms, fate = key
        arrived = datetime.fromtimestamp(max(0, arrived_ms) / 1000, UTC)
        tail = self[key] = b"," + _ENCODE({"channel": self._channel, "ingested_at": arrived, **_FLAGS[fate]})[1:]
        return tail

    def ended(self, bodies: list[bytes], arrived_ms: list[int], fates: list[int]) -> list[bytes]:
        """Bodies of events as records of contacts."""
        if len(set(fates)) == 1:
            ends = {moment: self[moment, fates[0]] for moment in set(arrived_ms)}
            return [body[:-1] + ends[moment] for body, moment in zip(bodies, arrived_ms, strict=True)]
        pairs = zip(arrived_ms, fates, strict=True)
        return [body[:-1] + self[pair] for body, pair in zip(bodies, pairs, strict=True)]

    def corrected(self, record: bytes, arrived_ms: int, was: int, fate: int) -> bytes:
        """The record of a contact that comes to another end than was thought."""
        return record[: -len(self[arrived_ms, was])] + self[arrived_ms, fate]
