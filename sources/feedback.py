"""People's word on a spike's cause: from links in messages, from the page, from the command line.

A link's GET shows what it would say and a button; only the button's POST says it. So neither a mail scanner nor a
preview that opens links changes anything.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Container
from datetime import UTC, datetime
from hashlib import blake2b
from html import escape
from typing import Annotated, NamedTuple
from urllib.parse import parse_qs

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, Response
from msgspec import Meta, Struct

from schemas.base import Id, Name
from schemas.broker import Broker
from schemas.catalog import FEEDBACK
from schemas.codec import encode
from schemas.errors import RetryableError, WhenceError
from schemas.links import Answer, LinkRefused, Verdict, read_signed
from schemas.raw import Feedback
from sources.delivery import Delivery, Message

LONGEST_BODY = 20_000
WAIT_S = 10.0
REMEMBERED = 10_000
_SAYS: dict[str, str] = {
    "confirm": "Yes, the cause is {said}",
    "reject": "No, the cause is not {said}",
    "reassign": "The cause is {said}",
    "own": "I take this spike",
}
Guard = Callable[[Request], None]
Leading = Callable[[str, str], str | None]
"""``(workspace, spike)`` to the likeliest cause as it stands, None where the spike is not known."""


class Word(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the page and the command line send. Without ``cause``, confirm and reject are about the likeliest one."""

    workspace: Name
    spike: Id
    verdict: Verdict
    cause: Annotated[str, Meta(max_length=200)] = ""
    who: Name
    note: Annotated[str, Meta(max_length=5_000)] = ""


class WordRefused(WhenceError):
    """Feedback that cannot be taken, with the HTTP status that says so."""

    def __init__(self, sentence: str, *, status: int) -> None:
        self.status = status
        super().__init__(sentence)


class Ear:
    """Takes people's word and publishes it; ``leading`` and ``workspaces`` are asked where they are given."""

    def __init__(
        self, broker: Broker, *, workspaces: Container[str] | None = None, leading: Leading | None = None
    ) -> None:
        self._delivery = Delivery(broker, wait_s=WAIT_S)
        self._workspaces = workspaces
        self._leading = leading

    def hear(self, word: Word, *, source: str, event_id: str = "") -> Feedback:
        """Publish it and return it as published, once the broker has it.

        Raises:
            WordRefused: the workspace or spike is unknown, or a cause is missing.
            RetryableError: the broker did not take it.
        """
        if self._workspaces is not None and word.workspace not in self._workspaces:
            raise WordRefused(f"There is no workspace {word.workspace!r} here.", status=404)
        feedback = Feedback(
            event_id=event_id or f"feedback-{uuid.uuid4().hex}",
            workspace=word.workspace,
            occurred_at=datetime.now(UTC),
            source=source,
            spike=word.spike,
            verdict=word.verdict,
            cause=self._cause(word),
            who=word.who,
            note=word.note,
        )
        self._delivery.send([Message(FEEDBACK.name, word.workspace.encode(), encode(feedback))])
        return feedback

    def _cause(self, word: Word) -> str:
        if word.cause or word.verdict == "own":
            return word.cause
        if word.verdict == "reassign":
            raise WordRefused(
                "To reassign a spike, name its cause: a change's key, unknown or measurement.", status=422
            )
        if self._leading is None:
            raise WordRefused(f"Name the cause to {word.verdict}: a change's key, unknown or measurement.", status=422)
        leading = self._leading(word.workspace, word.spike)
        if leading is None:
            raise WordRefused(f"There is no attributed spike {word.spike!r} in {word.workspace}.", status=404)
        return leading


class Links(NamedTuple):
    """What links are checked by. An empty ``secret`` refuses all."""

    secret: str
    days: float


def create_feedback_router(ear: Ear, links: Links, guard: Guard) -> APIRouter:
    """``GET`` and ``POST /feedback/{token}`` for links in messages, whose signature is all they need, and
    ``POST /api/feedback`` for whoever ``guard`` lets in, as JSON (which no other site can make a browser send).

    Answers of the API: 202 with the event's id; 400, 404, 415 and 422 with one sentence; 503 where the broker is away.
    """
    router = APIRouter(tags=["feedback"])
    desk = _Desk(ear, links)
    router.add_api_route("/feedback/{token}", desk.show, methods=["GET", "HEAD"], include_in_schema=False)
    router.add_api_route("/feedback/{token}", desk.take, methods=["POST"], include_in_schema=False)
    router.add_api_route(
        "/api/feedback", desk.take_json, methods=["POST"], dependencies=[Depends(guard)], response_model=None
    )
    return router


class _Desk:
    def __init__(self, ear: Ear, links: Links) -> None:
        self._ear, self._links = ear, links
        self._taken: dict[str, None] = {}

    async def show(self, token: str) -> Response:
        """What the link would say, and the button that says it."""
        try:
            answer = self._answer(token)
        except LinkRefused as error:
            return _page("This link does not count", f"<p>{escape(str(error))}</p>", 410 if error.expired else 400)
        return _form(answer)

    async def take(self, token: str, request: Request) -> Response:
        """Say it."""
        try:
            answer = self._answer(token)
            fields = parse_qs((await _body(request)).decode("utf-8", "replace"))
            who = (fields.get("who", [""])[0]).strip()[:120]
            if not who:
                return _form(answer, "Please say who you are.", 422)
            return await self._said(token, answer, who, fields.get("note", [""])[0].strip()[:5_000])
        except LinkRefused as error:
            return _page("This link does not count", f"<p>{escape(str(error))}</p>", 410 if error.expired else 400)
        except WordRefused as error:
            return _page("This was not taken", f"<p>{escape(str(error))}</p>", error.status)
        except RetryableError:
            return _page(
                "Not now", "<p>It could not be recorded just now. Please press the button again in a moment.</p>", 503
            )

    def _answer(self, token: str) -> Answer:
        if not self._links.secret:
            raise LinkRefused("Links are not switched on here; open the spike itself.", expired=False)
        return read_signed(token, self._links.secret, days=self._links.days)[0]

    async def _said(self, token: str, answer: Answer, who: str, note: str) -> Response:
        """A second press of the same button by the same person is the same word."""
        event_id = "link-" + blake2b(f"{token}\x00{who}".encode(), digest_size=12).hexdigest()
        if event_id not in self._taken:
            word = Word(
                workspace=answer.workspace,
                spike=answer.spike,
                verdict=answer.verdict,
                cause=answer.cause,
                who=who,
                note=note,
            )
            await run_in_threadpool(lambda: self._ear.hear(word, source="link", event_id=event_id))
            self._taken[event_id] = None
            if len(self._taken) > REMEMBERED:
                del self._taken[next(iter(self._taken))]
        said = escape(_sentence(answer))
        return _page(
            "Thank you",
            f"<p>Recorded for {escape(who)}: {said}.</p><p class='muted'>It counts from the next look at this spike on.</p>",
        )

    async def take_json(self, request: Request) -> Response:
        """One :class:`Word`."""
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return _refusal("Send application/json.", 415)
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _refusal("This comes from another site.", 403)
        try:
            word = msgspec.json.decode(await _body(request), type=Word)
            feedback = await run_in_threadpool(lambda: self._ear.hear(word, source="page"))
        except msgspec.DecodeError as error:
            return _refusal(f"This is not a word on a spike: {error}", 400)
        except WordRefused as error:
            return _refusal(str(error), error.status)
        except RetryableError as error:
            return JSONResponse({"error": str(error)}, 503, headers={"Retry-After": f"{error.retry_after_s:.0f}"})
        return JSONResponse({"accepted": feedback.event_id, "cause": feedback.cause}, 202)


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            raise WordRefused(f"This is longer than {LONGEST_BODY:,} bytes.", status=413)
    return body


def _refusal(sentence: str, status: int) -> JSONResponse:
    return JSONResponse({"error": sentence}, status)


def _sentence(answer: Answer) -> str:
    return _SAYS[answer.verdict].format(said=answer.said or answer.cause)


def _form(answer: Answer, error: str = "", status: int = 200) -> HTMLResponse:
    said = escape(_sentence(answer))
    return _page(
        said,
        f"""<p class="muted">Spike <code>{escape(answer.spike)}</code> of {escape(answer.workspace)}. Nothing is recorded until you press the button.</p>
<form method="post">
<label for="who">Who are you?</label>
<input id="who" name="who" autocomplete="name" maxlength="120" required>
<label for="note">Why? (may stay empty)</label>
<input id="note" name="note" maxlength="5000">
<p class="form-error" role="alert">{escape(error)}</p>
<button type="submit">{said}</button>
</form>""",
        status,
    )


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    html = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Whence · {title}</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/style.css">
</head>
<body class="login"><main><div class="card sign-in">
<h1>{title}</h1>
{body}
</div></main></body>
</html>
"""
    return HTMLResponse(html, status, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
