"""``whence campaign`` on files and on a store."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from schemas import catalog
from schemas.attribution import Impact
from schemas.codec import encode
from schemas.contact import Contact
from schemas.raw import Turn
from schemas.spike import Expectation
from schemas.timeline import Change, TimelineEntry
from sinks.insert import insert_contacts, insert_rows
from sinks.migrate import migrate
from sinks.rows import Row, rows
from sinks.store import StoreSettings, connect
from sinks.tables import TABLE
from whence import commands
from whence.campaign import plans_of
from whence.errors import DataRefused

START = datetime(2026, 6, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def store(store_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: Any) -> Iterator[StoreSettings]:
    monkeypatch.chdir(tmp_path)
    database = f"campaign_{abs(hash(request.node.name))}"
    monkeypatch.setenv("WHENCE_STORE_PATH", str(store_folder))
    monkeypatch.setenv("WHENCE_STORE_DATABASE", database)
    settings = StoreSettings(path=str(store_folder), database=database)
    migrate(connect(settings))
    yield settings
    structlog.reset_defaults()
    logging.basicConfig(force=True, handlers=[])


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = commands.run_command(arguments)
    told = capsys.readouterr()
    return code, told.out, told.err


def change(key: str = "sale", **more: Any) -> tuple[catalog.Topic, TimelineEntry]:
    given: dict[str, Any] = {
        "key": key, "kind": "promotion", "starts_at": START, "ends_at": START + 48 * HOUR, "available_at": START,
        "recorded_at": START - 24 * HOUR, "title": "Summer sale", "owner": "growth", "claims": ("free returns always",),
        "expected_contacts": 20, "support_briefed_at": START - 72 * HOUR, "macro": "M-1", "article": "A-1",
    }  # fmt: skip
    entry = TimelineEntry(workspace="main", origin="promotions/0", seq=1, inputs=("promotions/0",), until=START,
                          event_id=f"p-{key}", change=Change(**{**given, **more}))  # fmt: skip
    return catalog.TIMELINE, entry


def judged(until: datetime) -> tuple[catalog.Topic, Expectation]:
    return catalog.EXPECTATIONS, Expectation(
        workspace="main", origin="contacts", seq=1, stream="contacts", bucket_start=until - HOUR, bucket_s=3600,
        until=until, spike_seq=0,
    )  # fmt: skip


def impact(key: str, contacts: float, hours: float) -> tuple[catalog.Topic, Impact]:
    return catalog.IMPACTS, Impact(
        workspace="main", origin="impact", seq=1, impact_id=f"i-{key}", revision=1, as_of=START, state="open",
        kind="promotion", key=key, probability=0.9, spikes=("s1",), first=START, last=START + HOUR, contacts=contacts,
        contacts_low=contacts - 10, contacts_high=contacts + 10, hours=hours,
    )  # fmt: skip


def contact(number: int, text: str, agent: str) -> Contact:
    at = START + number * timedelta(minutes=5)
    return Contact(
        event_id=f"c{number}", workspace="main", occurred_at=at, ingested_at=at, source="test", contact=f"c{number}",
        channel="ticket", team="chat", text=text, counted=True, turns=(Turn(who="customer", text=text), Turn(who="agent", text=agent)),
    )  # fmt: skip


def fill(settings: StoreSettings, *records: Any, contacts: tuple[Contact, ...] = ()) -> None:
    client = connect(settings)
    by_table: dict[str, list[Row]] = defaultdict(list)
    for version, (topic, record) in enumerate(records, start=1):
        for table, row in rows(topic, record, version):
            by_table[table].append(row)
    for table, found in by_table.items():
        insert_rows(client, settings, TABLE[table], found)
    if contacts:
        insert_contacts(client, settings, [encode(one) for one in contacts])


def test_during_a_campaign_contacts_promises_and_agents_are_told(
    store: StoreSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = tuple(
        contact(n, "You said free returns always, and now I pay?", "I have no information about this offer." if n < 3 else "Let me see.")
        for n in range(6)
    )  # fmt: skip
    earlier = change("old", starts_at=START - 900 * HOUR, title="Winter sale")
    fill(
        store,
        change(),
        earlier,
        impact("sale", 60.0, 6.0),
        impact("old", 40.0, 4.0),
        judged(START + 24 * HOUR),
        contacts=talk,
    )
    code, out, err = _run(capsys, "campaign", "sale")
    assert (code, err) == (1, "whence: 1 of 1 campaign(s) need somebody's attention: sale\n")
    assert (
        "It brought +60 contacts (+50 to +70), about 6 hours of work: more than planned. Support was told in time."
        in out
    )
    assert "Customers write about what it promised. Some agents knew nothing of it." in out
    assert "where 20 were planned: more than planned." in out
    assert "The last 1 brought 40 on average." in out
    assert (
        "The promise \u201cfree returns always\u201d comes back: 6 contacts name it, 0 in the two weeks before." in out
    )
    assert (
        "In 3 of 6 conversations an agent knew nothing of it, most in chat (3): \u201cI have no information about this offer.\u201d"
        in out
    )


def test_before_a_campaign_what_is_missing_is_told_as_data(
    store: StoreSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(store, change(macro="", support_briefed_at=None), judged(START - 24 * HOUR))
    code, out, _ = _run(capsys, "campaign", "Summer sale", "--json")
    (found,) = json.loads(out)
    assert (code, found["phase"]) == (1, "before")
    assert [point["what"] for point in found["points"] if point["fine"] is False] == ["briefing", "macro"]


def test_a_campaign_without_fault_ends_with_nought(store: StoreSettings, capsys: pytest.CaptureFixture[str]) -> None:
    fill(store, change(), judged(START - 24 * HOUR))
    code, out, err = _run(capsys, "campaign", "sale")
    assert (code, err) == (0, "")
    assert "starts in 1 day, on Monday 1 June 2026, 08:00 UTC. Support is ready for it." in out


def test_what_is_no_campaign_is_refused(store: StoreSettings, capsys: pytest.CaptureFixture[str]) -> None:
    fill(store, change("app 2.0", kind="release"))
    assert _run(capsys, "campaign", "nonsense")[::2] == (
        4, "whence: The store knows no campaign 'nonsense'; name a file, or its key as it is in the marketing tool\n",
    )  # fmt: skip
    assert _run(capsys, "campaign", "app 2.0")[::2] == (
        4, "whence: app 2.0 is a release, not a promotion; see whence impact app 2.0\n",
    )  # fmt: skip


PLAN = {"change": "sale", "starts_at": "2030-06-01T08:00:00Z", "title": "Summer sale"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("one.json", json.dumps(PLAN)),
        ("list.json", json.dumps([PLAN])),
        ("lines.jsonl", json.dumps(PLAN) + "\n"),
        ("one.toml", 'change = "sale"\nstarts_at = 2030-06-01T08:00:00Z\ntitle = "Summer sale"\n'),
        ("list.toml", '[[promotions]]\nchange = "sale"\nstarts_at = 2030-06-01T08:00:00Z\ntitle = "Summer sale"\n'),
    ],
)
def test_files_are_read(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    (plan,) = plans_of(path)
    assert (plan.key, plan.name, plan.starts_at.year) == ("sale", "Summer sale (sale)", 2030)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "cannot be read: Expecting property name"),
        ("[1]", "campaign 1: it is no object with fields"),
        (json.dumps({**PLAN, "colour": 1}), "campaign 1: colour is no field of a promotion; see docs/contracts/promotions.schema.json"),
        (json.dumps({"change": "sale"}), "campaign 1: Object missing required field `starts_at`"),
        (json.dumps({**PLAN, "starts_at": "2030-06-01"}), "campaign 1: Invalid RFC3339 encoded datetime - at `$.starts_at`"),
    ],
)  # fmt: skip
def test_files_that_are_no_campaigns_are_refused(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "plans.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataRefused) as refused:
        plans_of(path)
    assert sentence in str(refused.value)


def test_a_file_is_checked_by_what_earlier_campaigns_were(
    store: StoreSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(store, change("old"), impact("old", 40.0, 4.0))
    Path("plan.json").write_text(json.dumps({**PLAN, "expected_contacts": 50}), encoding="utf-8")
    code, out, _ = _run(capsys, "campaign", "plan.json")
    assert code == 1
    assert "It is expected to bring 50 more contacts, about 5 hours of work. The last 1 brought 40 on average." in out
    assert "Support has not been told" in out
