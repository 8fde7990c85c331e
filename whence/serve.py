"""What every running part answers over HTTP: /health, /ready, and /metrics for Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import msgspec
import uvicorn
from fastapi import APIRouter, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from schemas.errors import FatalError
from schemas.health import Health

Healths = Callable[[], Sequence[Health]]
_ACCEPTED_S = 0.05


def health_router(healths: Healths) -> APIRouter:
    """``/health`` (503: restart me), ``/ready`` (503: not working now) and ``/metrics``, of all parts of a process."""
    router = APIRouter()

    @router.get("/health")
    def health() -> Response:
        found = list(healths())
        return _answer(found, all(one.alive for one in found))

    @router.get("/ready")
    def ready() -> Response:
        found = list(healths())
        return _answer(found, bool(found) and all(one.ready for one in found))

    @router.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


def _answer(found: list[Health], fine: bool) -> Response:
    body = msgspec.json.encode({"ok": fine, "parts": found})
    return Response(body, status_code=200 if fine else 503, media_type="application/json")


def health_app(healths: Healths) -> FastAPI:
    """The small server beside a part that has no page."""
    app = FastAPI(title="Whence", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(health_router(healths))
    return app


def listen(address: str, port: int, *, setting: str) -> socket.socket:
    """A listening socket, taken before anything else starts.

    Args:
        address: Host name or IP address.
        port: 0 takes any free one.
        setting: The setting that names the port, for the error's sentence.

    Raises:
        FatalError: the port is taken, or the address is not this machine's.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(family, kind, protocol)
    except OSError as error:
        raise FatalError(
            f"the address {address!r} cannot be used: {error}",
            remedy=f"Set {setting}.address to one of this machine's.",
        ) from error
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind(place)
        opened.listen(128)
    except OSError as error:
        opened.close()
        raise _not_listening(address, port, setting, error) from error
    return opened


def _not_listening(address: str, port: int, setting: str, error: OSError) -> FatalError:
    if error.errno == errno.EADDRINUSE:
        return FatalError(
            f"port {port} on {address} is taken by another process",
            remedy=f"Stop that one, or set {setting}.port to another (0 takes any free port).",
        )
    return FatalError(
        f"cannot listen on {address}:{port}: {error.strerror}", remedy=f"Set {setting}.address and {setting}.port."
    )


class _Server(uvicorn.Server):
    """A server that leaves signals to the supervisor, and no connection open."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does, which knows nothing of a connection that it is just accepting, and leaves open what is not
        done in time."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(_ACCEPTED_S)
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()


class HttpPart:
    """A part that serves an ASGI app on an open socket."""

    def __init__(self, name: str, app: FastAPI, opened: socket.socket) -> None:
        self.name = name
        self._socket = opened
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        self._server = _Server(config)

    @property
    def url(self) -> str:
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def run(self, stop: threading.Event) -> None:
        """Serve until ``stop``; open requests get one second."""
        watcher = threading.Thread(target=self._stop_with, args=(stop,), daemon=True, name=f"{self.name}-stop")
        watcher.start()
        self._server.run(sockets=[self._socket])

    def health(self) -> Health:
        started = bool(self._server.started)
        return Health(
            part=self.name, alive=True, ready=started, detail=f"serving on {self.url}" if started else "starting"
        )

    def _stop_with(self, stop: threading.Event) -> None:
        stop.wait()
        self._server.should_exit = True
