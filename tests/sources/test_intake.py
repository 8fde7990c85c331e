from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from fastapi import FastAPI

from schemas.broker import Broker, client_config
from sources.intake import IntakeSettings, create_router
from streams.embedded import embedded_broker
from streams.topics import ensure_topics

TOKEN = "a-secret-of-the-tests"
AUTH = {"Authorization": f"Bearer {TOKEN}"}


class Client:
    """Posts to an app without a server, as a sender would over HTTP."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def post(self, path: str, **request: Any) -> httpx.Response:
        return asyncio.run(self._post(path, request))

    async def _post(self, path: str, request: dict[str, Any]) -> httpx.Response:
        headers = AUTH | request.pop("headers", {})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://door") as client:
            return await client.post(path, headers=headers, **request)


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with embedded_broker() as one:
        ensure_topics(one)
        yield one


@pytest.fixture(scope="module")
def door(broker: Broker) -> Client:
    app = FastAPI()
    settings = IntakeSettings(max_bytes=200_000, max_event_bytes=50_000, max_events=10)
    app.include_router(create_router(broker, TOKEN, workspaces=("shop",), settings=settings))
    return Client(app)


def ticket(number: int, **more: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "workspace": "shop",
        "occurred_at": "2026-03-01T09:30:00Z",
        "source": "test",
        "contact": f"T-{number}",
        "customer": "jo",
        **more,
    }


def everything_on(broker: Broker, topic: str) -> list[tuple[bytes, dict[str, Any]]]:
    consumer = Consumer(client_config(broker, group_id="test", auto_offset_reset="earliest", enable_partition_eof=True))
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(4)])
    found, ended = [], 0
    while ended < 4:
        message = consumer.poll(60.0)
        assert message is not None
        error = message.error()
        if error is not None:
            ended += error.code() == KafkaError._PARTITION_EOF
        else:
            found.append((message.key(), json.loads(message.value() or b"")))
    consumer.close()
    return found  # type: ignore[return-value]


def test_accepted_event_is_on_the_broker_with_its_unknown_fields(door: Client, broker: Broker) -> None:
    answer = door.post("/v1/events/tickets", json=ticket(1, mood="sour"))
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
    assert (b"shop/jo", ticket(1, mood="sour")) in everything_on(broker, "tickets")


def test_array_and_lines_are_taken_whole(door: Client, broker: Broker) -> None:
    assert door.post("/v1/events/chats", json=[ticket(1), ticket(2)]).json() == {"accepted": 2}
    lines = "\n".join(json.dumps(ticket(number)) for number in (3, 4, 5)) + "\n\n"
    answer = door.post("/v1/events/chats", content=lines, headers={"Content-Type": "application/x-ndjson"})
    assert answer.json() == {"accepted": 3}
    assert {value["event_id"] for _, value in everything_on(broker, "chats")} == {"e1", "e2", "e3", "e4", "e5"}


@pytest.mark.parametrize("header", [{"Authorization": ""}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}])
def test_without_the_token_nothing_is_read(door: Client, header: dict[str, str]) -> None:
    answer = door.post("/v1/events/tickets", content=b"no json", headers=header)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "send Authorization: Bearer and the intake token" in answer.json()["error"]


def test_no_token_is_no_door(broker: Broker) -> None:
    with pytest.raises(ValueError, match="the intake token is empty; allowed is a secret that senders show"):
        create_router(broker, "")


def test_unknown_topic_names_those_there_are(door: Client) -> None:
    answer = door.post("/v1/events/ticket", json=ticket(1))
    assert answer.status_code == 404
    assert answer.json()["error"].startswith("There is no topic 'ticket'; allowed is one of tickets, chats, surveys,")


def test_other_content_is_refused(door: Client) -> None:
    answer = door.post("/v1/events/tickets", content=b"<x/>", headers={"Content-Type": "text/xml"})
    assert answer.status_code == 415
    assert (
        answer.json()["error"] == "The content type is text/xml; allowed is application/json or application/x-ndjson."
    )


def test_a_packed_body_is_refused_rather_than_called_no_json(door: Client) -> None:
    packed = gzip.compress(json.dumps(ticket(1)).encode())
    answer = door.post("/v1/events/tickets", content=packed, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["error"]) == (
        415,
        "The content encoding is gzip; allowed is none: send the body as it is.",
    )
    assert door.post("/v1/events/tickets", json=ticket(1), headers={"Content-Encoding": "identity"}).status_code == 202


@pytest.mark.parametrize(
    ("body", "reason", "field", "message"),
    [
        (b"{not json", "not_json", "", "the message was {not json; allowed is a JSON object"),
        (b'{"event_id": "\xff"}', "not_utf8", "", "allowed is a JSON object"),
        (
            json.dumps({**ticket(1), "event_id": 7}).encode(),
            "wrong_type",
            "event_id",
            "event_id was 7; allowed is text",
        ),
        (
            json.dumps({**ticket(1), "event": "shut"}).encode(),
            "unknown_value",
            "event",
            "event was shut; allowed is opened, updated",
        ),
        (
            json.dumps({name: value for name, value in ticket(1).items() if name != "contact"}).encode(),
            "missing_field",
            "contact",
            "contact was missing; allowed is a value in every event",
        ),
        (
            json.dumps(ticket(1, occurred_at="1999-12-31T23:59:59Z")).encode(),
            "bad_time",
            "occurred_at",
            "occurred_at was 1999-12-31T23:59:59+00:00; allowed is a time from 2000-01-01 to",
        ),
        (
            json.dumps(ticket(1, occurred_at=(datetime.now(UTC) + timedelta(days=2)).isoformat())).encode(),
            "bad_time",
            "occurred_at",
            "allowed is a time from 2000-01-01 to",
        ),
        (
            json.dumps(ticket(1, occurred_at="2026-03-01T09:30:00")).encode(),
            "bad_time",
            "occurred_at",
            "allowed is a time with its zone, such as 2026-03-01T09:30:00Z",
        ),
        (json.dumps(ticket(1, schema_version=2)).encode(), "schema_version", "schema_version", "allowed is 1"),
        (
            json.dumps(ticket(1, workspace="else")).encode(),
            "unknown_workspace",
            "workspace",
            "workspace was else; allowed is a workspace of the settings",
        ),
        (
            json.dumps(ticket(1, handle_s=-1)).encode(),
            "bad_value",
            "handle_s",
            "handle_s was -1; allowed is a number >= 0.0",
        ),
        (json.dumps(ticket(1, text="x" * 60_000)).encode(), "too_large", "", "allowed is at most 50,000 bytes"),
        (b'{"zzz":' + b"[" * 50_000 + b"]" * 40_000, "too_large", "", "90,007 bytes"),
        (b'{"zzz":' + b"[" * 20_000 + b"]" * 20_000 + b"}", "too_deep", "", "nested too deeply"),
        (b'{"score": NaN}', "bad_number", "score", "score was nan; allowed is a finite number"),
        (b'{"score": 1e999}', "bad_number", "score", "score was inf; allowed is a finite number"),
        (json.dumps(ticket(1, handle_s="X")).replace('"X"', "1e999").encode(), "bad_number", "handle_s", "was inf"),
        (b'{"event_id": ' + b"9" * 6_000 + b"}", "not_json", "", "Integer value out of range"),
        (json.dumps(ticket(1, contact="")).encode(), "bad_value", "contact", "contact was empty; allowed is text of"),
        (b"", "not_json", "", "the message was empty; allowed is a JSON object"),
    ],
)
def test_refused_event_names_field_value_and_what_is_allowed(
    door: Client, body: bytes, reason: str, field: str, message: str
) -> None:
    answer = door.post("/v1/events/tickets", content=body)
    assert answer.status_code == 400
    (told,) = answer.json()["events"]
    assert (told["number"], told["reason"], told["field"]) == (0, reason, field)
    assert message in told["message"]


def test_score_off_its_scale_is_refused(door: Client) -> None:
    survey = {name: ticket(1)[name] for name in ("event_id", "workspace", "occurred_at", "source")}
    answer = door.post("/v1/events/surveys", json={**survey, "kind": "csat", "score": 6, "scale_max": 5})
    assert answer.json()["events"][0]["message"] == "score was 6; allowed is 0 to 5"


def test_one_bad_event_holds_back_its_request_and_is_counted(door: Client, broker: Broker) -> None:
    answer = door.post("/v1/events/signals", json=[{**ticket(1)}, {"event_id": "x"}])
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("1 event(s) refused, nothing was taken; number 1: workspace was missing")
    assert everything_on(broker, "signals") == []


def test_too_much_at_once_is_refused(door: Client) -> None:
    many = door.post("/v1/events/tickets", json=[ticket(number) for number in range(11)])
    assert (many.status_code, many.json()["error"]) == (413, "The request holds 11 events; allowed are 1 to 10.")
    large = door.post("/v1/events/tickets", content=b" " * 200_001)
    assert (large.status_code, large.json()["error"]) == (
        413,
        "The body is larger than 200,000 bytes; send fewer events at a time.",
    )
    none = door.post("/v1/events/tickets", json=[])
    assert (none.status_code, none.json()["error"]) == (400, "The request holds 0 events; allowed are 1 to 10.")


def test_a_body_without_stated_length_is_cut_off_too(door: Client) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b" " * 50_000

    answer = door.post("/v1/events/tickets", content=pieces())
    assert answer.status_code == 413


def cloud(**more: Any) -> dict[str, Any]:
    data = {"workspace": "shop", "contact": "T-9", "customer": "ann", "text": "late"}
    return {
        "specversion": "1.0",
        "id": "ce-1",
        "source": "/desk",
        "type": "com.example.tickets.v1",
        "time": "2026-03-01T10:00:00Z",
        "data": data,
        **more,
    }


def test_structured_cloud_event_is_mapped(door: Client, broker: Broker) -> None:
    kind = {"Content-Type": "application/cloudevents+json"}
    assert door.post("/v1/cloudevents", content=json.dumps(cloud()), headers=kind).status_code == 202
    key, value = next(pair for pair in everything_on(broker, "tickets") if pair[1]["event_id"] == "ce-1")
    assert key == b"shop/ann"
    assert value == {
        "event_id": "ce-1",
        "workspace": "shop",
        "occurred_at": "2026-03-01T10:00:00Z",
        "source": "/desk",
        "contact": "T-9",
        "customer": "ann",
        "text": "late",
    }


def test_binary_cloud_event_is_mapped(door: Client, broker: Broker) -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "ce-2",
        "ce-source": "desk",
        "ce-type": "tickets",
        "ce-time": "2026-03-01T11:00:00+01:00",
        "ce-workspace": "shop",
        "Content-Type": "application/json",
    }
    assert door.post("/v1/cloudevents", json={"contact": "T-10"}, headers=headers).json() == {"accepted": 1}
    value = next(value for _, value in everything_on(broker, "tickets") if value["event_id"] == "ce-2")
    assert (value["workspace"], value["source"]) == ("shop", "desk")
    assert datetime.fromisoformat(value["occurred_at"]) == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_batch_of_cloud_events_may_mix_topics(door: Client) -> None:
    batch = [cloud(id="ce-3"), cloud(id="ce-4", type="whence.chats")]
    kind = {"Content-Type": "application/cloudevents-batch+json"}
    assert door.post("/v1/cloudevents", content=json.dumps(batch), headers=kind).json() == {"accepted": 2}


@pytest.mark.parametrize(
    ("event", "field", "message"),
    [
        (cloud(type="com.example.things"), "type", "allowed is a type with one of tickets, chats,"),
        (cloud(data=[1]), "data", "data was list; allowed is a JSON object with the fields of tickets"),
        (cloud(id=""), "id", "an attribute as CloudEvents 1.0 has it"),
        (
            {name: value for name, value in cloud().items() if name != "id"},
            "id",
            "id was missing; allowed is a value in every CloudEvent",
        ),
        (cloud(time="soon"), "", "allowed is a CloudEvent 1.0"),
        ({name: value for name, value in cloud().items() if name != "time"}, "occurred_at", "occurred_at was missing"),
        ([1], "", "allowed is a CloudEvent 1.0"),
    ],
)
def test_broken_cloud_event_says_what_is_wrong(door: Client, event: object, field: str, message: str) -> None:
    answer = door.post(
        "/v1/cloudevents", content=json.dumps(event), headers={"Content-Type": "application/cloudevents+json"}
    )
    assert answer.status_code == 400
    told = answer.json()["events"][0]
    assert told["field"] == field
    assert message in told["message"]


def test_plain_json_is_no_cloud_event(door: Client) -> None:
    answer = door.post("/v1/cloudevents", json=cloud())
    assert answer.status_code == 415
    assert "there are no ce- headers; allowed is application/cloudevents+json" in answer.json()["error"]


def test_broker_away_is_told_with_when_to_try_again() -> None:
    app = FastAPI()
    settings = IntakeSettings(wait_s=0.4)
    app.include_router(create_router(Broker(servers="127.0.0.1:1"), TOKEN, settings=settings))
    answer = Client(app).post("/v1/events/tickets", json=ticket(1))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["error"].startswith("the Kafka broker at 127.0.0.1:1 did not take the events (")
    assert "Send the same request again" in answer.json()["remedy"]
