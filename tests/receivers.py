"""Receivers of alerts as the outside world has them: an HTTP server that can fail and stall, and a mail server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message as Mail
from email.policy import default as mail_policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession


class Got(NamedTuple):
    """One request as it came; header names in small letters."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        """The idempotency key."""
        return self.headers["idempotency-key"]

    def facts(self) -> dict[str, Any]:
        """The body's JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found


class HttpReceiver:
    """Answers what ``status`` says for each request (by its number from 1); 0 stalls until :meth:`release`."""

    def __init__(self, status: Callable[[int], int]) -> None:
        self.got: list[Got] = []
        self.changed = threading.Condition()
        self.status = status
        self._released = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with receiver.changed:
                    receiver.got.append(Got(self.path, headers, body))
                    number = len(receiver.got)
                    receiver.changed.notify_all()
                status = receiver.status(number)
                if status == 0:
                    receiver._released.wait(120.0)
                    status = 204
                try:
                    self.send_response(status)
                    self.send_header("content-length", "0")
                    self.end_headers()
                except OSError:
                    pass  # who asked is gone

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/alerts"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def wait(self, count: int, within_s: float = 120.0) -> list[Got]:
        """What came, once there are so many."""
        with self.changed:
            enough = self.changed.wait_for(lambda: len(self.got) >= count, within_s)
        assert enough, f"{len(self.got)} of {count} requests came within {within_s:g} s"
        return list(self.got)

    def release(self) -> None:
        """Let those that stall go."""
        self._released.set()

    def close(self) -> None:
        """Stop serving."""
        self.release()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def http_receiver(status: Callable[[int], int] = lambda _: 204) -> Iterator[HttpReceiver]:
    """A receiver that ends with the block."""
    receiver = HttpReceiver(status)
    try:
        yield receiver
    finally:
        receiver.close()


class MailReceiver:
    """Keeps every mail; the first ``refused`` are answered with 451, try again."""

    def __init__(self, refused: int = 0) -> None:
        self.mails: list[Mail] = []
        self.refused = refused
        self.changed = threading.Condition()

    async def handle_DATA(self, _server: SMTP, _session: SmtpSession, envelope: Envelope) -> str:  # noqa: N802
        """Called by the server."""
        with self.changed:
            if self.refused > 0:
                self.refused -= 1
                return "451 try again"
            assert isinstance(envelope.content, bytes)
            self.mails.append(message_from_bytes(envelope.content, policy=mail_policy))
            self.changed.notify_all()
        return "250 OK"

    def wait(self, count: int, within_s: float = 120.0) -> list[Mail]:
        """What came, once there are so many."""
        with self.changed:
            enough = self.changed.wait_for(lambda: len(self.mails) >= count, within_s)
        assert enough, f"{len(self.mails)} of {count} mails came within {within_s:g} s"
        return list(self.mails)


class _AnyPort(Controller):
    """A controller that takes a free port and knows which."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def mail_receiver(refused: int = 0) -> Iterator[tuple[MailReceiver, str]]:
    """A mail server, and the Apprise URL that sends to it."""
    receiver = MailReceiver(refused)
    controller = _AnyPort(receiver, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        yield (
            receiver,
            f"mailto://127.0.0.1:{controller.port}/?from=whence@example.com&to=team@example.com&mode=insecure",
        )
    finally:
        controller.stop()


def text_of(mail: Mail) -> str:
    """The words of a mail."""
    part = mail.get_body(("plain", "html"))  # type: ignore[attr-defined]
    return str(part.get_content())
