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
    except msgspec.ValidationError as error:
        raise told(str(error), msgspec.json.decode(value)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason: Reason = "not_utf8" if isinstance(error, UnicodeDecodeError) else "not_json"
        raise RejectedEvent(
            reason, field="", value=_cut(value.decode("utf-8", "replace")), allowed=f"a JSON object ({error})"
        ) from error
    except RecursionError as error:
        raise RejectedEvent(
            "too_deep", field="", value="nested too deeply", allowed="some levels of nesting"
        ) from error
    check_event(event, now)
    return event


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


def told(text: str, given: object) -> RejectedEvent:
    """A decoder's complaint about ``given`` as reason, field, value and what is allowed.

    >>> str(told("Invalid enum value 'x' - at `$.turns[0].who`", {"turns": [{"who": "x"}]}))
    "turns[0].who was x; allowed is one of the contract's values"
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
    return RejectedEvent(_reason(what), field=path.lstrip("."), value=_cut(_at(given, path)), allowed=_allowed(what))


def _reason(what: str) -> Reason:
    if what.startswith("Invalid enum value"):
        return "unknown_value"
    if "RFC3339" in what or "datetime" in what:
        return "bad_time"
    return "wrong_type" if ", got" in what else "bad_value"


def _allowed(what: str) -> str:
    if what.startswith("Invalid enum value"):
        return "one of the contract's values"
    return _IN_WORDS.get(what, what.removeprefix("Expected ").split(", got", maxsplit=1)[0].replace("`", ""))


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
