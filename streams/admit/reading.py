"""A batch's bytes opened: events as columns, and between them the marks and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from schemas.base import SCHEMA_VERSION
from schemas.catalog import SURVEYS
from schemas.dead_letter import DeadLetter
from schemas.errors import RejectedEvent
from schemas.raw import PROGRESS_KEY, Progress
from streams.admit.opening import AHEAD, EARLIEST, Opened, check, check_score, open_one, opener, show
from streams.admit.spelling import Columns
from streams.admit.state import PartitionState, RawMessage, columns_of


class Refused(NamedTuple):
    """Why a message is refused, and whose it was, where that is known."""

    refusal: RejectedEvent
    workspace: str


class Aside(NamedTuple):
    """What is no event: it comes before the ``place``-th event and was message number ``message`` of the batch."""

    place: int
    message: int
    item: Progress | Refused


class Opening(NamedTuple):
    """One batch: its events, their fields as columns (but for some that are at their defaults in all of them), their
    places among the messages, and what lies between."""

    events: list[Opened]
    columns: Columns
    indexes: Sequence[int]
    asides: list[Aside]


Item = Opened  # an event, a Progress or a Refused; spelt out it would cost a cast per event
_ASIDES = frozenset((Progress, Refused))


class _Whose(Struct):
    workspace: str = ""


_WHOSE = msgspec.json.Decoder(_Whose)
_MARK = msgspec.json.Decoder(Progress)


def read(state: PartitionState, batch: Sequence[RawMessage]) -> Opening:
    """Open every message and refuse what cannot be an event of a known workspace."""
    _, stamps, keys, values = columns_of(batch)
    usual = _usual(state, keys, values)
    if usual is not None:
        columns = _columns(state, usual)
        if _all_good(state, columns, min(stamps)):
            return Opening(usual, columns, range(len(usual)), [])
    items = _opened(state, batch, keys, values)
    asides = not _ASIDES.isdisjoint(map(type, items))
    events = [item for item in items if type(item) not in _ASIDES] if asides else items
    columns = _columns(state, events)
    if not _all_good(state, columns, min(stamps)):
        items = [_checked(state, item, message) for item, message in zip(items, batch, strict=True)]
        asides = True
        columns = {}
    return _parted(state, items, columns) if asides else Opening(events, columns, range(len(events)), [])


def _usual(state: PartitionState, keys: Sequence[bytes | None], values: Sequence[bytes | None]) -> list[Opened] | None:
    """Contacts by the fields they usually have, where all of them are such contacts and no marks are between."""
    if not state.counts or PROGRESS_KEY in keys or max(map(len, filter(None, values)), default=0) > _large(state):
        return None
    found = state.usual.open(values)
    if found is None:
        state.usual.learn(values)
    return found


def _large(state: PartitionState) -> int:
    return state.settings.max_message_bytes


def _columns(state: PartitionState, events: list[Opened]) -> Columns:
    if not events:
        return dict.fromkeys(state.topic.type.__struct_fields__, ())
    return dict(zip(events[0].__struct_fields__, zip(*map(astuple, events), strict=True), strict=True))


def _parted(state: PartitionState, items: list[Item], columns: Columns) -> Opening:
    """Events and asides; ``columns`` are those of the events where they are known."""
    events: list[Opened] = []
    indexes: list[int] = []
    asides: list[Aside] = []
    for index, item in enumerate(items):
        if type(item) in _ASIDES:
            asides.append(Aside(len(events), index, item))
        else:
            events.append(item)
            indexes.append(index)
    return Opening(events, columns or _columns(state, events), indexes, asides)


def _opened(
    state: PartitionState, batch: Sequence[RawMessage], keys: Sequence[bytes | None], values: Sequence[bytes | None]
) -> list[Item]:
    """Decode in one go for as long as it goes well; take what fails the slow way, then go on."""
    items: list[Item] = []
    decode, rest = opener(state.topic.type), iter(values)
    while len(items) < len(batch):
        try:
            items.extend(map(decode, rest))  # type: ignore[arg-type]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError):
            items.append(_one(state, batch[len(items)]))
    limit = state.settings.max_message_bytes
    for index, value in enumerate(values) if max(map(len, filter(None, values)), default=0) > limit else ():
        if value is not None and len(value) > limit:
            items[index] = _one(state, batch[index])
    for index, key in enumerate(keys) if PROGRESS_KEY in keys else ():
        if key == PROGRESS_KEY:
            items[index] = _one(state, batch[index])
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


def _all_good(state: PartitionState, columns: Columns, earliest_ms: int) -> bool:
    """Whether nothing but the type could be wrong with any event; by columns, which makes the usual case fast."""
    moments = columns["occurred_at"]
    return not moments or (
        state.books.keys() >= set(columns["workspace"])
        and set(columns.get("schema_version", ())) <= {SCHEMA_VERSION}
        and earliest_ms > 0
        and min(moments) >= EARLIEST
        and max(moments) <= datetime.fromtimestamp(earliest_ms / 1000, UTC) + AHEAD
        and not any(columns.get("extra", ()))
        and (
            state.topic is not SURVEYS
            or all(0 <= score <= top for score, top in zip(columns["score"], columns["scale_max"], strict=True))
        )
    )


def _checked(state: PartitionState, item: Item, message: RawMessage) -> Item:
    if type(item) in _ASIDES:
        return item
    try:
        _check(state, item, message.timestamp_ms, survey=state.topic is SURVEYS)
    except RejectedEvent as refusal:
        return Refused(refusal, item.workspace if item.workspace in state.books else "")
    return item


def _check(state: PartitionState, event: Opened, timestamp_ms: int, *, survey: bool) -> None:
    if event.workspace not in state.books:
        raise _unknown(state, event.workspace)
    check(event, timestamp_ms, max_depth=state.settings.max_depth)
    if survey:
        check_score(event)


def _unknown(state: PartitionState, name: str) -> RejectedEvent:
    return RejectedEvent("unknown_workspace", field="workspace", value=show(name), allowed=show(", ".join(state.books)))


def _whose(state: PartitionState, value: bytes | None) -> str:
    try:
        name = _WHOSE.decode(value or b"").workspace
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return name if name in state.books else ""


def _mark(state: PartitionState, value: bytes | None) -> Progress:
    try:
        mark = _MARK.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
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
