"""The contract at the door: one event from JSON, or the field, the value and what is allowed instead."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import cast

import msgspec
from msgspec import Struct

from schemas.base import SCHEMA_VERSION
from schemas.codec import decoder
from schemas.errors import Reason, RejectedEvent
from schemas.faults import bad_numbers, choices, expected_in_words
from schemas.raw import RawEvent, Survey

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
_SHOWN = 120
_PLACE = re.compile(r" - at `\$(.*)`$")
_MISSING = re.compile(r"missing required field `(\w+)`")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_IN_WORDS = {
    "Invalid RFC3339 encoded datetime": "a time such as 2026-03-01T09:30:00Z",
    "Expected `datetime` with a timezone component": "a time with its zone, such as 2026-03-01T09:30:00Z",
}


def read_event(kind: type[Struct], value: bytes, *, now: datetime) -> RawEvent:
    """Decode and check one raw event, as admit will.

    Raises:
        RejectedEvent: what admit would refuse, so that the sender hears it at once.
    """
    try:
        event = cast(RawEvent, decoder(kind).decode(value))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refused(kind, value, error) from error
    except RecursionError as error:
        raise RejectedEvent(
            "too_deep", field="", value="nested too deeply", allowed="a few levels of nesting"
        ) from error
    check_event(event, now)
    return event


def _refused(kind: type[Struct], value: bytes, error: Exception) -> RejectedEvent:
    try:
        return told(str(error), msgspec.json.decode(value), kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as unreadable:
        return not_json(value.decode("utf-8", "replace"), unreadable, "a JSON object")


def not_json(text: str, error: Exception, allowed: str) -> RejectedEvent:
    """What cannot be decoded at all: the number that JSON does not have, or the whole text."""
    for field, number in bad_numbers(text):
        return RejectedEvent("bad_number", field=field, value=number, allowed="a finite number")
    reason: Reason = "not_utf8" if isinstance(error, UnicodeDecodeError) else "not_json"
    return RejectedEvent(reason, field="", value=_cut(text), allowed=f"{allowed} ({error})")


def check_event(event: RawEvent, now: datetime, *, named: str = "occurred_at") -> None:
    """What the types cannot say: the schema's version, an absurd time, a score off its scale.

    Raises:
        RejectedEvent: ``named`` is what ``occurred_at`` is called where the event comes from.
    """
    if event.schema_version != SCHEMA_VERSION:
        raise RejectedEvent(
            "schema_version", field="schema_version", value=str(event.schema_version), allowed=str(SCHEMA_VERSION)
        )
    if not EARLIEST <= event.occurred_at <= now + AHEAD:
        raise RejectedEvent(
            "bad_time",
            field=named,
            value=event.occurred_at.isoformat(),
            allowed=f"a time from 2000-01-01 to {now + AHEAD:%Y-%m-%d %H:%M} UTC",
        )
    if isinstance(event, Survey) and not 0.0 <= event.score <= event.scale_max:
        raise RejectedEvent("bad_number", field="score", value=f"{event.score:g}", allowed=f"0 to {event.scale_max:g}")


def told(text: str, given: object, kind: type[Struct]) -> RejectedEvent:
    """A decoder's complaint about ``given``, which is no ``kind``, as reason, field, value and what is allowed.

    >>> from schemas.raw import Ticket
    >>> str(told("Invalid enum value 'x' - at `$.turns[0].who`", {"turns": [{"who": "x"}]}, Ticket))
    'turns[0].who was x; allowed is customer, agent, bot, system'
    """
    place = _PLACE.search(text)
    path = place.group(1) if place else ""
    what = _PLACE.sub("", text)
    if missing := _MISSING.search(what):
        return RejectedEvent(
            "missing_field",
            field=f"{path}.{missing.group(1)}".lstrip("."),
            value="missing",
            allowed="a value in every event",
        )
    allowed = ", ".join(choices(kind, path)) if what.startswith("Invalid enum value") else _allowed(what)
    return RejectedEvent(_reason(what), field=path.lstrip("."), value=_cut(_at(given, path)), allowed=allowed)


def _reason(what: str) -> Reason:
    if what.startswith("Invalid enum value"):
        return "unknown_value"
    if "RFC3339" in what or "datetime" in what:
        return "bad_time"
    return "wrong_type" if ", got" in what else "bad_value"


def _allowed(what: str) -> str:
    return _IN_WORDS.get(what) or expected_in_words(what.removeprefix("Expected ").split(", got", maxsplit=1)[0])


def _at(given: object, path: str) -> object:
    for name, index in _STEP.findall(path):
        if isinstance(given, dict):
            given = given.get(name)
        elif isinstance(given, list | tuple) and index and int(index) < len(given):
            given = given[int(index)]
    return given


def _cut(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
