"""What secures a connection to the broker, as Python's own TLS reads it: the agents use it, and every start is checked
with it, since librdkafka says neither which file it cannot read nor what it misses in a certificate."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping

from schemas.broker import Broker
from schemas.errors import FatalError

SECURE = ("SSL", "SASL_SSL")
Remedies = tuple[tuple[str, str], ...]
"""What to do, by a sign in the reason."""


def tls_context(options: Mapping[str, str]) -> ssl.SSLContext:
    """A context from librdkafka's options, by their lower-case names.

    Raises:
        FatalError: a file does not hold what it should, or its password is wrong.
    """
    text = options.get("ssl.ca.pem", options.get("ssl_ca"))
    context = trusting(options.get("ssl.ca.location"), text, setting="broker.ssl_ca_file")
    if options.get("ssl.endpoint.identification.algorithm", "https").lower() == "none":
        context.check_hostname = False
    if options.get("enable.ssl.certificate.verification", "true").lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate = options.get("ssl.certificate.location")
    if certificate is not None:
        _show(context, certificate, options.get("ssl.key.location"), options.get("ssl.key.password", ""))
    return context


def trusting(path: str | None, text: str | None = None, *, setting: str) -> ssl.SSLContext:
    """A context that trusts the authorities in a file or text of PEM, by default those of the system.

    Raises:
        FatalError: the file is missing or holds no certificate; ``setting`` names it.
    """
    try:
        return ssl.create_default_context(cafile=path, cadata=text)
    except FileNotFoundError as error:
        raise FatalError(f"{setting} is {path}, which does not exist", remedy="Allowed is a PEM file") from error
    except (ssl.SSLError, OSError, ValueError) as error:
        what = f"{setting} is {path or 'a text'}, which holds no certificate"
        raise FatalError(what, remedy="Allowed is a PEM file") from error


def _show(context: ssl.SSLContext, certificate: str, key: str | None, password: str) -> None:
    try:
        # Without any password, Python would ask for it on the terminal.
        context.load_cert_chain(certificate, key, password)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise FatalError(
            f"broker.ssl_certificate_file is {certificate} and broker.ssl_key_file {key or 'empty'}, which do not go "
            "together or do not open with the password given",
            remedy="Allowed are a certificate and its key in PEM files, the key's password in "
            "WHENCE_BROKER_SSL_KEY_PASSWORD or WHENCE_BROKER_SSL_KEY_PASSWORD_FILE",
        ) from error


def untrusted(text: str) -> str:
    """Why a certificate was not trusted, in OpenSSL's words, from the text of an error; empty where that is not it.

    >>> untrusted("[SSL: …] certificate verify failed: certificate has expired (_ssl.c:1006)")
    'certificate has expired'
    """
    found = re.search(r"certificate verify failed: (.*?) \(_ssl", text)
    return found.group(1) if found else ""


def advised(why: str, remedies: Remedies) -> str:
    """The first remedy whose sign is in the reason, else the last."""
    return next((remedy for sign, remedy in remedies if sign in why), remedies[-1][1])


def refusal(broker: Broker, *, timeout_s: float) -> str:
    """Why this side does not trust the broker's certificate, in OpenSSL's words; empty where it does, or nothing answers."""
    options = {name.lower(): value for name, value in broker.security.items()}
    host, _, port = broker.servers.split(",")[0].rpartition(":")
    try:
        with (
            socket.create_connection((host.strip("[]"), int(port)), timeout_s) as opened,
            tls_context(options).wrap_socket(opened, server_hostname=host.strip("[]")),
        ):
            return ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except OSError:
        return ""
