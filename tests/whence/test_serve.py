"""What a running part answers over HTTP, and what is said when its port is taken."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest
from fastapi import FastAPI, Response

from schemas.errors import FatalError
from schemas.health import Health
from whence.serve import HttpPart, health_app, listen

FINE = Health(part="admit", alive=True, ready=True, detail="fine")
STARTING = Health(part="sink", alive=True, ready=False, detail="waits for the store")
DEAD = Health(part="agents", alive=False, ready=False, detail="stopped")


@contextmanager
def _served(*healths: Health) -> Iterator[httpx.Client]:
    part = HttpPart("health", health_app(lambda: healths), listen("127.0.0.1", 0, setting="health"))
    stop = threading.Event()
    thread = threading.Thread(target=part.run, args=(stop,))
    thread.start()
    while not part.health().ready:
        time.sleep(0.01)
    try:
        with httpx.Client(base_url=part.url) as client:
            yield client
    finally:
        stop.set()
        thread.join(3)
        assert not thread.is_alive()


def test_health_and_ready_say_what_each_part_does() -> None:
    with _served(FINE, STARTING) as client:
        assert client.get("/health").status_code == 200
        answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["parts"][1] == {"part": "sink", "alive": True, "ready": False, "detail": "waits for the store"}


def test_dead_part_fails_health() -> None:
    with _served(FINE, DEAD) as client:
        assert client.get("/health").status_code == 503


def test_all_ready_is_ready() -> None:
    with _served(FINE) as client:
        assert client.get("/ready").json()["ok"] is True


def test_metrics_are_in_the_form_of_prometheus() -> None:
    with _served(FINE) as client:
        answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE python_info gauge" in answer.text


def test_open_request_does_not_hold_up_the_end() -> None:
    with _served(FINE) as client:
        client.get("/health")
        started = time.monotonic()
    assert time.monotonic() - started < 4.5


def _ended(app: FastAPI, connect: Callable[[int], socket.socket]) -> tuple[float, bytes]:
    """How long the end took, and what a client got that had connected before."""
    part = HttpPart("health", app, listen("127.0.0.1", 0, setting="health"))
    stop = threading.Event()
    thread = threading.Thread(target=part.run, args=(stop,))
    thread.start()
    while not part.health().ready:
        time.sleep(0.01)
    with connect(int(part.url.rsplit(":", 1)[1])) as client:
        stop.set()
        started = time.monotonic()
        thread.join(10)
        took = time.monotonic() - started
        assert not thread.is_alive()
        client.settimeout(10)
        read = b""
        with suppress(ConnectionResetError):
            while some := client.recv(1 << 16):
                read += some
        return took, read


def _ask(port: int, path: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return client


def test_a_connection_that_comes_with_the_end_is_closed_and_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    app, held = FastAPI(), threading.Event()

    @app.get("/hold")
    async def hold() -> None:
        held.set()
        time.sleep(0.5)  # the server's own loop: what comes meanwhile is accepted in the same turn that ends it

    def connect(port: int) -> socket.socket:
        with _ask(port, "/hold"):
            held.wait(10)
            return socket.create_connection(("127.0.0.1", port))

    _, read = _ended(app, connect)
    assert read == b""
    assert "graceful shutdown exceeded" not in caplog.text


def test_a_client_that_does_not_read_is_cut_off() -> None:
    app, asked = FastAPI(), threading.Event()

    @app.get("/much")
    def much() -> Response:
        asked.set()
        return Response(b"x" * 50_000_000)

    def connect(port: int) -> socket.socket:
        client = _ask(port, "/much")
        asked.wait(10)
        return client

    took, read = _ended(app, connect)
    assert took < 4.5
    assert len(read) < 50_000_000


def test_port_taken_is_told_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(FatalError) as caught:
            listen("127.0.0.1", port, setting="web")
    assert str(caught.value) == (
        f"port {port} on 127.0.0.1 is taken by another process. "
        "Stop that one, or set web.port to another (0 takes any free port)."
    )


def test_address_of_another_machine_is_refused() -> None:
    with pytest.raises(FatalError, match=r"^cannot listen on 192\.0\.2\.1:0: .*\. Set web\.address and web\.port\.$"):
        listen("192.0.2.1", 0, setting="web")


def test_name_of_no_machine_is_refused() -> None:
    with pytest.raises(FatalError, match=r"^the address 'no such host' cannot be used: "):
        listen("no such host", 0, setting="web")
