"""The page about topics is what the catalogue says."""

from __future__ import annotations

from pathlib import Path

from schemas.catalog import TOPICS
from schemas.reference import render

PAGE = Path(__file__).parents[2] / "docs" / "topics.md"


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run: python -m schemas.reference docs/topics.md"


def test_the_page_names_every_topic_with_its_shape() -> None:
    rows = {row.split("|")[1].strip(" `"): row for row in render().splitlines() if row.startswith("| `")}
    assert list(rows) == [topic.name for topic in TOPICS]
    for topic in TOPICS:
        assert f"| {topic.partitions} | {topic.cleanup} | {topic.retention_ms} (" in rows[topic.name]
