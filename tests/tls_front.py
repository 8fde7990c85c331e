"""TLS before a plain server of a test, as a proxy would speak it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def tls_front(port: int, certificate: Path, key: Path) -> Iterator[int]:
    """A port of this machine that leads to the other one, and shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as opened:
        threading.Thread(target=_greet, args=(opened, context, port), daemon=True).start()
        yield int(opened.getsockname()[1])


def _greet(opened: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with suppress(OSError):
        while True:
            visitor, _ = opened.accept()
            threading.Thread(target=_lead, args=(visitor, context, port), daemon=True).start()


def _lead(visitor: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with (
        visitor,
        suppress(OSError),
        context.wrap_socket(visitor, server_side=True) as secured,
        socket.create_connection(("127.0.0.1", port)) as plain,
    ):
        answers = threading.Thread(target=_pass_on, args=(plain, secured), daemon=True)
        answers.start()
        _pass_on(secured, plain)
        answers.join(10.0)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
