"""Signatures of webhooks, as Standard Webhooks (standardwebhooks.com) defines them, so that receivers may use its
libraries: HMAC-SHA256 over ``id.timestamp.body``."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping

PREFIX = "whsec_"
VERSION = "v1"


def sign(secret: str, *, key: str, timestamp_s: int, body: bytes) -> str:
    """The value of the header ``webhook-signature``.

    Args:
        secret: As configured: ``whsec_`` and base64, or any text.
        key: The idempotency key, sent as ``webhook-id``.
        timestamp_s: Seconds since 1970, sent as ``webhook-timestamp``.
        body: The bytes sent.

    >>> sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", key="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp_s=1614265330,
    ...      body=b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    raw = base64.b64decode(secret.removeprefix(PREFIX)) if secret.startswith(PREFIX) else secret.encode()
    content = b".".join((key.encode(), str(timestamp_s).encode(), body))
    return f"{VERSION},{base64.b64encode(hmac.digest(raw, content, 'sha256')).decode()}"


def verified(secret: str, headers: Mapping[str, str], body: bytes, *, now_s: float, within_s: float = 300.0) -> bool:
    """What a receiver has to do: whether the signature is ours and the message not older than ``within_s`` seconds."""
    key, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (stamp.isascii() and stamp.isdigit()) or abs(now_s - int(stamp)) > within_s:
        return False
    expected = sign(secret, key=key, timestamp_s=int(stamp), body=body).encode()
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(one.encode(), expected) for one in given)
