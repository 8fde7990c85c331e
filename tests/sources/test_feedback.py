"""People's word: by link, by the page; what is refused, and that looking changes nothing."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import itsdangerous
import pytest
from fastapi import FastAPI, HTTPException, Request

from schemas.broker import Broker
from schemas.catalog import FEEDBACK
from schemas.codec import decode
from schemas.links import Answer, LinkRefused, read_signed, signed
from schemas.raw import Feedback
from sources.feedback import Ear, Links, create_feedback_router
from streams.embedded import embedded_broker
from streams.reader import Delivery, Place, Reader
from streams.topics import ensure_topics

SECRET = "a secret that signs links"
ANSWER = Answer(
    workspace="shop", spike="s1", verdict="confirm", cause="app 5.2.0", said="release app 5.2.0", to="payments"
)
JSON = {"Content-Type": "application/json", "X-Token": "let me in"}
WORD = {"workspace": "shop", "spike": "s1", "verdict": "reject", "cause": "app 5.2.0", "who": "Ada"}


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with embedded_broker() as one:
        ensure_topics(one)
        yield one


class Client:
    """Asks the app as a browser would."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def get(self, path: str) -> httpx.Response:
        return asyncio.run(self._ask("GET", path))

    def head(self, path: str) -> httpx.Response:
        return asyncio.run(self._ask("HEAD", path))

    def post(self, path: str, **more: Any) -> httpx.Response:
        return asyncio.run(self._ask("POST", path, **more))

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://page") as client:
            return await client.request(method, path, **more)


def guard(request: Request) -> None:
    if request.headers.get("x-token") != "let me in":
        raise HTTPException(401, "who are you")


@pytest.fixture
def page(broker: Broker) -> Client:
    def leading(workspace: str, spike: str) -> str | None:
        return "app 5.2.0" if (workspace, spike) == ("shop", "s1") else None

    app = FastAPI()
    ear = Ear(broker, workspaces=("shop",), leading=leading)
    app.include_router(create_feedback_router(ear, Links(SECRET, 7.0), guard))
    return Client(app)


def said(broker: Broker) -> list[Feedback]:
    reader = Reader(broker)
    try:
        items = [item for p in range(4) for item in reader.read({Place(FEEDBACK.name, p): 0})]
        return [decode(Feedback, item.value or b"") for item in items if isinstance(item, Delivery)]
    finally:
        reader.close()


def link(answer: Answer = ANSWER) -> str:
    return f"/feedback/{signed(answer, SECRET)}"


def test_opening_a_link_shows_a_button_and_says_nothing(page: Client, broker: Broker) -> None:
    before = said(broker)
    for ask in (page.get, page.head, page.get):
        assert ask(link()).status_code == 200
    shown = page.get(link())
    assert '<form method="post">' in shown.text
    assert "Yes, the cause is release app 5.2.0" in shown.text
    assert "Nothing is recorded until you press the button." in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert said(broker) == before


def test_the_button_says_it_with_who_and_when(page: Client, broker: Broker) -> None:
    before, now = len(said(broker)), datetime.now(UTC)
    done = page.post(link(), data={"who": "Ada", "note": "I saw it"})
    assert (done.status_code, "Recorded for Ada: Yes, the cause is release app 5.2.0" in done.text) == (200, True)
    (word,) = said(broker)[before:]
    assert (word.workspace, word.spike, word.verdict, word.cause) == ("shop", "s1", "confirm", "app 5.2.0")
    assert (word.who, word.note, word.source) == ("Ada", "I saw it", "link")
    assert abs(word.occurred_at - now) < timedelta(minutes=1)


def test_a_second_press_is_the_same_word(page: Client, broker: Broker) -> None:
    before, address = len(said(broker)), link()
    assert page.post(address, data={"who": "Bob"}).status_code == 200
    assert page.post(address, data={"who": "Bob"}).status_code == 200
    assert len(said(broker)) == before + 1


def test_somebody_has_to_say_who_they_are(page: Client, broker: Broker) -> None:
    before = said(broker)
    refused = page.post(link(), data={"who": "  "})
    assert (refused.status_code, "Please say who you are." in refused.text) == (422, True)
    assert said(broker) == before


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: "x" + t, lambda t: t.replace(".", ".x", 1), lambda _: "x"]
)
def test_a_tampered_link_is_refused(page: Client, broker: Broker, change: Any) -> None:
    before, token = said(broker), signed(ANSWER, SECRET)
    for answer in (
        page.get(f"/feedback/{change(token)}"),
        page.post(f"/feedback/{change(token)}", data={"who": "Eve"}),
    ):
        assert answer.status_code == 400
        assert "This link is not one of ours, or was changed on its way." in answer.text
    assert said(broker) == before


def test_a_link_signed_with_another_secret_is_refused(page: Client) -> None:
    assert page.get(f"/feedback/{signed(ANSWER, 'another')}").status_code == 400


def test_an_old_link_is_refused(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    token = signed(ANSWER, SECRET)
    later = itsdangerous.TimestampSigner("x").get_timestamp() + 7 * 86_400 + 1
    monkeypatch.setattr(itsdangerous.TimestampSigner, "get_timestamp", lambda _: later)
    for answer in (page.get(f"/feedback/{token}"), page.post(f"/feedback/{token}", data={"who": "Ada"})):
        assert answer.status_code == 410
        assert "This link is older than 7 days and no longer counts." in answer.text
    with pytest.raises(LinkRefused) as refused:
        read_signed(token, SECRET, days=7.0)
    assert refused.value.expired


def test_links_are_off_without_a_secret(broker: Broker) -> None:
    app = FastAPI()
    app.include_router(create_feedback_router(Ear(broker), Links("", 7.0), guard))
    answer = Client(app).get(f"/feedback/{signed(ANSWER, '')}")
    assert (answer.status_code, "Links are not switched on here" in answer.text) == (400, True)


def test_what_a_link_shows_is_escaped(page: Client) -> None:
    sly = Answer(workspace="shop", spike="<script>1</script>", verdict="confirm", cause="x", said="<img src=x>")
    shown = page.get(link(sly)).text
    assert "<script>" not in shown
    assert "<img" not in shown
    assert html.unescape(re.findall(r"<h1>(.*)</h1>", shown)[0]) == "Yes, the cause is <img src=x>"


def test_the_page_says_it_as_json(page: Client, broker: Broker) -> None:
    before = len(said(broker))
    answer = page.post("/api/feedback", json=WORD, headers=JSON)
    assert (answer.status_code, answer.json()["cause"]) == (202, "app 5.2.0")
    (word,) = said(broker)[before:]
    assert (word.event_id, word.who, word.source) == (answer.json()["accepted"], "Ada", "page")


def test_without_a_cause_the_likeliest_is_meant(page: Client) -> None:
    asked = {**WORD, "cause": ""}
    assert page.post("/api/feedback", json=asked, headers=JSON).json()["cause"] == "app 5.2.0"
    own = page.post("/api/feedback", json={**asked, "verdict": "own", "spike": "s9"}, headers=JSON)
    assert (own.status_code, own.json()["cause"]) == (202, "")


@pytest.mark.parametrize(
    ("word", "status", "sentence"),
    [
        ({**WORD, "cause": "", "spike": "s9"}, 404, "There is no attributed spike 's9' in shop."),
        ({**WORD, "workspace": "other"}, 404, "There is no workspace 'other' here."),
        ({**WORD, "cause": "", "verdict": "reassign"}, 422, "To reassign a spike, name its cause: a change's key, unknown or measurement."),
        ({**WORD, "verdict": "shout"}, 400, "This is not a word on a spike: Invalid enum value 'shout' - at `$.verdict`"),
        ({**WORD, "who": ""}, 400, "This is not a word on a spike: Expected `str` of length >= 1 - at `$.who`"),
        ({**WORD, "more": 1}, 400, "This is not a word on a spike: Object contains unknown field `more`"),
        ({**WORD, "note": "x" * 30_000}, 413, "This is longer than 20,000 bytes."),
    ],
)  # fmt: skip
def test_words_that_cannot_be_taken(page: Client, word: dict[str, str], status: int, sentence: str) -> None:
    answer = page.post("/api/feedback", json=word, headers=JSON)
    assert (answer.status_code, answer.json()["error"]) == (status, sentence)


def test_strangers_and_other_sites_are_refused(page: Client, broker: Broker) -> None:
    before = said(broker)
    assert page.post("/api/feedback", json=WORD).status_code == 401
    form = page.post("/api/feedback", data=WORD, headers={"X-Token": "let me in"})
    assert (form.status_code, form.json()["error"]) == (415, "Send application/json.")
    other = page.post("/api/feedback", json=WORD, headers={**JSON, "Sec-Fetch-Site": "cross-site"})
    assert (other.status_code, other.json()["error"]) == (403, "This comes from another site.")
    assert said(broker) == before
