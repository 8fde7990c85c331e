"""Why no broker answers: a failed call does not say it, what its client hears on the way does."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException

from schemas.broker import Broker
from schemas.errors import FatalError, RetryableError

_REFUSALS = (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED)
_SAY_NOTHING = (KafkaError._ALL_BROKERS_DOWN,)
_SILENCE = (KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN)
_PLACE_AND_TIME = re.compile(r"^\S+: | \(after \d+ms in state .*\)$")
_REMEDY = "start it, or correct broker.servers"
_REMEDIES = (
    ("certificate verify failed", "set broker.ssl_ca_file to the authority of its certificate"),
    ("alert", "it wants a certificate: set broker.ssl_certificate_file and broker.ssl_key_file"),
    ("Broker transport failure", "start it, or correct broker.servers and broker.security_protocol"),
)
_NUMBERS = re.compile(r"error:[0-9A-F]+:[^:]*::")
_ADVICE = re.compile(r": broker certificate could .*$")
KEPT = 16
LISTEN_S = 0.5
LISTEN_STEP_S = 0.05


class Heard:
    """The last errors of one client: give it to the client as ``error_cb``, and let it :meth:`listen` before asking."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._errors: deque[KafkaError] = deque(maxlen=KEPT)

    def __call__(self, error: KafkaError) -> None:
        self._errors.append(error)

    def forget(self) -> None:
        """A call was answered: what was heard before it explains nothing that comes after."""
        self._errors.clear()

    def listen(self, poll: Callable[[float], object]) -> None:
        """Let the client say what it has heard: it does so from threads of its own, which on a busy machine may come
        after a short call has given up. Returns as soon as there is a reason, at the latest after ``LISTEN_S``."""
        deadline = time.monotonic() + LISTEN_S
        poll(0.0)
        while not self._reasons() and time.monotonic() < deadline:
            poll(LISTEN_STEP_S)

    def unanswered(self, error: object) -> RetryableError | FatalError:
        """What a call without an answer means: nothing answers there, or the user is refused."""
        servers = self._broker.servers
        refusals = [_cause(one) for one in self._errors if one.code() in _REFUSALS]
        if refusals:
            return FatalError(
                f"Kafka at {servers} refused the user {self._broker.security.get('sasl.username', '')!r} ({refusals[-1]})",
                remedy="Set broker.sasl_mechanism and broker.sasl_username, and the password in "
                "WHENCE_BROKER_SASL_PASSWORD or WHENCE_BROKER_SASL_PASSWORD_FILE.",
            )
        causes = self._reasons()
        reason = causes[-1] if causes else text_of(error)
        remedy = next((remedy for sign, remedy in _REMEDIES if sign in reason), _REMEDY)
        return RetryableError(
            f"no Kafka broker answers at {servers} ({_short(reason)})", retry_after_s=2.0, remedy=remedy
        )

    def away(self, error: object) -> RetryableError:
        """The same for who goes on by itself: a user who is refused now may be let in again. Who begins with a wrong
        password was told before (:func:`streams.topics.ensure_topics`)."""
        told = self.unanswered(error)
        return told if isinstance(told, RetryableError) else RetryableError(str(told).rstrip("."), retry_after_s=2.0)

    def _reasons(self) -> list[str]:
        return [_cause(one) for one in self._errors if one.code() not in _SAY_NOTHING]


def _cause(error: KafkaError) -> str:
    return _PLACE_AND_TIME.sub("", error.str())


def _short(reason: str) -> str:
    """Without OpenSSL's numbers, and without librdkafka's own advice, which names its settings instead of ours.

    >>> _short("SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could …")
    'SSL handshake failed: certificate verify failed'
    """
    return _ADVICE.sub("", _NUMBERS.sub("", reason))


def text_of(error: object) -> str:
    """librdkafka's sentence, without its wrapping."""
    first = error.args[0] if isinstance(error, KafkaException) and error.args else error
    if not isinstance(first, KafkaError):
        return str(first)
    return "it did not answer in time" if first.code() in _SILENCE else str(first.str())
