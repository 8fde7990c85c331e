"""The broker's security settings, which are librdkafka's, in Faust's words."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import faust
from faust.types.auth import CredentialsT

from schemas.broker import Broker
from schemas.errors import FatalError

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def faust_credentials(broker: Broker) -> CredentialsT | None:
    """Credentials for ``faust.App(broker_credentials=…)``; None for a plaintext broker.

    Raises:
        FatalError: the settings name a protocol or mechanism that Faust cannot speak.
    """
    options = {name.lower(): value for name, value in broker.security.items()}
    protocol = options.get("security.protocol", "plaintext").upper()
    if protocol == "PLAINTEXT":
        return None
    if protocol == "SSL":
        return faust.SSLCredentials(context=_context(options))
    if protocol not in ("SASL_PLAINTEXT", "SASL_SSL"):
        raise _unknown("security.protocol", protocol, ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"))
    mechanism = options.get("sasl.mechanism", options.get("sasl.mechanisms", "PLAIN")).upper()
    if mechanism not in MECHANISMS:
        raise _unknown("sasl.mechanism", mechanism, MECHANISMS)
    return faust.SASLCredentials(
        username=options.get("sasl.username", ""),
        password=options.get("sasl.password", ""),
        mechanism=mechanism,
        ssl_context=_context(options) if protocol == "SASL_SSL" else None,
    )


def _context(options: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(
        cafile=options.get("ssl.ca.location"), cadata=options.get("ssl.ca.pem", options.get("ssl_ca"))
    )
    if options.get("ssl.endpoint.identification.algorithm", "https").lower() == "none":
        context.check_hostname = False
    if options.get("enable.ssl.certificate.verification", "true").lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate = options.get("ssl.certificate.location")
    if certificate is not None:
        context.load_cert_chain(certificate, options.get("ssl.key.location"), options.get("ssl.key.password"))
    return context


def _unknown(name: str, value: str, allowed: tuple[str, ...]) -> FatalError:
    return FatalError(
        f"The broker setting {name} is {value}, which the agents cannot speak",
        remedy=f"Allowed are {', '.join(allowed)}",
    )
