"""Doctor says how old the agents' checkpoints are, where this machine has any, and what is wrong with the topics."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from confluent_kafka.admin._metadata import ClusterMetadata, TopicMetadata

from schemas.broker import Broker
from schemas.catalog import TOPICS
from schemas.errors import FatalError
from whence import doctor
from whence.doctor import Finding, diagnose
from whence.settings import load_settings


def _found(folder: Path) -> list[tuple[bool, str]]:
    environ = {"WHENCE_AGENTS_CHECKPOINT_FOLDER": str(folder), "WHENCE_DATA_FOLDER": str(folder)}
    return [(one.ok, one.detail) for one in diagnose(load_settings(environ=environ)) if one.check == "checkpoints"]


def test_the_age_of_checkpoints_is_shown_by_stage_and_partition(tmp_path: Path) -> None:
    now = time.time()
    for name, minutes in (("detect-0.000000001", 90), ("detect-0.000000002", 30), ("alert-3.000000007", 60)):
        path = tmp_path / f"{name}.checkpoint"
        path.touch()
        os.utime(path, (now - 60 * minutes, now - 60 * minutes))
    assert _found(tmp_path) == [(True, f"2 in {tmp_path}, 30 to 60 minutes old")]


def test_none_are_no_finding(tmp_path: Path) -> None:
    assert _found(tmp_path) == []
    assert _found(tmp_path / "missing") == []


def _topics(monkeypatch: pytest.MonkeyPatch, names: list[str], refusal: FatalError | None = None) -> Finding:
    def check(broker: Broker, partitions: int | None) -> None:
        assert (broker.servers, partitions) == ("kafka:9092", 6)
        if refusal is not None:
            raise refusal

    monkeypatch.setattr(doctor, "check_topics", check)
    metadata = ClusterMetadata()
    metadata.topics = {name: TopicMetadata() for name in names}
    environ = {"WHENCE_BROKER_SERVERS": "kafka:9092", "WHENCE_BROKER_PARTITIONS": "6"}
    return doctor._topics(load_settings(environ=environ), metadata)


def test_topics_that_the_parts_would_refuse_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [topic.name for topic in TOPICS]
    found = _topics(monkeypatch, names, FatalError("chats has 4 partitions, not 6", remedy="Change them."))
    assert (found.ok, found.detail, found.remedy) == (False, "chats has 4 partitions, not 6", "Change them.")
    fine = _topics(monkeypatch, names)
    assert (fine.ok, fine.detail) == (True, f"all {len(TOPICS)} are there, in the shape that is needed")
    missing = _topics(monkeypatch, names[1:])
    assert (missing.ok, missing.detail) == (False, "missing: tickets")
    assert "docs/topics.md lists them" in missing.remedy
