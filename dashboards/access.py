"""Who may see the page: anyone on this machine, or whoever holds the token."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Literal

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

COOKIE = "whence_session"
SESSION_S = 12 * 3600
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")

Verdict = Literal["welcome", "unknown_host", "who_are_you"]


class Access(Struct, frozen=True, kw_only=True):
    """``token`` None: only requests that name this machine as host (so that no web page elsewhere can read through
    a name of its own that points here). With a token: whoever brings it, in a header or as a signed session."""

    token: str | None
    clock: Callable[[], float] = time.time

    def __repr__(self) -> str:
        return f"Access(token={'set' if self.token else 'none'})"

    def verdict(self, request: Request) -> Verdict:
        """Whether this request may go on."""
        if self.token is None:
            return "welcome" if _host(request) in LOOPBACK_HOSTS else "unknown_host"
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.knows(given.strip()):
            return "welcome"
        return "welcome" if self._valid(request.cookies.get(COOKIE, "")) else "who_are_you"

    def knows(self, given: str) -> bool:
        """Whether this is the token; takes as long for a nearly right one as for a wrong one."""
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())

    def admit(self, response: Response, *, secure: bool) -> None:
        """Give the browser a session: signed, short, unreadable to scripts, never the token itself."""
        until = str(int(self.clock()) + SESSION_S)
        response.set_cookie(
            COOKIE,
            f"{until}.{self._signature(until)}",
            max_age=SESSION_S,
            httponly=True,
            samesite="strict",
            secure=secure,
        )

    def _valid(self, session: str) -> bool:
        until, _, signature = session.partition(".")
        return (
            until.isascii()
            and until.isdigit()
            and hmac.compare_digest(signature.encode(), self._signature(until).encode())
            and int(until) > self.clock()
        )

    def _signature(self, until: str) -> str:
        return hmac.new((self.token or "").encode(), f"whence session {until}".encode(), hashlib.sha256).hexdigest()


def _host(request: Request) -> str:
    host = request.headers.get("host", "")
    return host if host.endswith("]") else host.rsplit(":", 1)[0]
