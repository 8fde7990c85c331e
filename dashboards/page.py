"""The built-in page: a small JSON API over the panels, and the static files that draw them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from importlib.resources import files
from typing import Annotated
from urllib.parse import parse_qs

import anyio
import msgspec
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.routing import Match

from dashboards.access import Access
from dashboards.answers import Asked, StoreAway, answer
from dashboards.headers import SecurityHeaders
from dashboards.panels import VIEW_NAMES, ViewName
from dashboards.query import Query
from schemas.health import Health

Answer = Callable[[ViewName, Asked], dict[str, object]]
STATIC = files("dashboards") / "static"
FEEDBACK = "/api/feedback"
"""Where the spike view sends people's word, if whoever serves the page has added a router that takes it."""
_LONGEST_FORM = 4096
_WRONG_TOKEN_PAUSE_S = 1.0
_UNKNOWN_HOST = (
    "This page answers only under localhost or 127.0.0.1 as long as it has no token. "
    "Give it one (WHENCE_WEB_TOKEN) to reach it under another name."
)


class SignInNeeded(Exception):
    """The request has neither the token nor a session."""


def create_app(
    query: Query,
    health: Callable[[], Sequence[Health]],
    token: str | None = None,
    *,
    hour_cost: float = 0.0,
    progress: Mapping[str, str] | None = None,
) -> FastAPI:
    """The page as an ASGI app; the caller serves it and may include further routers.

    Args:
        query: Runs one query; called in threads, several at once.
        health: What the process's parts say of themselves.
        token: Needed by every request for data when set; without it only loopback host names are answered.
        hour_cost: What an hour of handling costs; 0 shows no cost.
        progress: By workspace, whether its time is the ``clock``'s or the ``input``'s, a replay's; of those not named, the
            page can only guess.
    """
    app = FastAPI(title="Whence", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(SecurityHeaders)
    app.add_exception_handler(SignInNeeded, _ask_to_sign_in)
    app.mount("/static", StaticFiles(packages=[("dashboards", "static")]), name="static")
    access = Access(token=token)
    app.include_router(_sign_in(access))
    app.include_router(_pages(access))
    app.include_router(_api(access, partial(answer, query, hour_cost=hour_cost, progress=progress or {}), health))
    return app


def _guard(access: Access) -> Callable[[Request], None]:
    def guard(request: Request) -> None:
        verdict = access.verdict(request)
        if verdict == "unknown_host":
            raise HTTPException(421, _UNKNOWN_HOST)
        if verdict == "who_are_you":
            raise SignInNeeded

    return guard


def _ask_to_sign_in(request: Request, _error: Exception) -> Response:
    if request.url.path.startswith("/api/"):
        said = {"error": "This needs the token: send it as `Authorization: Bearer …`, or sign in at /login."}
        return JSONResponse(said, 401, headers={"WWW-Authenticate": "Bearer"})
    return RedirectResponse(f"/login?next={request.url.path}", 303)


def _pages(access: Access) -> APIRouter:
    router = APIRouter(dependencies=[Depends(_guard(access))], default_response_class=HTMLResponse)
    html = (STATIC / "index.html").read_text(encoding="utf-8")

    def page() -> HTMLResponse:
        return HTMLResponse(html, headers={"Cache-Control": "no-cache"})

    for path in ("/", "/now", "/releases", "/campaigns", "/bill", "/changes", "/pipeline", "/spikes/{spike:path}"):
        router.add_api_route(path, page, methods=["GET", "HEAD"], include_in_schema=False)
    return router


def _api(access: Access, answer_to: Answer, health: Callable[[], Sequence[Health]]) -> APIRouter:
    router = APIRouter(prefix="/api", dependencies=[Depends(_guard(access))])
    # The store's threads are few on purpose: a page left open on many screens must not starve the writer.
    limiter = anyio.CapacityLimiter(4)

    @router.get("/views/{view}")
    async def view_answer(request: Request, view: str, asked: Annotated[Asked, Depends(_asked)]) -> Response:
        if view not in VIEW_NAMES:
            return JSONResponse({"error": f"There is no view {view!r}; there are {', '.join(VIEW_NAMES)}."}, 404)

        takes_feedback = _takes_feedback(request.app)

        def answered() -> dict[str, object]:
            said = answer_to(view, asked)
            return {**said, "health": [msgspec.to_builtins(part) for part in health()], "feedback": takes_feedback}

        try:
            said = await anyio.to_thread.run_sync(answered, limiter=limiter)
        except StoreAway as error:
            return JSONResponse({"error": str(error)}, 503)
        return _tagged(request, said)

    return router


def _takes_feedback(app: FastAPI) -> bool:
    """Whether a router that was added to the page takes people's word."""
    asked = {"type": "http", "method": "POST", "path": FEEDBACK, "root_path": "", "headers": [], "query_string": b""}
    return any(route.matches(dict(asked))[0] is Match.FULL for route in app.routes)


def _asked(request: Request) -> Asked:
    return Asked(**{name: request.query_params.get(name, "") for name in Asked.__struct_fields__})


def _tagged(request: Request, said: dict[str, object]) -> Response:
    """The answer with its fingerprint, or 304 when the page has it already."""
    body = msgspec.json.encode(said)
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-store"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _sign_in(access: Access) -> APIRouter:
    router = APIRouter()
    html = (STATIC / "login.html").read_text(encoding="utf-8")

    def form(next_: str, error: str = "", status: int = 200) -> HTMLResponse:
        filled = html.replace("<!--next-->", escape(next_, quote=True)).replace("<!--error-->", escape(error))
        return HTMLResponse(filled, status, headers={"Cache-Control": "no-store"})

    @router.get("/login")
    def show(next: str = "/") -> Response:  # noqa: A002 - the address's own word
        return form(_own_path(next)) if access.token is not None else RedirectResponse("/", 303)

    @router.post("/login")
    async def sign_in(request: Request) -> Response:
        fields = await _fields(request)
        if not access.knows(fields.get("token", "")):
            await anyio.sleep(_WRONG_TOKEN_PAUSE_S)
            return form(_own_path(fields.get("next", "/")), "That is not the token.", 403)
        response = RedirectResponse(_own_path(fields.get("next", "/")), 303)
        access.admit(response, secure=request.url.scheme == "https")
        return response

    return router


async def _fields(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            raise HTTPException(413, "The form is too long.")
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _own_path(path: str) -> str:
    """Where to go after signing in: a path of this page, never another site."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
