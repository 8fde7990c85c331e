"""Links by which people answer a message: signed, expiring, and worth nothing without their signature.

Following a link only shows a page; the answer is what that page's button posts. So a mail scanner that opens every
link changes nothing.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

import msgspec
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from msgspec import Struct

from schemas.errors import WhenceError

Verdict = Literal["confirm", "reject", "reassign", "own"]
_SALT = "whence feedback link 1"


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a link stands for. ``cause`` is a change's key, ``unknown`` or ``measurement``; ``said`` is its name for
    people; ``to`` is whom the link was sent to."""

    workspace: str
    spike: str
    verdict: Verdict
    cause: str = ""
    said: str = ""
    to: str = ""


class LinkRefused(WhenceError):
    """A link that is not followed; ``expired`` tells an old one from a false one."""

    def __init__(self, sentence: str, *, expired: bool) -> None:
        self.expired = expired
        super().__init__(sentence)


def signed(answer: Answer, secret: str) -> str:
    """The link's last part, made now."""
    token = _serializer(secret).dumps(msgspec.to_builtins(answer))
    return token if isinstance(token, str) else token.decode()


def read_signed(token: str, secret: str, *, days: float) -> tuple[Answer, datetime]:
    """What a link stands for, and when it was made.

    Raises:
        LinkRefused: it is older than ``days``, or was not made by this Whence.
    """
    try:
        plain, made = _serializer(secret).loads(token, max_age=int(days * 86_400), return_timestamp=True)
        return msgspec.convert(plain, Answer), made
    except SignatureExpired:
        raise LinkRefused(
            f"This link is older than {days:g} days and no longer counts. Open the spike itself to answer.",
            expired=True,
        ) from None
    except (BadSignature, msgspec.ValidationError, ValueError):
        raise LinkRefused(
            "This link is not one of ours, or was changed on its way. Copy it whole, or open the spike itself.",
            expired=False,
        ) from None


def _serializer(secret: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        secret, salt=_SALT, signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    )
