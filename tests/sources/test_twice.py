"""A replay that is sent again, or was cut off and starts anew, changes nothing that was counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice

import msgspec
import pytest

from schemas.catalog import RAW_TOPICS
from schemas.codec import encode
from schemas.contact import Contact
from schemas.frame import Frame
from schemas.raw import PROGRESS_KEY
from sources.keys import encode_keyed
from sources.marks import Mark, Sent, with_marks
from sources.stories import Story, make_story
from streams.admit.settings import AdmitSettings
from streams.admit.step import RawMessage, admit, start

STORY = make_story(3, weeks_of_history=0, live_days=1, contacts_per_day=400.0)


class Admitted:
    """Admit with one partition a topic, fed as the broker would."""

    def __init__(self, story: Story) -> None:
        settings = AdmitSettings(customer_key=b"a key of the tests")
        one_each = {topic.name: 1 for topic in RAW_TOPICS}
        self.states = {topic.name: start(topic, 0, one_each, (story.workspace,), settings) for topic in RAW_TOPICS}
        self.offset = 0
        self.counts: Counter[tuple[str, str]] = Counter()
        self.contacts: set[str] = set()

    def feed(self, items: Iterable[Sent | Mark]) -> None:
        for item in items:
            if isinstance(item, Mark):
                for name in self.states:
                    self._take(name, item, PROGRESS_KEY, encode(item.progress))
            else:
                self._take(item.topic.name, item, *encode_keyed(item.topic, item.event))

    def _take(self, name: str, item: Sent | Mark, key: bytes, value: bytes) -> None:
        self.offset += 1
        message = RawMessage(self.offset, int(item.at.timestamp() * 1_000), key, value)
        self.states[name], out = admit(self.states[name], [message])
        for frame in out.frames:
            self._count(frame)
        self.contacts |= {msgspec.json.decode(value, type=Contact).event_id for _, value in out.contacts}
        assert not out.letters

    def _count(self, frame: Frame) -> None:
        for leaf, count in zip(frame.leaves, frame.counts, strict=True):
            self.counts[frame.stream, "/".join(leaf)] += count


@pytest.mark.parametrize("sent_before", [None, 150])
def test_sent_again_counts_the_same(sent_before: int | None) -> None:
    once, again = Admitted(STORY), Admitted(STORY)
    once.feed(with_marks(STORY.events, STORY.workspace, every_s=3_600))
    cut = len(STORY.events) if sent_before is None else sent_before
    again.feed(with_marks(islice(STORY.events, cut), STORY.workspace, every_s=3_600, final=sent_before is None))
    again.feed(with_marks(STORY.events, STORY.workspace, every_s=3_600))
    assert again.counts == once.counts
    assert again.contacts == once.contacts
    assert once.counts.total() > 300
