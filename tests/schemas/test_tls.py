"""What secures the way to the broker: files that cannot be used are refused, certificates that are not trusted explained."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from schemas.broker import Broker
from schemas.errors import FatalError
from schemas.tls import refusal, tls_context
from tests.certificates import Authority


@contextmanager
def _listening(certificate: Path, key: Path) -> Iterator[int]:
    """A port where one visitor is shown a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def greet() -> None:
        visitor, _ = opened.accept()
        with visitor, suppress(OSError), context.wrap_socket(visitor, server_side=True) as secured:
            secured.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as opened:
        thread = threading.Thread(target=greet)
        thread.start()
        yield int(opened.getsockname()[1])
        thread.join()


def _told(port: int, ca: Path, host: str = "127.0.0.1") -> str:
    security = {"security.protocol": "SSL", "ssl.ca.location": str(ca)}
    return refusal(Broker(servers=f"{host}:{port}", security=security), timeout_s=10.0)


def test_why_a_certificate_is_not_trusted(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path), Authority(tmp_path, "other")
    with _listening(*ours.sign("good")) as port:
        assert _told(port, ours.ca) == ""
    with _listening(*ours.sign("good")) as port:
        assert _told(port, other.ca) == "unable to get local issuer certificate"
    with _listening(*ours.sign("old", days=-1)) as port:
        assert _told(port, ours.ca) == "certificate has expired"


def test_where_nothing_answers_nothing_is_said_of_certificates(tmp_path: Path) -> None:
    assert _told(9, Authority(tmp_path).ca) == ""


def test_files_that_cannot_be_used_are_refused_by_the_names_of_their_settings(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    certificate, key = ours.sign("client", password="right")
    files = {"ssl.certificate.location": str(certificate), "ssl.key.location": str(key)}
    tls_context(files | {"ssl.key.password": "right"})
    for wrong in ({}, {"ssl.key.password": "wrong"}, {"ssl.key.location": str(ours.sign("other")[1])}):
        with pytest.raises(FatalError) as refused:
            tls_context(files | wrong)
        assert str(refused.value).startswith(f"broker.ssl_certificate_file is {certificate} and broker.ssl_key_file ")
        assert "do not go together or do not open with the password given. Allowed are" in str(refused.value)
    with pytest.raises(FatalError) as refused:
        tls_context({"ssl.ca.location": str(key)})
    assert str(refused.value) == f"broker.ssl_ca_file is {key}, which holds no certificate. Allowed is a PEM file"
