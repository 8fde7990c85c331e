"""``whence impact`` on a folder and on the store: the same numbers, and what it says when it cannot."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog

from schemas.catalog import FRAMES, TIMELINE, Topic
from schemas.codec import encode
from schemas.frame import Frame
from schemas.timeline import TimelineEntry
from sinks.batch import Batch
from sinks.batch import store as store_batch
from sinks.letters import Message
from sinks.migrate import migrate
from sinks.store import StoreSettings, connect
from whence import commands
from whence.daily import _Counting
from whence.input import events_of, mapping_of
from whence.settings import load_settings

START = datetime(2026, 1, 1, tzinfo=UTC)
LAUNCH = START + timedelta(days=42, hours=9)
MAPPING = """
[workspace]
name = "shop"
bucket_s = 3600
lateness_s = 0
dimensions = ["product", "platform"]
[[files]]
glob = "questions.csv"
topic = "tickets"
[files.fields]
event_id = "id"
contact = "id"
occurred_at = "at"
product = "product"
platform = "platform"
[[files]]
glob = "releases.csv"
topic = "releases"
[files.fields]
event_id = "change"
change = "change"
occurred_at = "at"
released_at = "at"
product = "product"
version = "version"
title = "title"
owner = "owner"
"""


def _exports(folder: Path) -> Path:
    """Eight weeks of 3 contacts an hour on app and 3 on web; from the launch on 2 an hour more on the app."""
    folder.mkdir()
    (folder / "mapping.toml").write_text(MAPPING)
    rng = np.random.default_rng(1)
    lines = ["id,at,product,platform"]
    for hour in range(56 * 24):
        at = START + timedelta(hours=hour)
        for product in ("app", "web"):
            count = rng.poisson(3) + (rng.poisson(2) if product == "app" and at >= LAUNCH else 0)
            lines += [
                f"{len(lines) + i},{at.isoformat()},{product},{'ios' if i % 2 else 'android'}" for i in range(count)
            ]
    (folder / "questions.csv").write_text("\n".join(lines) + "\n")
    (folder / "releases.csv").write_text(
        "change,at,product,version,title,owner\n"
        f"r1,{LAUNCH.isoformat()},app,5.2.0,app 5.2.0,payments\n"
        f"r2,{(LAUNCH + timedelta(days=1)).isoformat()},app,5.2.1,app 5.2.1,payments\n"
        f"r3,{START.isoformat()},web,1.0,web 1.0,web\n"
    )
    return folder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("WHENCE_")]:
        monkeypatch.delenv(name)
    yield
    structlog.reset_defaults()
    logging.basicConfig(force=True, handlers=[])


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    return _exports(tmp_path / "exports")


def _impact(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = commands.run_command(["impact", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def _folder(folder: Path) -> tuple[str, ...]:
    return ("--folder", str(folder), "-m", str(folder / "mapping.toml"))


def test_a_release_that_costs_two_contacts_an_hour_is_found_where_it_acts(
    capsys: pytest.CaptureFixture[str], exports: Path
) -> None:
    code, out, _ = _impact(capsys, "app 5.2.0", *_folder(exports), "--days", "10", "--json")
    cost = json.loads(out)
    assert code == 0
    assert cost["scope"] == {"product": ["app"]}
    assert 0 < cost["low"] < 2 * 24 * 10 < cost["high"]
    assert len(cost["by_day"]) == cost["days"] == 10
    assert [one["days"] for one in cost["by_span"]] == [1, 3, 7]
    assert {one["slice"] for one in cost["by_slice"]} == {"platform=android", "platform=ios"}
    assert cost["others"] == ["release app 5.2.1 (2026-02-13)"]
    assert cost["sentence"].startswith("Release app 5.2.0 (payments): +")


def test_it_reads_well(capsys: pytest.CaptureFixture[str], exports: Path) -> None:
    code, out, err = _impact(capsys, "r1", *_folder(exports), "--days", "3")
    assert code == 0
    assert "Release app 5.2.0 (payments): +" in out
    assert "By day" in out
    assert "Counted: product app. 42 days of history" in err
    assert "part of this may be theirs: release app 5.2.1 (2026-02-13)" in err


def test_the_store_says_the_same_as_the_folder(
    capsys: pytest.CaptureFixture[str], exports: Path, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = "impact_same"
    store = StoreSettings(path=str(store_folder), database=database)
    line = _Kept(mapping_of(exports / "mapping.toml").workspace, load_settings(None).admit)
    line.run(events_of(exports, mapping_of(exports / "mapping.toml")))
    client = connect(store)
    migrate(client)
    for topic in (FRAMES, TIMELINE):
        messages = [Message(0, offset, 1_000, encode(one)) for offset, one in enumerate(line.kept[topic.name])]
        assert store_batch(client, store, Batch(messages={topic.name: messages}, count=len(messages))) == []
    client.close()
    monkeypatch.setenv("WHENCE_STORE_PATH", str(store_folder))
    monkeypatch.setenv("WHENCE_STORE_DATABASE", database)
    stored = _json(_impact(capsys, "r1", "--days", "7", "--json"))
    assert stored == _json(_impact(capsys, "r1", "--days", "7", "--json", *_folder(exports)))


class _Kept(_Counting):
    """Keeps what admit writes, by topic."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.kept: dict[str, list[Frame | TimelineEntry]] = {FRAMES.name: [], TIMELINE.name: []}

    def follow(self, record: Frame | TimelineEntry) -> None:
        topic: Topic = FRAMES if isinstance(record, Frame) else TIMELINE
        self.kept[topic.name].append(record)


def _json(told: tuple[int, str, str]) -> Any:
    assert told[0] == 0, told[2]
    return json.loads(told[1])


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("r9",), 4, "whence: No change is called 'r9'; known are r1, r2, r3\n"),
        (("r3",), 4, "whence: web 1.0 began on 2026-01-01, 0 day(s) after the first contact; 14 are needed\n"),
    ],
)
def test_what_cannot_be_told_is_said(
    capsys: pytest.CaptureFixture[str], exports: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    assert _impact(capsys, *arguments, *_folder(exports)) == (code, "", sentence)


def test_a_folder_needs_a_mapping(capsys: pytest.CaptureFixture[str], exports: Path) -> None:
    code, _, err = _impact(capsys, "r1", "--folder", str(exports))
    assert (code, err) == (2, "whence: --folder and --mapping go together; --mapping is missing\n")
