"""The broker's security settings, which are librdkafka's, in Faust's words."""

from __future__ import annotations

import faust
from faust.types.auth import CredentialsT

from schemas.broker import Broker
from schemas.errors import FatalError
from schemas.tls import tls_context

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
        return faust.SSLCredentials(context=tls_context(options))
    if protocol not in ("SASL_PLAINTEXT", "SASL_SSL"):
        raise _unknown("security.protocol", protocol, ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"))
    mechanism = options.get("sasl.mechanism", options.get("sasl.mechanisms", "PLAIN")).upper()
    if mechanism not in MECHANISMS:
        raise _unknown("sasl.mechanism", mechanism, MECHANISMS)
    return faust.SASLCredentials(
        username=options.get("sasl.username", ""),
        password=options.get("sasl.password", ""),
        mechanism=mechanism,
        ssl_context=tls_context(options) if protocol == "SASL_SSL" else None,
    )


def _unknown(name: str, value: str, allowed: tuple[str, ...]) -> FatalError:
    return FatalError(
        f"The broker setting {name} is {value}, which the agents cannot speak",
        remedy=f"Allowed are {', '.join(allowed)}",
    )
