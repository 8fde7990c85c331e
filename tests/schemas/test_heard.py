"""Why no broker answers is told in the client's own words."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from schemas.broker import Broker
from schemas.errors import FatalError, RetryableError, WhenceError
from schemas.heard import Heard

AWAY = "start it, or correct broker.servers; trying again in 2 s"


def _heard(*errors: tuple[int, str]) -> Heard:
    heard = Heard(Broker(servers="127.0.0.1:9", security={"sasl.username": "me"}))
    for code, reason in errors:
        heard(KafkaError(code, reason))
    return heard


def _silence() -> KafkaException:
    return KafkaException(KafkaError(KafkaError._TIMED_OUT, "Failed to get watermark offsets: Local: Timed out"))


@pytest.mark.parametrize(
    ("heard", "kind", "told"),
    [
        (
            [(-169, "sasl_ssl://k:1/bootstrap: SASL authentication error: Invalid password (after 30ms in state AUTH_REQ)")],
            FatalError,
            "Kafka at 127.0.0.1:9 refused the user 'me' (SASL authentication error: Invalid password). Set broker.sasl_mechanism and broker.sasl_username, and the password in WHENCE_BROKER_SASL_PASSWORD or WHENCE_BROKER_SASL_PASSWORD_FILE.",
        ),
        (
            [
                (-169, "sasl_ssl://k:1/bootstrap: SASL authentication error: Invalid password (after 30ms in state AUTH_REQ)"),
                (-195, "k:1/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused (after 0ms in state CONNECT)"),
            ],
            FatalError,
            "Kafka at 127.0.0.1:9 refused the user 'me' (SASL authentication error: Invalid password). Set broker.sasl_mechanism and broker.sasl_username, and the password in WHENCE_BROKER_SASL_PASSWORD or WHENCE_BROKER_SASL_PASSWORD_FILE.",
        ),
        (
            [(-195, "k:1/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused (after 0ms in state CONNECT, 1 identical error(s) suppressed)")],
            RetryableError,
            f"no Kafka broker answers at 127.0.0.1:9 (Connect to ipv4#127.0.0.1:9 failed: Connection refused): {AWAY}",
        ),
        (
            [
                (-195, "ssl://k:1/bootstrap: SSL handshake failed: a PLAINTEXT listener? (after 9ms in state SSL_HANDSHAKE)"),
                (-187, "1/1 brokers are down"),
            ],
            RetryableError,
            f"no Kafka broker answers at 127.0.0.1:9 (SSL handshake failed: a PLAINTEXT listener?): {AWAY}",
        ),
        (
            [(-181, "ssl://k:1/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified, verify that ssl.ca.location is correct (after 5ms in state SSL_HANDSHAKE)")],
            RetryableError,
            "no Kafka broker answers at 127.0.0.1:9 (SSL handshake failed: certificate verify failed): set broker.ssl_ca_file to the authority of its certificate; trying again in 2 s",
        ),
        (
            [(-181, "ssl://k:1/bootstrap: Receive failed: error:0A000412:SSL routines::ssl/tls alert bad certificate: SSL alert number 42 (after 1ms in state APIVERSION_QUERY)")],
            RetryableError,
            "no Kafka broker answers at 127.0.0.1:9 (Receive failed: ssl/tls alert bad certificate: SSL alert number 42): it wants a certificate: set broker.ssl_certificate_file and broker.ssl_key_file; trying again in 2 s",
        ),
        ([], RetryableError, f"no Kafka broker answers at 127.0.0.1:9 (it did not answer in time): {AWAY}"),
    ],
    ids=["wrong password", "wrong password, then away", "away for long", "wrong protocol", "wrong authority", "no certificate", "silence"],
)  # fmt: skip
def test_why_no_broker_answers_is_told(heard: list[tuple[int, str]], kind: type[WhenceError], told: str) -> None:
    error = _heard(*heard).unanswered(_silence())
    assert (type(error), str(error)) == (kind, told)


def test_another_error_keeps_its_own_words() -> None:
    error = KafkaException(KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION, "Not leader for partition"))
    assert "(Not leader for partition)" in str(_heard().unanswered(error))


def test_what_was_heard_before_an_answer_explains_nothing_after_it() -> None:
    heard = _heard((-195, "k:1/bootstrap: Connect to k:1 failed: Connection refused (after 0ms in state CONNECT)"))
    assert "Connection refused" in str(heard.unanswered(_silence()))
    heard.forget()
    assert "it did not answer in time" in str(heard.unanswered(_silence()))


def test_a_reason_that_comes_after_the_call_has_given_up_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.heard.LISTEN_S", 60.0)
    heard, polls = _heard((-187, "1/1 brokers are down")), list[float]()

    def poll(timeout_s: float) -> None:
        polls.append(timeout_s)
        if len(polls) == 3:
            heard(
                KafkaError(
                    -195, "k:1/bootstrap: Connect to k:1 failed: Connection refused (after 0ms in state CONNECT)"
                )
            )

    heard.listen(poll)
    assert len(polls) == 3
    assert "Connection refused" in str(heard.unanswered(_silence()))
    heard.forget()
    monkeypatch.setattr("schemas.heard.LISTEN_S", 0.0)
    heard.listen(polls.append)
    assert len(polls) == 4


def test_who_speaks_plainly_to_a_secured_broker_is_told_to_look_at_the_protocol() -> None:
    error = KafkaException(KafkaError(KafkaError._TRANSPORT, "Failed to get metadata: Local: Broker transport failure"))
    assert str(_heard().unanswered(error)).endswith(
        "start it, or correct broker.servers and broker.security_protocol; trying again in 2 s"
    )
