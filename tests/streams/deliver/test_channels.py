"""Channels against real servers: what reaches them, what their answers mean, and what is never shown."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Iterator

import pytest

from streams.alert.message import Letterhead, Message, compose
from streams.alert.routing import Channel, RoutingError
from streams.alert.tell import tell
from streams.deliver.channels import ByApprise, NotDelivered, Webhook, senders
from streams.deliver.signing import verified
from tests.receivers import http_receiver, mail_receiver, text_of
from tests.streams.deliver.samples import alert, routing

SECRET = "a-signing-key-of-the-receiver"


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """What reaches the root logger at the loudest setting."""
    root, written = logging.getLogger(), io.StringIO()
    handler, level = logging.StreamHandler(written), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(level)
    root.removeHandler(handler)


def message() -> Message:
    (notice,) = tell(routing(), alert(), lambda *_: None)
    return compose(notice, routing(), Letterhead())


def hook(url: str, timeout_s: float = 10.0) -> Webhook:
    return Webhook(Channel(kind="webhook", url=url, timeout_s=timeout_s), SECRET)


def test_a_webhook_is_signed_and_carries_its_key() -> None:
    with http_receiver() as receiver:
        hook(receiver.url)(message())
        (got,) = receiver.wait(1)
    assert got.key == got.headers["webhook-id"] == "a1.1"
    assert verified(SECRET, got.headers, got.body, now_s=time.time())
    facts = got.facts()
    assert (facts["event"], facts["team"], facts["cause"]["key"]) == ("opened", "payments", "app 5.2.0")
    assert facts["contacts"] == {"excess": 50.0, "low": 40.0, "high": 60.0}


def test_a_signature_is_refused_for_another_body_time_key_or_secret() -> None:
    with http_receiver() as receiver:
        hook(receiver.url)(message())
        (got,) = receiver.wait(1)
    now_s = time.time()
    stamp = int(got.headers["webhook-timestamp"])
    assert not verified(SECRET, got.headers, got.body + b" ", now_s=now_s)
    assert not verified(SECRET, {**got.headers, "webhook-timestamp": str(stamp + 1)}, got.body, now_s=now_s)
    assert not verified(SECRET, {**got.headers, "webhook-id": "a1.2"}, got.body, now_s=now_s)
    assert not verified("another", got.headers, got.body, now_s=now_s)
    assert not verified(SECRET, got.headers, got.body, now_s=stamp + 301)
    assert not verified(SECRET, {}, got.body, now_s=now_s)


@pytest.mark.parametrize(
    ("status", "outage"), [(400, False), (404, False), (308, False), (429, True), (500, True), (503, True)]
)
def test_an_answer_says_whether_the_channel_or_the_message_is_at_fault(status: int, outage: bool) -> None:
    with http_receiver(lambda _: status) as receiver, pytest.raises(NotDelivered) as refused:
        hook(receiver.url)(message())
    assert (str(refused.value), refused.value.outage) == (f"it answered {status}", outage)


def test_a_receiver_that_stalls_is_not_waited_for_for_ever() -> None:
    with http_receiver(lambda _: 0) as receiver, pytest.raises(NotDelivered) as refused:
        hook(receiver.url, timeout_s=0.2)(message())
    assert (str(refused.value), refused.value.outage) == ("it did not answer within 0.2 s", True)


def test_a_receiver_that_is_not_there_is_said_so_without_its_address() -> None:
    with pytest.raises(NotDelivered) as refused:
        hook("http://127.0.0.1:9/secret-path")(message())
    assert (str(refused.value), refused.value.outage) == ("it cannot be reached (ConnectError)", True)


def test_a_mail_says_what_why_and_whose() -> None:
    with mail_receiver() as (receiver, url):
        ByApprise("ops", url, [url])(message())
        (mail,) = receiver.wait(1)
    assert mail["subject"] == "New: release app 5.2.0 (Card form), +50 contacts, 95% sure"
    text = text_of(mail)
    assert "41% say 'card declined' (usually 2%)." in text
    assert "\u201cMy card is declined since the update\u201d" in text
    assert "Owner: payments." in text
    assert "Reference a1.1 (a repeat of this message carries the same)." in text


def test_a_mail_server_that_refuses_is_reported_without_the_address() -> None:
    with mail_receiver(refused=1) as (receiver, url):
        with pytest.raises(NotDelivered) as refused:
            ByApprise("ops", url, [url])(message())
        assert receiver.mails == []
    assert "team@" not in str(refused.value)


@pytest.mark.parametrize(
    "secret", ["slack://T0123/geheim456/B789xyz", "mailto://u:geheim456@127.0.0.1:9/?to=a@b.example"]
)
def test_secrets_are_neither_in_reasons_nor_in_logs(secret: str, everything_logged: io.StringIO) -> None:
    made = ByApprise("ops", "json://127.0.0.1:9/geheim456", [secret])
    with pytest.raises(NotDelivered) as refused:
        made(message())
    with http_receiver() as receiver:
        ByApprise("ops", receiver.url.replace("http", "json") + "/geheim456", [secret])(message())
        hook(receiver.url + "?geheim456")(message())
        receiver.wait(2)
    assert "geheim456" not in str(refused.value) + everything_logged.getvalue() + repr(made)


def test_a_channel_without_its_secret_is_refused_by_name() -> None:
    rules = routing('[channels.team-mail]\nkind = "apprise"\n')
    with pytest.raises(RoutingError) as refused:
        senders(rules, {"hook": "x", "ops": "y"})
    assert str(refused.value) == (
        "channels.team-mail has no secret; set WHENCE_CHANNELS_TEAM_MAIL_SECRET or WHENCE_CHANNELS_TEAM_MAIL_SECRET_FILE "
        "to the Apprise URL"
    )


def test_a_secret_that_apprise_does_not_know_is_refused_unseen() -> None:
    rules = routing('[channels.mail]\nkind = "apprise"\n')
    with pytest.raises(RoutingError) as refused:
        senders(rules, {"hook": "x", "ops": "y", "mail": "carrier-pigeon://loft-7"})
    assert "channels.mail: its secret is not a URL that Apprise knows" in str(refused.value)
    assert "loft" not in str(refused.value)
