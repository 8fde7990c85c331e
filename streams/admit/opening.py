"""Raw bytes to typed events, fast when they are right, and with an exact reason when they are not."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from schemas.base import SCHEMA_VERSION
from schemas.errors import Reason, RejectedEvent
from schemas.faults import bad_numbers, choices, expected_in_words
from streams.admit.redact import redact

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
_SHOWN = 120
_LOOKED_AT = 20
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])

# An opened event has the fields of its raw type but can be changed in place: admit normalises and redacts millions
# of them, and a second object per event costs as much as decoding does. Unknown fields make it fail, so that only
# events that have some pay for them.
Opened = Any


@cache
def opener(kind: type[Struct], names: frozenset[str] | None = None) -> Callable[[bytes], Opened]:
    """Decoder of a raw type into its changeable twin, or into one that has only the named fields."""
    return msgspec.json.Decoder(_twin(kind, names)).decode


@cache
def _twin(kind: type[Struct], names: frozenset[str] | None = None) -> type[Struct]:
    hints = typing.get_type_hints(kind, include_extras=True)
    fields: list[Any] = [
        (field.name, hints[field.name]) if field.required else (field.name, hints[field.name], _default(field))
        for field in msgspec.structs.fields(kind)
        if names is None or field.required or field.name in names
    ]
    return msgspec.defstruct(
        f"Opened{kind.__name__}", fields, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
    )


class Usual:
    """The fields that a partition's events have had so far. Most fields of a type are usually at their defaults, and
    opening, looking through and writing an event takes time for each that its type has."""

    def __init__(self, kind: type[Struct]) -> None:
        self._kind = kind
        self._names: frozenset[str] = frozenset()

    def open(self, values: Iterable[bytes | None]) -> list[Opened] | None:
        """Events by the usual fields; None where one has another field, or is not right."""
        if not self._names:
            return None
        try:
            return list(map(opener(self._kind, self._names), values))  # type: ignore[arg-type]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError):
            return None

    def learn(self, values: Sequence[bytes | None]) -> None:
        """Look at the fields of some messages."""
        found = set(self._names)
        for value in values[:: max(1, len(values) // _LOOKED_AT)]:
            with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                found |= _FIELDS.decode(value or b"").keys()
        self._names = frozenset(found.intersection(self._kind.__struct_fields__))


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return msgspec.field(default_factory=typing.cast(Callable[[], Any], field.default_factory))


def open_one(kind: type[Struct], value: bytes | None, *, max_bytes: int, max_depth: int) -> Opened:
    """Decode one message, the slow and exact way; unknown fields go to ``extra``.

    Raises:
        RejectedEvent: with the reason, the field and the value at fault, redacted and shortened.
    """
    if not value:
        raise RejectedEvent("not_json", field="", value="an empty message", allowed="a JSON object")
    if len(value) > max_bytes:
        raise RejectedEvent("too_large", field="", value=f"{len(value)} bytes", allowed=f"at most {max_bytes} bytes")
    found = _parsed(value, max_depth)
    known = kind.__struct_fields__
    unknown = {name: found.pop(name) for name in list(found) if name not in known}
    if unknown:
        given = found.get("extra", {})
        found["extra"] = {**given, **unknown} if isinstance(given, dict) else given
    try:
        return msgspec.convert(found, _twin(kind), strict=True)
    except msgspec.ValidationError as error:
        raise _rejected(str(error), found, kind) from None


def check(event: Opened, timestamp_ms: int, *, max_depth: int) -> None:
    """Refuse what the types cannot: another schema version, an absurd time, a score off its scale.

    Raises:
        RejectedEvent: see above.
    """
    if event.schema_version != SCHEMA_VERSION:
        raise _other_version(event.schema_version)
    if event.extra and 1 + _levels(event.extra) > max_depth:
        raise _too_deep(1 + _levels(event.extra), max_depth)
    latest = datetime.fromtimestamp(timestamp_ms / 1000, UTC) + AHEAD if timestamp_ms > 0 else None
    if event.occurred_at < EARLIEST or (latest is not None and event.occurred_at > latest):
        upper = latest.isoformat(timespec="seconds") if latest is not None else "a day after its arrival"
        raise RejectedEvent(
            "bad_time", field="occurred_at", value=str(event.occurred_at.isoformat()), allowed=f"2000-01-01 to {upper}"
        )


def check_score(event: Opened) -> None:
    """Refuse a survey's score outside 0 to ``scale_max``.

    Raises:
        RejectedEvent: see above.
    """
    if not 0 <= event.score <= event.scale_max:
        raise RejectedEvent("bad_number", field="score", value=f"{event.score:g}", allowed=f"0 to {event.scale_max:g}")


def _other_version(found: object) -> RejectedEvent:
    return RejectedEvent("schema_version", field="schema_version", value=show(found), allowed=str(SCHEMA_VERSION))


def _parsed(value: bytes, max_depth: int) -> dict[str, Any]:
    text = _text(value)
    depth = _depth(text)
    if depth > max_depth:
        raise _too_deep(depth, max_depth)
    found = _strict(value, text)
    if not isinstance(found, dict):
        raise RejectedEvent("wrong_type", field="", value=show(found), allowed="a JSON object")
    version = found.get("schema_version", SCHEMA_VERSION)
    if isinstance(version, int) and version != SCHEMA_VERSION:
        raise _other_version(version)
    return found


def _too_deep(depth: int, max_depth: int) -> RejectedEvent:
    return RejectedEvent("too_deep", field="", value=f"nested {depth} deep", allowed=f"at most {max_depth} levels")


def _levels(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_levels, value.values()), default=0)
    return 1 + max(map(_levels, value), default=0) if isinstance(value, list) else 0


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        at = f"byte {value[error.start : error.start + 1].hex()} at place {error.start}"
        raise RejectedEvent("not_utf8", field="", value=at, allowed="UTF-8") from None


def _strict(value: bytes, text: str) -> Any:
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        for field, number in bad_numbers(text):
            raise RejectedEvent("bad_number", field=field, value=number, allowed="a finite number") from None
        raise RejectedEvent("not_json", field="", value=f"{show(text)} ({error})", allowed="a JSON object") from None


def _depth(text: str) -> int:
    """Levels of brackets, those inside strings not counted."""
    deepest = level = 0
    for bracket in re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text):
        if bracket in "[{":
            level += 1
            deepest = max(deepest, level)
        elif bracket in "]}":
            level -= 1
    return deepest


_PATH = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)


def _rejected(message: str, found: dict[str, Any], kind: type[Struct]) -> RejectedEvent:
    match = _PATH.match(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    missing = re.search(r"missing required field `(.+)`", what)
    if missing:
        field = f"{path}.{missing[1]}" if path else missing[1]
        return RejectedEvent("missing_field", field=field, value="missing", allowed="a value")
    return RejectedEvent(_reason(what), field=path, value=show(_at(found, path)), allowed=_allowed(what, path, kind))


def _reason(what: str) -> Reason:
    if what.startswith("Invalid enum value"):
        return "unknown_value"
    if ("datetime" in what and not what.startswith("Expected `datetime")) or "timezone" in what:
        return "bad_time"
    if "out of range" in what or re.search(r"`(?:float|int)` [<>]", what):
        return "bad_number"
    return "bad_value" if "of length" in what else "wrong_type"


def _allowed(what: str, path: str, kind: type[Struct]) -> str:
    if "enum" in what:
        return ", ".join(choices(kind, path)) or "one of its stated values"
    expected = re.search(r"Expected (.+?)(?:, got .*)?$", what)
    if expected:
        return expected_in_words(expected[1])
    return "a time as RFC 3339 has it, with a zone" if "datetime" in what else "a number that a double holds"


def _at(found: Any, path: str) -> Any:
    """The value at msgspec's path (``turns[0].who``); the whole where the path leads nowhere (``extra[...]``)."""
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        try:
            found = found[int(index)] if index else found[name]
        except (KeyError, IndexError, TypeError):
            return found
    return found


def show(value: object) -> str:
    """A value as a person may see it: redacted and shortened."""
    text = value if isinstance(value, str) else repr(value)[: 4 * _SHOWN]
    clean = redact(text[: 4 * _SHOWN])
    return clean if len(clean) <= _SHOWN else f"{clean[:_SHOWN]}…"
