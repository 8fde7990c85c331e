"""The channels: how one message is handed to the outside world, and what its answer means."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from email.utils import parsedate_to_datetime
from typing import Protocol

import apprise
import httpx
import msgspec
from msgspec import Struct

from schemas.errors import WhenceError
from streams.alert.message import Message
from streams.alert.routing import Channel, Routing, RoutingError
from streams.deliver.signing import sign

HIDDEN = "***"
_NOTIFY = {
    "opened": apprise.NotifyType.WARNING,
    "escalated": apprise.NotifyType.FAILURE,
    "resolved": apprise.NotifyType.SUCCESS,
}
_AGAIN = {408, 425, 429}


class _LastWord(logging.Handler):
    """Keeps the last complaint of each thread: what Apprise answers is only yes or no."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._of_thread = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        self._of_thread.text = record.getMessage()

    def taken(self) -> str:
        """The last complaint since it was last asked for."""
        text = getattr(self._of_thread, "text", "")
        self._of_thread.text = ""
        return str(text)


def _gagged() -> _LastWord:
    """Apprise, and what it and we send with, write addresses into their logs, and addresses hold secrets."""
    for name in ("httpx", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.ERROR)
    last_word = _LastWord()
    logger = logging.getLogger("apprise")
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    logger.handlers = [last_word]
    return last_word


_LAST_WORD = _gagged()


class NotDelivered(WhenceError):
    """The channel did not take a message. ``outage``: it would take no other either. ``wait_s``: what it asks for."""

    def __init__(self, reason: str, *, outage: bool, wait_s: float = 0.0) -> None:
        self.outage = outage
        self.wait_s = wait_s
        super().__init__(reason)


class Sender(Protocol):
    """Hands over one message; used from one thread."""

    def __call__(self, message: Message) -> None:
        """
        Raises:
            NotDelivered: it was not taken.
        """
        ...


class Webhook:
    """A signed POST of the message's facts as JSON."""

    def __init__(self, channel: Channel, secret: str, *, now_s: Callable[[], float] = time.time) -> None:
        self._channel, self._secret, self._now_s = channel, secret, now_s
        timeout = httpx.Timeout(channel.timeout_s, connect=min(5.0, channel.timeout_s))
        self._client = httpx.Client(timeout=timeout, follow_redirects=False)

    def __call__(self, message: Message) -> None:
        body = msgspec.json.encode(message.facts)
        stamp = int(self._now_s())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "whence",
            "Idempotency-Key": message.key,
            "webhook-id": message.key,
            "webhook-timestamp": str(stamp),
            "webhook-signature": sign(self._secret, key=message.key, timestamp_s=stamp, body=body),
        }
        try:
            response = self._client.post(self._channel.url, content=body, headers=headers)
        except httpx.TimeoutException:
            raise NotDelivered(f"it did not answer within {self._channel.timeout_s:g} s", outage=True) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise NotDelivered(f"it cannot be reached ({type(error).__name__})", outage=True) from None
        if not response.is_success:
            status = response.status_code
            outage = status >= 500 or status in _AGAIN
            raise NotDelivered(f"it answered {status}", outage=outage, wait_s=_asked_s(response))


def _asked_s(response: httpx.Response) -> float:
    asked = response.headers.get("retry-after", "")
    if asked.isascii() and asked.isdigit():
        return float(asked)
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    except ValueError:
        return 0.0


class ByApprise:
    """Whatever Apprise speaks. It says only whether it worked; the rest of its word is scrubbed of secrets."""

    def __init__(self, name: str, secret: str, secrets: Iterable[str]) -> None:
        self._secrets = tuple(secrets)
        self._apprise = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False))
        if not self._apprise.add(secret):
            raise RoutingError(
                f"channels.{name}: its secret is not a URL that Apprise knows; allowed is one such as "
                "mailtos://user:password@host or slack://token"
            )

    def __call__(self, message: Message) -> None:
        notify = _NOTIFY.get(message.event, apprise.NotifyType.INFO)
        _LAST_WORD.taken()
        taken = self._apprise.notify(
            title=message.title, body=message.body, notify_type=notify, body_format=apprise.NotifyFormat.TEXT
        )
        if not taken:
            reason = _LAST_WORD.taken() or "it gave no reason"
            raise NotDelivered(scrubbed(reason, self._secrets)[:200], outage=True)


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """A text without any part of a secret that is four characters or longer.

    >>> scrubbed("POST https://hooks.example/T012/B345 failed", ["slack://T012/B345"])
    'POST https://hooks.example/***/*** failed'
    """
    parts = {part for secret in secrets for part in re.split(r"[/:@?&=,;\s]+", secret) if len(part) >= 4}
    for part in sorted({*secrets, *parts}, key=len, reverse=True):
        text = text.replace(part, HIDDEN)
    return text


def senders(routing: Routing, secrets: dict[str, str]) -> dict[str, Sender]:
    """A sender for every channel of the file.

    Args:
        routing: The file.
        secrets: By channel name: the Apprise URL, or the webhook's signing key.

    Raises:
        RoutingError: a channel's secret is missing or of no use, one sentence for each.
    """
    made: dict[str, Sender] = {}
    problems: list[str] = []
    for name, channel in routing.channels.items():
        try:
            made[name] = _sender(name, channel, secrets)
        except RoutingError as error:
            problems.extend(error.problems)
    if problems:
        raise RoutingError(*problems)
    return made


def _sender(name: str, channel: Channel, secrets: dict[str, str]) -> Sender:
    secret = secrets.get(name, "")
    if not secret:
        variable = f"WHENCE_CHANNELS_{name.replace('-', '_').upper()}_SECRET"
        what = "the Apprise URL" if channel.kind == "apprise" else "the key that its messages are signed with"
        raise RoutingError(f"channels.{name} has no secret; set {variable} or {variable}_FILE to {what}")
    if channel.kind == "webhook":
        return Webhook(channel, secret)
    return ByApprise(name, secret, secrets.values())


class Tried(Struct, frozen=True):
    """How one attempt ended; an empty ``reason`` is success."""

    delivery_id: str
    reason: str = ""
    outage: bool = False
    wait_s: float = 0.0
