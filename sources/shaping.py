"""One row of an export made into one event, as the mapping says."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from types import UnionType
from typing import Annotated, Union, get_args, get_origin
from zoneinfo import ZoneInfo

import msgspec

from schemas.errors import RejectedEvent
from schemas.raw import RawEvent
from sources.contract import check_event, told
from sources.mapping import TOPIC_BY_NAME, FieldMap, FileMap
from sources.rows import Row

Shape = Callable[[Row], RawEvent]
Source = Callable[[Row, dict[str, object]], object]
_BLANK = re.compile(r"\{([^{}]+?)(\??)\}")


def shaper(file: FileMap, *, workspace: str, source: str, now: datetime) -> Shape:
    """What makes a row into an event of the file's topic.

    A row without a mapped ``event_id`` gets one from its content (and its number among equal rows), so the same
    export read twice gives the same ids. ``now`` bounds ``occurred_at``.

    The returned function raises :class:`RejectedEvent`, ``field`` naming the column where there is one.
    """
    topic = TOPIC_BY_NAME[file.topic]
    maps = file.field_maps()
    times = _time_fields(topic.type)
    zone = ZoneInfo(file.timezone)
    plain = [(name, _column_source(one, name, times, zone)) for name, one in maps.items() if one.template is None]
    required = {field.name for field in msgspec.structs.fields(topic.type) if field.required}
    filled = [
        (name, _template_source(one, required=name in required))
        for name, one in maps.items()
        if one.template is not None
    ]
    columns = {name: one.column or name for name, one in maps.items()}
    seen: Counter[bytes] = Counter()

    def shape(row: Row) -> RawEvent:
        fields: dict[str, object] = dict(row) if file.same_fields else {}
        for name, find in (*plain, *filled):
            value = find(row, fields)
            if value is not None:
                fields[name] = value
        fields.setdefault("workspace", workspace)
        fields["workspace"] = workspace
        fields.setdefault("source", source)
        if file.extra:
            fields["extra"] = {name: row[name] for name in file.extra if row.get(name) not in (None, "")}
        if "event_id" not in fields:
            fields["event_id"] = _derived_id(row, seen)
        return _checked(fields, topic.type, columns, now)

    return shape


def _checked(fields: dict[str, object], kind: type, columns: dict[str, str], now: datetime) -> RawEvent:
    try:
        event: RawEvent = msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _with_column(told(str(error), fields, kind), columns) from error
    check_event(event, now, named=columns.get("occurred_at", "occurred_at"))
    return (
        event
        if event.occurred_at.tzinfo is UTC
        else msgspec.structs.replace(event, occurred_at=event.occurred_at.astimezone(UTC))
    )


def _with_column(error: RejectedEvent, columns: dict[str, str]) -> RejectedEvent:
    """The same refusal, naming the export's column rather than our field."""
    name = error.field.split(".")[0].split("[")[0]
    value = "empty" if error.reason == "missing_field" else error.value
    allowed = "a value in every row" if error.reason == "missing_field" else error.allowed
    return RejectedEvent(error.reason, field=columns.get(name, error.field), value=value, allowed=allowed)


def _time_fields(kind: type) -> frozenset[str]:
    """Fields of a type that hold one moment."""
    return frozenset(field.name for field in msgspec.structs.fields(kind) if _is_moment(field.type))


def _is_moment(annotation: object) -> bool:
    inside = get_args(annotation) if get_origin(annotation) in {Annotated, Union, UnionType} else ()
    return annotation is datetime or any(_is_moment(one) for one in inside)


def _column_source(one: FieldMap, name: str, times: frozenset[str], zone: tzinfo) -> Source:
    if one.value is not None:
        constant = one.value
        return lambda _row, _fields: constant
    column = one.column or name
    clean = _cleaner(one)
    finish = _finisher(one, column, is_time=name in times, zone=zone)
    path = column.split(".")

    def find(row: Row, _fields: dict[str, object]) -> object:
        value = row.get(column)
        if value is None and len(path) > 1:
            value = _within(row, path)
        if isinstance(value, str):
            value = clean(value)
        if value is None or value == "":
            value = one.default
        return None if value is None else finish(value)

    return find


def _within(row: Row, path: list[str]) -> object:
    value: object = row
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _template_source(one: FieldMap, *, required: bool) -> Source:
    """A template with an empty ``{name}`` gives nothing, and refuses the row where the field is required;
    ``{name?}`` may be empty."""
    template, clean = one.template or "", _cleaner(one)
    blanks = [(name, bool(optional)) for name, optional in _BLANK.findall(template)]

    def find(row: Row, fields: dict[str, object]) -> object:
        found = {name: fields.get(name, row.get(name)) for name, _ in blanks}
        empty = [name for name, optional in blanks if not optional and found[name] in (None, "")]
        if empty and required and one.default is None:
            raise RejectedEvent(
                "missing_field", field=empty[0], value="empty", allowed=f"a value, which {template!r} needs"
            )
        if empty:
            return one.default
        return clean(_BLANK.sub(lambda match: _text(found[match.group(1)]), template)) or one.default

    return find


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _cleaner(one: FieldMap) -> Callable[[str], str]:
    """Text to text: pattern, replacements, small letters, value map."""
    pattern = re.compile(one.pattern) if one.pattern is not None else None
    take = one.take if one.take is not None else (r"\1" if pattern is not None and pattern.groups else r"\g<0>")
    replace = [(re.compile(old), new) for old, new in one.replace]
    if pattern is None and not replace and not one.lower and not one.values:
        return str.strip

    def clean(text: str) -> str:
        text = text.strip()
        if pattern is not None and text:
            match = pattern.search(text)
            if match is None:
                return text if one.otherwise is None else one.otherwise
            text = match.expand(take)
        for old, new in replace:
            text = old.sub(new, text)
        text = text.lower() if one.lower else text
        if one.values:
            text = one.values.get(text, text if one.otherwise is None else one.otherwise)
        return text

    return clean


def _finisher(one: FieldMap, column: str, *, is_time: bool, zone: tzinfo) -> Callable[[object], object]:
    """Text to the field's form: a time, a list, JSON, a number."""
    if is_time:
        return lambda value: _moment(value, one.time_format, zone, column)
    if one.split is not None:
        separator = one.split
        return lambda value: [part.strip() for part in str(value).split(separator) if part.strip()]
    if one.json:
        return lambda value: _parsed(value, column)
    if one.decimal is not None:
        mark = one.decimal
        return lambda value: str(value).replace("." if mark == "," else ",", "").replace(mark, ".")
    return lambda value: value


def _parsed(value: object, column: str) -> object:
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError as error:
        raise RejectedEvent("not_json", field=column, value=value, allowed=f"JSON ({error})") from error


def _moment(value: object, time_format: str | None, zone: tzinfo, column: str) -> datetime:
    """A time in UTC, to the millisecond; one that states no zone is in the file's."""
    try:
        if time_format in {"unix", "unix_ms"}:
            moment = datetime.fromtimestamp(float(str(value)) / (1_000.0 if time_format == "unix_ms" else 1.0), UTC)
        elif time_format is not None:
            moment = datetime.strptime(str(value), time_format)  # noqa: DTZ007 - the zone follows
        else:
            moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        wanted = {
            "unix": "seconds since 1970",
            "unix_ms": "milliseconds since 1970",
            None: "an ISO 8601 time such as 2026-03-01T09:30:00Z",
        }.get(time_format, f"a time like {time_format!r}")
        raise RejectedEvent("bad_time", field=column, value=str(value), allowed=wanted) from error
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)


def _derived_id(row: Row, seen: Counter[bytes]) -> str:
    digest = hashlib.blake2b(msgspec.json.encode(row, order="sorted"), digest_size=12).digest()
    seen[digest] += 1
    return digest.hex() if seen[digest] == 1 else f"{digest.hex()}-{seen[digest]}"
