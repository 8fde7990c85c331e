"""CloudEvents as our events: ``id`` is ``event_id``, ``time`` is ``occurred_at``, ``type`` says which topic."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.exceptions import BaseCloudEventException, CloudEventValidationError

from schemas.catalog import Topic
from schemas.errors import RejectedEvent
from sources.mapping import TOPIC_BY_NAME

CLOUD_JSON: Final = "application/cloudevents+json"
CLOUD_BATCH: Final = "application/cloudevents-batch+json"
_REQUIRED = ("specversion", "id", "source", "type")


def from_cloud(headers: Mapping[str, str], body: bytes) -> tuple[Topic, bytes]:
    """The topic and our JSON of one CloudEvent, structured or binary.

    ``data`` holds our fields. ``id`` and ``time`` of the envelope win over its own ``event_id`` and ``occurred_at``;
    ``source``, and an extension ``workspace``, count where ``data`` has none. The topic is the last part of ``type``
    that names one: ``tickets``, ``com.example.tickets``, ``whence.tickets.v1``.

    Raises:
        RejectedEvent: the envelope is broken, its type names no topic, or its data is no JSON object.
    """
    stated = _stated(headers, body)
    event = _parsed(headers, body)
    topic = _topic(event.get_type())
    given = event.get_data()
    data = _decoded(given) if isinstance(given, str | bytes) else given
    if not isinstance(data, dict):
        raise RejectedEvent(
            "wrong_type",
            field="data",
            value=type(data).__name__,
            allowed=f"a JSON object with the fields of {topic.name}",
        )
    return topic, msgspec.json.encode(_merged(event, data, timed="time" in stated))


def _stated(headers: Mapping[str, str], body: bytes) -> set[str]:
    """The envelope's attributes that the sender gave. The library makes up an ``id`` and a ``time`` where there are
    none: then nothing sent twice would be recognised."""
    stated = {name.lower().removeprefix("ce-") for name in headers if name.lower().startswith("ce-")}
    if not stated:
        envelope = _decoded(body)
        stated = set(envelope) if isinstance(envelope, dict) else set()
        if not isinstance(envelope, dict):
            raise RejectedEvent(
                "wrong_type", field="", value=type(envelope).__name__, allowed="a CloudEvent 1.0 as a JSON object"
            )
    for name in _REQUIRED:
        if name not in stated:
            raise RejectedEvent("missing_field", field=name, value="missing", allowed="a value in every CloudEvent")
    return stated


def _parsed(headers: Mapping[str, str], body: bytes) -> BaseCloudEvent:
    try:
        return from_http_event(HTTPMessage(headers=dict(headers), body=body))
    except CloudEventValidationError as error:
        field, problems = next(iter(error.errors.items()))
        raise RejectedEvent(
            "missing_field" if "required" in str(problems[0]).lower() else "bad_value",
            field=field,
            value=str(problems[0]),
            allowed="an attribute as CloudEvents 1.0 has it",
        ) from error
    except RecursionError as error:
        raise RejectedEvent(
            "too_deep", field="", value="nested too deeply", allowed="some levels of nesting"
        ) from error
    except (BaseCloudEventException, ValueError, TypeError, AttributeError) as error:
        raise RejectedEvent(
            "not_json",
            field="",
            value=f"no CloudEvent ({error})",
            allowed="a CloudEvent 1.0 as JSON or with ce- headers",
        ) from error


def _decoded(data: str | bytes) -> object:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RejectedEvent(
            "not_json", field="", value=f"no JSON ({error})", allowed="a CloudEvent 1.0 with a JSON object as data"
        ) from error


def _topic(kind: str) -> Topic:
    named = [part for part in kind.split(".") if part in TOPIC_BY_NAME]
    if not named:
        raise RejectedEvent(
            "unknown_value",
            field="type",
            value=kind,
            allowed=f"a type with one of {', '.join(TOPIC_BY_NAME)} as a part, such as com.example.tickets",
        )
    return TOPIC_BY_NAME[named[-1]]


def _merged(event: BaseCloudEvent, data: dict[str, object], *, timed: bool) -> dict[str, object]:
    fields: dict[str, object] = {"source": event.get_source(), **data, "event_id": event.get_id()}
    workspace, moment = event.get_extension("workspace"), event.get_time()
    if workspace is not None:
        fields.setdefault("workspace", workspace)
    if timed and isinstance(moment, datetime):
        fields["occurred_at"] = moment
    return fields
