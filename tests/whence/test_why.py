"""``whence why``: what was said, counted again from the store."""

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

from schemas.base import Sequenced
from schemas.catalog import ATTRIBUTIONS, CONTACTS, FRAMES, SPIKES, TIMELINE, Topic
from schemas.codec import encode
from schemas.contact import Contact
from schemas.frame import Frame
from schemas.timeline import TimelineEntry
from sinks.batch import Batch
from sinks.batch import store as store_batch
from sinks.letters import Message
from sinks.migrate import migrate
from sinks.store import StoreSettings, connect
from streams.attribute.step import ATTRIBUTE
from streams.detect.step import DETECT
from whence import commands
from whence.input import events_of, mapping_of
from whence.line import AdmitLine
from whence.settings import load_settings

START = datetime(2026, 1, 5, tzinfo=UTC)
LAUNCH = START + timedelta(days=24, hours=9)
MAPPING = """
[workspace]
name = "shop"
bucket_s = 3600
lateness_s = 0
dimensions = ["product", "platform", "topic"]
[[files]]
glob = "questions.csv"
topic = "tickets"
[files.fields]
event_id = "id"
contact = "id"
occurred_at = "at"
product = "product"
platform = "platform"
topic = "topic"
text = "text"
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
notes = "notes"
owner = "owner"
"""
USUAL = {
    "where is my parcel": "delivery",
    "please change my address": "account",
    "the invoice is missing": "payment",
    "I forgot my password": "account",
    "which card can I pay with": "payment",
}
BROKEN = ("my card was declined in the new form", "the card form declined me again", "card declined at the form")


class _Kept(AdmitLine):
    """Runs what admit writes through detect and attribute, and keeps it all by topic."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.kept: dict[Topic, list[Sequenced]] = {topic: [] for topic in (FRAMES, TIMELINE, SPIKES, ATTRIBUTIONS)}
        self.detect, self.attribute = DETECT.start(self.workspace), ATTRIBUTE.start(self.workspace)

    def follow(self, record: Frame | TimelineEntry) -> None:
        self.kept[FRAMES if isinstance(record, Frame) else TIMELINE].append(record)
        self.detect, found = DETECT.step(self.detect, record)
        for topic, one in found:
            if topic is SPIKES:
                self.kept[SPIKES].append(one)
        for each in (record, *(one for _, one in found)):
            self.attribute, written = ATTRIBUTE.step(self.attribute, each)
            self.kept[ATTRIBUTIONS].extend(one for topic, one in written if topic is ATTRIBUTIONS)


def _exports(folder: Path) -> None:
    """Four weeks of 6 contacts an hour; for twelve hours after the launch 20 more about the card form."""
    folder.mkdir()
    (folder / "mapping.toml").write_text(MAPPING)
    rng = np.random.default_rng(2)
    lines = ["id,at,product,platform,topic,text"]
    for hour in range(27 * 24):
        at = START + timedelta(hours=hour)
        broken = LAUNCH <= at < LAUNCH + timedelta(hours=12)
        texts = [list(USUAL)[rng.integers(5)] for _ in range(rng.poisson(6))]
        texts += [BROKEN[rng.integers(3)] for _ in range(rng.poisson(20) if broken else 0)]
        for text in texts:
            minute = at + timedelta(minutes=int(rng.integers(60)))
            where = f"app,{'ios' if rng.random() < 0.5 else 'android'},{USUAL.get(text, 'payment')}"
            lines.append(f"{len(lines)},{minute.isoformat()},{where},{text} w{rng.integers(400)}")
    lines[1:] = sorted(lines[1:], key=lambda line: line.split(",")[1])
    (folder / "questions.csv").write_text("\n".join(lines) + "\n")
    (folder / "releases.csv").write_text(
        "change,at,product,version,title,notes,owner\n"
        f"r0,{(START + timedelta(days=3)).isoformat()},app,5.1.0,app 5.1.0,Maps of all our shops,maps\n"
        f"r1,{LAUNCH.isoformat()},app,5.2.0,app 5.2.0,A new card form,payments\n"
    )


def _contacts(folder: Path) -> list[Contact]:
    """The contacts as admit would write them."""
    rows = [line.split(",") for line in (folder / "questions.csv").read_text().splitlines()[1:]]
    return [
        Contact(
            workspace="shop",
            event_id=row[0],
            contact=row[0],
            occurred_at=datetime.fromisoformat(row[1]),
            ingested_at=datetime.fromisoformat(row[1]),
            source="tickets",
            channel="ticket",
            counted=True,
            product=row[2],
            platform=row[3],
            topic=row[4],
            text=row[5],
        )
        for row in rows
    ]


@pytest.fixture(scope="module")
def spike(tmp_path_factory: pytest.TempPathFactory, store_folder: Path) -> str:
    """The id of the release's spike in a store that holds all of it."""
    folder = tmp_path_factory.mktemp("why") / "exports"
    _exports(folder)
    mapping = mapping_of(folder / "mapping.toml")
    line = _Kept(mapping.workspace, load_settings(None).admit)
    line.run(events_of(folder, mapping))
    store = StoreSettings(path=str(store_folder), database="why")
    client = connect(store)
    migrate(client)
    written: list[tuple[Topic, list[Any]]] = [*line.kept.items(), (CONTACTS, _contacts(folder))]
    for topic, records in written:
        messages = [Message(0, offset, 1_000, encode(one)) for offset, one in enumerate(records)]
        assert store_batch(client, store, Batch(messages={topic.name: messages}, count=len(messages))) == []
    client.close()
    final = [one for one in line.kept[ATTRIBUTIONS] if getattr(one, "candidates", None)]
    largest = max(final, key=lambda one: getattr(one, "observed", 0))
    return str(getattr(largest, "spike_id", ""))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store_folder: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("WHENCE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WHENCE_STORE_PATH", str(store_folder))
    monkeypatch.setenv("WHENCE_STORE_DATABASE", "why")
    yield
    structlog.reset_defaults()
    logging.basicConfig(force=True, handlers=[])


def _why(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = commands.run_command(["why", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_what_can_be_counted_again_gives_the_same(capsys: pytest.CaptureFixture[str], spike: str) -> None:
    code, out, _ = _why(capsys, spike, "--json")
    assert code == 0
    why = json.loads(out)
    figures = {(one["cause"], one["line"], one["name"]): one for one in why["figures"]}
    assert figures["", "spike", "contacts"]["again"] == figures["", "spike", "contacts"]["said"]
    assert why["candidates"][0]["key"] == "r1"
    assert figures["r1", "all", "probability"]["again"] == pytest.approx(why["candidates"][0]["probability"], abs=1e-3)
    assert figures["r1", "time", "lag_h"]["again"] == pytest.approx(figures["r1", "time", "lag_h"]["said"], abs=1e-3)
    say = [one for key, one in figures.items() if key[1] == "words" and key[2].startswith("say ")]
    assert say
    assert all(one["again"] == pytest.approx(one["said"], abs=0.05) for one in say)
    assert all(one["source"] for one in figures.values())
    for name, close in (("filed_usual", 0.02), ("filed_now", 0.1)):
        filed = figures["r1", "words", name]
        assert 0.0 < filed["said"] <= 1.0
        assert filed["again"] == pytest.approx(filed["said"], abs=close)


def test_it_reads_well(capsys: pytest.CaptureFixture[str], spike: str) -> None:
    code, out, _ = _why(capsys, spike[:6])
    assert code == 0
    assert "Release app 5.2.0 (payments), " in out
    assert "counted again" in out


@pytest.mark.parametrize(
    ("name", "code", "sentence"),
    [
        ("zz", 4, "whence: No attributed spike's id begins with 'zz'\n"),
        ("", 2, "whence: SPIKE is empty; allowed is a spike's id or its beginning\n"),
    ],
)
@pytest.mark.usefixtures("spike")
def test_what_cannot_be_told_is_said(capsys: pytest.CaptureFixture[str], name: str, code: int, sentence: str) -> None:
    assert _why(capsys, name) == (code, "", sentence)
