"""The catalogue's examples as records."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from msgspec import Struct

from schemas.catalog import Topic

FOLDER = Path(__file__).parents[2] / "schemas" / "examples"


def examples(topic: Topic) -> list[Struct]:
    """Every accepted example of a topic."""
    found = json.loads((FOLDER / f"{topic.name}.json").read_text(encoding="utf-8"))["accept"]
    return [msgspec.convert(one, topic.type, strict=False) for one in found]
