"""A story written down: one JSONL file per topic, and the truth as CSV."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec

from schemas.codec import encode
from schemas.slices import slice_text
from schemas.workspace import Workspace
from sources.stories.story import Story

COLUMNS = (
    "spike_id",
    "onset",
    "end",
    "peak_day",
    "slice",
    "cause_kind",
    "cause_key",
    "excess",
    "must_not_blame",
    "strength",
)


def write_story(story: Story, folder: Path) -> None:
    """Write ``tickets.jsonl`` and its like in order of arrival, the ``mapping.toml`` that reads them, ``truth.csv`` and
    ``workspace.json``.

    The columns of ``truth.csv`` are those of :class:`TrueSpike`; changes are joined by ``;``.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines: dict[str, list[bytes]] = {}
    for topic, event in story.events:
        lines.setdefault(topic.name, []).append(encode(event))
    for name, rows in lines.items():
        (folder / f"{name}.jsonl").write_bytes(b"\n".join(rows) + b"\n")
    (folder / "workspace.json").write_bytes(encode(story.workspace) + b"\n")
    (folder / "mapping.toml").write_text(_mapping(story.workspace, sorted(lines)), encoding="utf-8")
    _write_truth(story, folder / "truth.csv")


def _mapping(workspace: Workspace, topics: list[str]) -> str:
    """The mapping file for a folder of our own contract. A TOML value is written as JSON is."""
    settings: dict[str, object] = msgspec.json.decode(encode(workspace))
    lines = ["[workspace]", *(f"{name} = {msgspec.json.encode(value).decode()}" for name, value in settings.items())]
    if "alerts" not in settings:
        lines.append("alerts = true")
    if "progress" not in settings:
        lines.append('progress = "clock"')
    for topic in topics:
        lines += ["", "[[files]]", f'glob = "{topic}.jsonl"', f'topic = "{topic}"', "same_fields = true"]
    return "\n".join(lines) + "\n"


def _write_truth(story: Story, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for true in story.truth:
            writer.writerow(
                (
                    true.spike_id,
                    true.onset.isoformat(),
                    true.end.isoformat(),
                    true.peak_at.date().isoformat(),
                    slice_text(true.slice),
                    true.cause_kind,
                    true.cause_key,
                    true.excess,
                    ";".join(true.must_not_blame),
                    true.strength,
                )
            )
