"""A batch into a real store: all of it lands, what cannot is singled out, and nothing is seen twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from clickhouse_connect.driver.client import Client
from msgspec.structs import replace

from schemas.base import Sequenced
from schemas.catalog import BY_NAME, CONTACTS, EXPECTATIONS, SPIKES, STAGE_TOPICS, Topic
from schemas.codec import encode
from schemas.contact import Contact
from schemas.raw import Turn
from schemas.spike import Spike
from sinks.batch import Batch
from sinks.batch import store as store_batch
from sinks.insert import ContentError, single_out
from sinks.letters import LARGEST_ORIGINAL, Message, letter
from sinks.store import StoreSettings
from sinks.tables import VIEWS
from tests.sinks.examples import examples

AT = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)


def contact(workspace: str, number: int, **changed: object) -> Contact:
    plain: dict[str, object] = {
        "event_id": f"e{number}", "workspace": workspace, "occurred_at": AT + timedelta(seconds=number),
        "source": "desk", "contact": f"c{number}", "channel": "ticket", "ingested_at": AT + timedelta(seconds=number + 1),
        "counted": True,
    }  # fmt: skip
    return Contact(**{**plain, **changed})  # type: ignore[arg-type]


def batch(topic: Topic, values: list[bytes], *, written_ms: int = 1_000) -> Batch:
    messages = [Message(0, offset, written_ms, value) for offset, value in enumerate(values)]
    return Batch(messages={topic.name: messages}, count=len(values))


def count(client: Client, view: str, workspace: str) -> int:
    asked = client.query(f"SELECT count() FROM {view} WHERE workspace = {{w:String}}", parameters={"w": workspace})
    return int(asked.result_rows[0][0])


def test_every_example_of_every_topic_lands_and_again_changes_nothing(client: Client, store: StoreSettings) -> None:
    def views() -> dict[str, list[str]]:
        found = {}
        for view in VIEWS:
            rows = client.query(f"SELECT * FROM {view.name} WHERE workspace IN ('acme', '')").result_rows
            found[view.name] = sorted(map(repr, rows))
        return found

    for _ in range(2):
        for topic in STAGE_TOPICS:
            assert put(client, store, topic, [encode(one) for one in examples(topic)]) == []
        before = views()
    assert before == views()
    assert all(found for name, found in before.items() if name != "hunches_now"), before


def put(
    client: Client, settings: StoreSettings, topic: Topic, values: list[bytes], *, written_ms: int = 1_000
) -> list[str]:
    return [one.letter_id for one in store_batch(client, settings, batch(topic, values, written_ms=written_ms))]


def test_a_contact_comes_back_as_it_was(client: Client, store: StoreSettings, workspace: str) -> None:
    one = contact(
        workspace, 1, product="app", version="5.2", text='say "hi"\n\u00fc\u4e16', tags=("a", "b"), exposed={"r1": "control"},
        turns=(Turn(who="customer", text="hello"),), score=3.5, scale_max=10.0, kind="nps", handle_s=12.5,
        transfers=2, extra={"plan": {"tier": "gold"}, "n": 1},
    )  # fmt: skip
    put(client, store, CONTACTS, [encode(one)])
    row = client.query("SELECT * FROM contacts_all WHERE workspace = {w:String}", parameters={"w": workspace})
    (found,) = row.named_results()
    plain = {name: getattr(one, name) for name in one.__struct_fields__}
    for name in ("turns", "extra"):
        assert msgspec.json.decode(found.pop(name)) == msgspec.json.decode(msgspec.json.encode(plain.pop(name)))
    assert (found.pop("tags"), found.pop("ended")) == (list(plain.pop("tags")), plain.pop("ended") or "")
    assert found == plain


def test_a_field_that_one_contact_in_a_thousand_has_lands(client: Client, store: StoreSettings, workspace: str) -> None:
    many = [contact(workspace, n, **({"handle_s": 90.5, "status": "solved"} if n == 777 else {})) for n in range(1_000)]
    assert put(client, store, CONTACTS, [encode(one) for one in many]) == []
    asked = (
        "SELECT count(), countIf(handle_s = 90.5 AND status = 'solved') FROM contacts_all WHERE workspace = {w:String}"
    )
    assert client.query(asked, parameters={"w": workspace}).result_rows == [(1_000, 1)]


def test_a_contact_stored_twice_is_seen_once(client: Client, store: StoreSettings, workspace: str) -> None:
    values = [encode(contact(workspace, number)) for number in range(100)]
    put(client, store, CONTACTS, values)
    put(client, store, CONTACTS, values[50:])
    assert 100 <= count(client, "contacts", workspace) <= 150  # 150 rows, until the engine merges them in its own time
    assert count(client, "contacts_all", workspace) == count(client, "contacts_now", workspace) == 100


def test_a_counted_contact_stays_counted_when_a_replay_brings_it_late(
    client: Client, store: StoreSettings, workspace: str
) -> None:
    late = contact(workspace, 1, counted=False, late=True, ingested_at=AT + timedelta(days=300))
    put(client, store, CONTACTS, [encode(contact(workspace, 1))])
    put(client, store, CONTACTS, [encode(late)])
    asked = client.query("SELECT counted FROM contacts_all WHERE workspace = {w:String}", parameters={"w": workspace})
    assert asked.result_rows == [(True,)]


def test_an_update_is_an_event_but_no_contact(client: Client, store: StoreSettings, workspace: str) -> None:
    update = contact(workspace, 2, event="updated", contact="c1", status="solved")
    put(client, store, CONTACTS, [encode(contact(workspace, 1)), encode(update)])
    assert count(client, "contacts_all", workspace) == 2
    assert count(client, "contacts_now", workspace) == 1


BAD_CONTACTS = {
    "not json": b"{nonsense}",
    "cut short": b'{"event_id":"x","workspace":"w',
    "empty": b"",
    "a list": b"[1,2]",
    "nothing in it": b"{}",
    "wrong type": b'{"event_id":"x","workspace":"w","occurred_at":"yesterday","source":"s","contact":"c","channel":"t","ingested_at":"2026-01-01T00:00:00Z"}',
    "no contact": b'{"event_id":"x","workspace":"w","occurred_at":"2026-01-01T00:00:00Z","source":"s","contact":"","channel":"t","ingested_at":"2026-01-01T00:00:00Z"}',
    "not utf-8": b'{"event_id":"\xff","workspace":"w","occurred_at":"never"}',
}


@pytest.mark.parametrize("bad", BAD_CONTACTS.values(), ids=BAD_CONTACTS.keys())
def test_one_bad_contact_is_named_and_the_others_land(
    client: Client, store: StoreSettings, workspace: str, bad: bytes
) -> None:
    values = [encode(contact(workspace, number)) for number in range(20)]
    assert put(client, store, CONTACTS, [*values[:7], bad, *values[7:]]) == ["contacts/0/7"]
    assert count(client, "contacts", workspace) == 20


def spike(workspace: str, revision: int, **changed: object) -> Spike:
    first = examples(SPIKES)[0]
    assert isinstance(first, Spike)
    return replace(first, workspace=workspace, revision=revision, seq=revision, **changed)


def test_the_last_revision_written_is_the_spike_now(client: Client, store: StoreSettings, workspace: str) -> None:
    put(client, store, SPIKES, [encode(spike(workspace, n, observed=n * 10)) for n in (1, 2, 3)])
    asked = "SELECT revision, observed FROM spikes_now WHERE workspace = {w:String}"
    assert client.query(asked, parameters={"w": workspace}).result_rows == [(3, 30)]
    assert count(client, "spikes_all", workspace) == 3


def test_a_replay_that_begins_again_replaces_what_was(client: Client, store: StoreSettings, workspace: str) -> None:
    put(client, store, SPIKES, [encode(spike(workspace, n)) for n in (1, 2, 3)])
    put(client, store, SPIKES, [encode(spike(workspace, n, observed=77)) for n in (1, 2)], written_ms=2_000)
    asked = "SELECT revision, observed FROM spikes_now WHERE workspace = {w:String}"
    assert client.query(asked, parameters={"w": workspace}).result_rows == [(2, 77)]


def test_a_number_beyond_its_column_is_a_dead_letter_and_the_rest_lands(
    client: Client, store: StoreSettings, workspace: str
) -> None:
    values = [encode(spike(workspace, n)) for n in (1, 2, 3)] + [encode(spike(workspace, 4, window_s=2**40))]
    assert put(client, store, SPIKES, values) == ["spikes/0/3"]
    assert count(client, "spikes_all", workspace) == 3


@pytest.mark.parametrize(
    "topic", [topic for topic in STAGE_TOPICS if topic is not CONTACTS], ids=lambda topic: topic.name
)
def test_a_record_that_cannot_be_read_is_named(client: Client, store: StoreSettings, topic: Topic) -> None:
    letters = store_batch(client, store, batch(topic, [b'{"x":1}', b"\x00"]))
    assert [(one.letter_id, one.stage, one.topic, one.original) for one in letters] == [
        (f"{topic.name}/0/0", "sink", topic.name, b'{"x":1}'),
        (f"{topic.name}/0/1", "sink", topic.name, b"\x00"),
    ]
    assert [one.reason for one in letters] == ["missing_field", "not_json"]


def test_a_letter_names_the_field_and_fits_into_a_message() -> None:
    record = examples(EXPECTATIONS)[0]
    assert isinstance(record, Sequenced)
    value = encode(record).replace(b'"seq":', b'"seq":"x","seq_":')
    with pytest.raises(msgspec.ValidationError) as wrong:
        msgspec.json.decode(value, type=EXPECTATIONS.type)
    large = letter(BY_NAME["spikes"], Message(1, 2, 3, b"x" * 2_000_000), wrong.value)
    assert (large.field, large.reason) == ("seq", "wrong_type")
    assert len(large.original) == LARGEST_ORIGINAL
    assert replace(large, original=b"") == letter(BY_NAME["spikes"], Message(1, 2, 3, b""), wrong.value)


def test_singling_out_inserts_every_good_item_once() -> None:
    inserted: list[int] = []

    def insert(items: object) -> None:
        assert isinstance(items, list)
        if {3, 11} & set(items):
            raise ContentError("bad")
        inserted.extend(items)

    assert [item for item, _ in single_out(list(range(16)), insert)] == [3, 11]
    assert sorted(inserted) == [n for n in range(16) if n not in (3, 11)]
