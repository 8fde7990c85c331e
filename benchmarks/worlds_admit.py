"""A folder of exports as admit writes it on: the real data's frames and timeline entries, for placebos."""

from __future__ import annotations

from pathlib import Path

from schemas.catalog import RAW_TOPICS
from schemas.codec import encode
from schemas.raw import PROGRESS_KEY
from schemas.workspace import Workspace
from sources.keys import encode_keyed
from sources.marks import Mark, with_marks
from streams.admit.settings import AdmitSettings
from streams.admit.step import RawMessage, admit, start
from streams.stage import Record
from whence.input import events_of, mapping_of

MAPPING = Path(__file__).parent.parent / "examples" / "firefox.toml"
MARK_EVERY_S = 86_400.0


def admitted_folder(folder: Path, mapping_path: Path = MAPPING) -> tuple[Workspace, list[Record]]:
    """The workspace and all that admit writes of the folder's events, in order."""
    mapping = mapping_of(mapping_path)
    workspace = mapping.workspace
    one_each = {topic.name: 1 for topic in RAW_TOPICS}
    settings = AdmitSettings(customer_key=b"a benchmark's key")
    states = {topic.name: start(topic, 0, one_each, (workspace,), settings) for topic in RAW_TOPICS}
    waiting: dict[str, list[RawMessage]] = {name: [] for name in one_each}
    offsets = dict.fromkeys(one_each, 0)
    told: list[Record] = []

    def put(name: str, at_ms: int, key: bytes, value: bytes) -> None:
        waiting[name].append(RawMessage(offsets[name], at_ms, key, value))
        offsets[name] += 1

    for item in with_marks(events_of(folder, mapping), workspace, every_s=MARK_EVERY_S):
        at_ms = int(item.at.timestamp() * 1_000)
        if not isinstance(item, Mark):
            put(item.topic.name, at_ms, *encode_keyed(item.topic, item.event))
            continue
        sign = encode(item.progress)
        for name in sorted(waiting, key=lambda one: len(waiting[one])):
            put(name, at_ms, PROGRESS_KEY, sign)
            states[name], out = admit(states[name], waiting[name])
            waiting[name] = []
            told.extend([*out.timeline, *out.frames])
    return workspace, told
