"""A batch's bytes opened: per message an event, a progress mark, or the reason why it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

import msgspec
from msgspec import Struct

from schemas.catalog import SURVEYS
from schemas.dead_letter import DeadLetter
from schemas.errors import RejectedEvent
from schemas.raw import PROGRESS_KEY, Progress
from streams.admit.opening import Opened, check, check_score, open_one, opener, show
from streams.admit.state import PartitionState, RawMessage

Item = Opened  # an event, a Progress or a Refused; spelt out it would cost a cast per event
_MARK = msgspec.json.Decoder(Progress)


class Refused(NamedTuple):
    """Why a message is refused, and whose it was, where that is known."""

    refusal: RejectedEvent
    workspace: str


class _Whose(Struct):
    workspace: str = ""


_WHOSE = msgspec.json.Decoder(_Whose)


def read(state: PartitionState, batch: Sequence[RawMessage]) -> list[Item]:
    """Open every message and refuse what cannot be an event of a known workspace."""
    items = _opened(state, batch)
    survey = state.topic is SURVEYS
    for i, item in enumerate(items):
        if type(item) is Progress or type(item) is Refused:
            continue
        try:
            _check(state, item, batch[i].timestamp_ms, survey=survey)
        except RejectedEvent as refusal:
            items[i] = Refused(refusal, item.workspace if item.workspace in state.books else "")
    return items


def _check(state: PartitionState, event: Opened, timestamp_ms: int, *, survey: bool) -> None:
    if event.workspace not in state.books:
        raise _unknown(state, event.workspace)
    check(event, timestamp_ms)
    if survey:
        check_score(event)


def _unknown(state: PartitionState, name: str) -> RejectedEvent:
    return RejectedEvent("unknown_workspace", field="workspace", value=show(name), allowed=show(", ".join(state.books)))


def _opened(state: PartitionState, batch: Sequence[RawMessage]) -> list[Item]:
    items: list[Item] = []
    for is_mark, run in groupby(batch, key=lambda message: message.key == PROGRESS_KEY):
        some = list(run)
        items += [_one(state, message) for message in some] if is_mark else _events(state, some)
    return items


def _events(state: PartitionState, batch: Sequence[RawMessage]) -> list[Item]:
    """Decode in one go for as long as it goes well; take what fails the slow way, then go on."""
    limit = state.settings.max_message_bytes
    if not all(m.value and len(m.value) <= limit for m in batch):
        return [_one(state, message) for message in batch]
    items: list[Item] = []
    values = iter([m.value or b"" for m in batch])
    while len(items) < len(batch):
        try:
            items.extend(map(opener(state.topic.type), values))
        except Exception:  # whatever it is, the slow way says it exactly
            items.append(_one(state, batch[len(items)]))
    return items


def _one(state: PartitionState, message: RawMessage) -> Item:
    settings = state.settings
    try:
        if message.key == PROGRESS_KEY:
            return _mark(state, message.value)
        return open_one(
            state.topic.type, message.value, max_bytes=settings.max_message_bytes, max_depth=settings.max_depth
        )
    except RejectedEvent as refusal:
        return Refused(refusal, _whose(state, message.value))


def _whose(state: PartitionState, value: bytes | None) -> str:
    try:
        name = _WHOSE.decode(value or b"").workspace
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return name if name in state.books else ""


def _mark(state: PartitionState, value: bytes | None) -> Progress:
    try:
        mark = _MARK.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RejectedEvent("bad_value", field="", value=show(str(error)), allowed="a progress mark") from None
    if mark.workspace not in state.books:
        raise _unknown(state, mark.workspace)
    return mark


def letter(state: PartitionState, message: RawMessage, refusal: RejectedEvent, workspace: str = "") -> DeadLetter:
    """The dead letter of a refused message; of a very large one only the beginning is kept."""
    original = message.value or b""
    kept = original[: state.settings.letter_bytes]
    cut = f" (first {len(kept)} of {len(original)} bytes kept)" if len(kept) < len(original) else ""
    return DeadLetter(
        letter_id=f"{state.place.origin}/{message.offset}",
        stage="admit",
        topic=state.topic.name,
        partition=state.partition,
        offset=message.offset,
        at=datetime.fromtimestamp(max(0, message.timestamp_ms) / 1000, UTC),
        reason=refusal.reason,
        field=show(refusal.field),
        value=refusal.value + cut,
        allowed=refusal.allowed,
        workspace=workspace,
        original=kept,
    )
