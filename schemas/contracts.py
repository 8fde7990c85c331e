"""The contracts as JSON Schema, one document per topic, rendered from the types.

``python -m schemas.contracts docs/contracts`` writes them; a test compares what is committed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec

from schemas.catalog import TOPICS, Topic


def contract(topic: Topic) -> dict[str, object]:
    """The JSON Schema (2020-12) of one topic's values."""
    schema = msgspec.json.schema(topic.type, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": topic.name,
        "description": f"{topic.purpose} Written by {topic.owner}, keyed by {topic.key}.",
        **schema,
    }


def render(topic: Topic) -> str:
    """The contract as it is committed."""
    return json.dumps(contract(topic), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(folder: Path) -> list[Path]:
    """Write every contract into a folder and name the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{topic.name}.schema.json" for topic in TOPICS]
    for path, topic in zip(paths, TOPICS, strict=True):
        path.write_text(render(topic), encoding="utf-8")
    return paths


if __name__ == "__main__":
    write(Path(sys.argv[1]))
