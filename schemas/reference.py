"""The topics in words, rendered from the catalogue into ``docs/topics.md``.

``python -m schemas.reference docs/topics.md`` writes it; a test compares what is committed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from schemas.catalog import DAY_MS, TOPICS, Topic

_HEAD = """# Topics

Rendered from `schemas/catalog.py`. The first part that starts makes what is missing; a topic that exists is checked, and
never changed. Where Whence's user may not make topics, make these, with at least this retention. `broker.partitions`
sets another number of partitions for all of them. The fields are in [contracts/](contracts/).

| topic | holds | written by | keyed by | partitions | cleanup.policy | retention.ms |
|---|---|---|---|---|---|---|
"""


def render() -> str:
    """The page."""
    return _HEAD + "\n".join(map(_row, TOPICS)) + "\n"


def _row(topic: Topic) -> str:
    kept = f"{topic.retention_ms} ({topic.retention_ms / DAY_MS:g} days)"
    cells = (f"`{topic.name}`", topic.purpose, topic.owner, topic.key, topic.partitions, topic.cleanup, kept)
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
