"""The HTTP door: our JSON and CloudEvents behind a token, acknowledged only when the broker has them."""

from __future__ import annotations

import hmac
from collections.abc import Container
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from msgspec import Struct

from schemas.broker import Broker
from schemas.catalog import Topic
from schemas.errors import RejectedEvent, RetryableError
from sources.cloud import CLOUD_BATCH, CLOUD_JSON, from_cloud
from sources.contract import read_event
from sources.delivery import Delivery, Message
from sources.keys import key_of
from sources.mapping import TOPIC_BY_NAME

JSON = ("application/json", "text/json")
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")


class IntakeSettings(Struct, frozen=True, kw_only=True):
    """Limits of one request: ``max_bytes`` of body, ``max_event_bytes`` of one event, ``max_events``; ``wait_s`` is how
    long the broker may take; ``told`` how many refused events an answer lists."""

    max_bytes: int = 8_000_000
    max_event_bytes: int = 1_000_000
    max_events: int = 5_000
    wait_s: float = 10.0
    told: int = 20


class _RefusedError(Exception):
    """An answer other than 202."""

    def __init__(self, status: int, error: str, *, headers: dict[str, str] | None = None, **more: object) -> None:
        self.answer = JSONResponse({"error": error, **more}, status_code=status, headers=headers)
        super().__init__(error)


class _Read(NamedTuple):
    """A part of the body on its way to become an event."""

    topic: Topic
    value: bytes


def create_router(
    broker: Broker, token: str, *, workspaces: Container[str] | None = None, settings: IntakeSettings | None = None
) -> APIRouter:
    """Routes ``POST /v1/events/{topic}`` and ``POST /v1/cloudevents``.

    A request is taken whole or not at all. Answers: 202 when the broker has every event; 400 with the number, field
    and value of each refused one; 401, 404 (no such topic), 413, 415; 503 with ``Retry-After`` when the broker does not
    take them in time (send the same again: repeats are recognised by ``event_id``).

    Args:
        broker: Where events go.
        token: What senders show as ``Authorization: Bearer …``.
        workspaces: The names that are known; any where it is None.
        settings: Limits.

    Raises:
        ValueError: the token is empty.
    """
    if not token:
        raise ValueError("the intake token is empty; allowed is a secret that senders show")
    router = APIRouter(tags=["intake"])
    door = _Door(broker, token, workspaces, settings if settings is not None else IntakeSettings())

    @router.post("/v1/events/{topic}", status_code=202)
    async def take_events(topic: str, request: Request) -> JSONResponse:
        """One event, an array of them, or one a line."""
        return await door.answer(request, topic)

    @router.post("/v1/cloudevents", status_code=202)
    async def take_cloud_events(request: Request) -> JSONResponse:
        """CloudEvents 1.0: structured, batched or binary."""
        return await door.answer(request, None)

    return router


class _Door:
    """What the routes share; the producer starts with the first request."""

    def __init__(self, broker: Broker, token: str, workspaces: Container[str] | None, settings: IntakeSettings) -> None:
        self._expected = f"Bearer {token}".encode()
        self._workspaces = workspaces
        self._settings = settings
        self._delivery = Delivery(broker, wait_s=settings.wait_s)

    async def answer(self, request: Request, topic: str | None) -> JSONResponse:
        try:
            self._check_token(request)
            kind = None if topic is None else _topic(topic)
            _check_encoding(request)
            body = await self._body(request)
            parts = self._cloud(request, body) if kind is None else self._ours(request, body, kind)
            messages = self._messages(parts)
            await run_in_threadpool(self._delivery.send, messages)
        except _RefusedError as refused:
            return refused.answer
        except RetryableError as error:
            return JSONResponse(
                {
                    "error": str(error),
                    "remedy": "Send the same request again; what has arrived is recognised by event_id.",
                },
                status_code=503,
                headers={"Retry-After": f"{error.retry_after_s:.0f}"},
            )
        return JSONResponse({"accepted": len(messages)}, status_code=202)

    def _check_token(self, request: Request) -> None:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, self._expected):
            what = "does not fit" if given else "is missing"
            raise _RefusedError(
                401,
                f"The token {what}; send Authorization: Bearer and the intake token.",
                headers={"WWW-Authenticate": "Bearer"},
            )

    async def _body(self, request: Request) -> bytes:
        """The body, refused as soon as it is known to be too long."""
        allowed = self._settings.max_bytes
        stated = request.headers.get("content-length", "0")
        size, pieces = 0, []
        if not (stated.isdecimal() and int(stated) > allowed):
            async for piece in request.stream():
                size += len(piece)
                pieces.append(piece)
                if size > allowed:
                    break
            else:
                return b"".join(pieces)
        raise _RefusedError(
            413, f"The body is larger than {allowed:,} bytes; send fewer events at a time.", allowed_bytes=allowed
        )

    def _ours(self, request: Request, body: bytes, topic: Topic) -> list[_Read]:
        content = _content_type(request)
        if content in NDJSON:
            return [_Read(topic, line) for line in body.splitlines() if line.strip()]
        if content and content not in JSON:
            raise _RefusedError(
                415, f"The content type is {content}; allowed is application/json or application/x-ndjson."
            )
        if not body.lstrip().startswith(b"["):
            return [_Read(topic, body)]
        return [_Read(topic, value) for value in _array(body)]

    def _cloud(self, request: Request, body: bytes) -> list[_Read]:
        content, headers = _content_type(request), dict(request.headers)
        if content == CLOUD_BATCH:
            inside = {"content-type": CLOUD_JSON}
            found = [self._from_cloud(inside, value, number) for number, value in enumerate(_array(body))]
        elif content == CLOUD_JSON or any(name.startswith("ce-") for name in headers):
            found = [self._from_cloud(headers, body, 0)]
        else:
            raise _RefusedError(
                415,
                f"The content type is {content or 'missing'} and there are no ce- headers; allowed is {CLOUD_JSON}, {CLOUD_BATCH} or a binary CloudEvent.",
            )
        return found

    def _from_cloud(self, headers: dict[str, str], body: bytes, number: int) -> _Read:
        try:
            return _Read(*from_cloud(headers, body))
        except RejectedEvent as error:
            raise _refused_events([_told(number, error)], 1) from error

    def _messages(self, parts: list[_Read]) -> list[Message]:
        """Every event checked; its bytes go on as they came."""
        if not parts or len(parts) > self._settings.max_events:
            raise _RefusedError(
                400 if not parts else 413,
                f"The request holds {len(parts):,} events; allowed are 1 to {self._settings.max_events:,}.",
            )
        now = datetime.now(UTC)
        messages, refused = [], []
        for number, part in enumerate(parts):
            try:
                messages.append(self._message(part, now))
            except RejectedEvent as error:
                refused.append(_told(number, error))
        if refused:
            raise _refused_events(refused[: self._settings.told], len(refused))
        return messages

    def _message(self, part: _Read, now: datetime) -> Message:
        allowed = self._settings.max_event_bytes
        if len(part.value) > allowed:
            raise RejectedEvent(
                "too_large", field="", value=f"{len(part.value):,} bytes", allowed=f"at most {allowed:,} bytes"
            )
        event = read_event(part.topic.type, part.value, now=now)
        if self._workspaces is not None and event.workspace not in self._workspaces:
            raise RejectedEvent(
                "unknown_workspace", field="workspace", value=event.workspace, allowed="a workspace of the settings"
            )
        return Message(part.topic.name, key_of(event), part.value)


def _topic(name: str) -> Topic:
    if name not in TOPIC_BY_NAME:
        raise _RefusedError(404, f"There is no topic {name!r}; allowed is one of {', '.join(TOPIC_BY_NAME)}.")
    return TOPIC_BY_NAME[name]


def _check_encoding(request: Request) -> None:
    given = request.headers.get("content-encoding", "").strip().lower()
    if given not in ("", "identity"):
        raise _RefusedError(415, f"The content encoding is {given}; allowed is none: send the body as it is.")


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _array(body: bytes) -> list[bytes]:
    try:
        return [bytes(one) for one in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _RefusedError(400, f"The body is not a JSON array ({error}).") from error


def _told(number: int, error: RejectedEvent) -> dict[str, Any]:
    return {
        "number": number,
        "reason": error.reason,
        "field": error.field,
        "value": error.value,
        "allowed": error.allowed,
        "message": str(error),
    }


def _refused_events(told: list[dict[str, Any]], total: int) -> _RefusedError:
    first = told[0]
    return _RefusedError(
        400,
        f"{total:,} event(s) refused, nothing was taken; number {first['number']}: {first['message']}.",
        events=told,
    )
