"""The broker's security settings in Faust's words, and what Faust cannot speak."""

from __future__ import annotations

import ssl

import faust
import pytest

from schemas.broker import Broker
from schemas.errors import FatalError
from streams.credentials import faust_credentials


def _broker(**security: str) -> Broker:
    return Broker(servers="kafka:9093", security={name.replace("_", "."): value for name, value in security.items()})


def test_a_plaintext_broker_needs_none() -> None:
    assert faust_credentials(_broker()) is None
    assert faust_credentials(_broker(security_protocol="plaintext")) is None


def test_tls_checks_certificate_and_name_unless_told_otherwise() -> None:
    strict = faust_credentials(_broker(security_protocol="SSL"))
    assert isinstance(strict, faust.SSLCredentials)
    assert strict.context.verify_mode is ssl.CERT_REQUIRED
    assert strict.context.check_hostname
    lax = faust_credentials(_broker(security_protocol="SSL", ssl_endpoint_identification_algorithm="none"))
    assert isinstance(lax, faust.SSLCredentials)
    assert lax.context.verify_mode is ssl.CERT_REQUIRED
    assert not lax.context.check_hostname


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_sasl_passes_through(protocol: str, mechanism: str) -> None:
    found = faust_credentials(
        _broker(security_protocol=protocol, sasl_mechanism=mechanism, sasl_username="ann", sasl_password="secret")
    )
    assert isinstance(found, faust.SASLCredentials)
    assert (found.username, found.password, found.mechanism.value) == ("ann", "secret", mechanism)
    assert (found.ssl_context is not None) == (protocol == "SASL_SSL")
    assert "secret" not in repr(found)


def test_what_faust_cannot_speak_is_refused() -> None:
    with pytest.raises(FatalError) as refused:
        faust_credentials(_broker(security_protocol="SASL_SSL", sasl_mechanism="GSSAPI"))
    assert str(refused.value) == (
        "The broker setting sasl.mechanism is GSSAPI, which the agents cannot speak. "
        "Allowed are PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"
    )
    with pytest.raises(FatalError, match=r"security\.protocol is TELEPATHY, which the agents cannot speak"):
        faust_credentials(_broker(security_protocol="TELEPATHY"))
