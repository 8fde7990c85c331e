"""The demo story's alerts as local receivers got them: ``python -m benchmarks.alerts_story [--seed 1] [--out FILE]``.

The story runs through the stages in this process; its alerts go over the embedded broker to the courier, whose clock is
the story's, and from there to a mail server and an HTTP receiver of our own. The receiver fails at first. One thing is
not as in the demo: incidents are logged 70 minutes late, so that their spikes are first put down to something else.
"""

from __future__ import annotations

import argparse
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.message import Message as Mail
from pathlib import Path

import msgspec
from confluent_kafka import Producer
from msgspec.structs import replace

from schemas.alert import Alert
from schemas.attribution import Impact
from schemas.broker import Broker, client_config
from schemas.catalog import ALERTS, DELIVERIES, Topic
from schemas.codec import decode, encode
from schemas.delivery import Delivery
from schemas.frame import Frame
from schemas.raw import ChangeRecord, Feedback, RawEvent
from schemas.timeline import TimelineEntry
from schemas.workspace import Workspace
from sources.keys import PARTITIONER
from sources.stories.story import make_story
from streams.admit.settings import AdmitSettings
from streams.alert.routing import read_routing
from streams.alert.step import ALERT
from streams.attribute.step import ATTRIBUTE
from streams.chain import Chain
from streams.deliver.channels import senders
from streams.deliver.courier import Courier
from streams.deliver.settings import CourierSettings
from streams.detect.step import DETECT
from streams.embedded import embedded_broker
from streams.reader import Delivery as Record
from streams.reader import Place, Reader
from streams.topics import ensure_topics
from tests.receivers import http_receiver, mail_receiver, text_of
from whence.demo import DEMO_KEY, LOUDNESS
from whence.line import AdmitLine

STEP = timedelta(minutes=15)
LOGGED_LATE = timedelta(minutes=70)
LONGEST_GAP = timedelta(hours=2)
ROUTING = """
unowned = "operations"
[channels.mail]
kind = "apprise"
[channels.board]
kind = "webhook"
url = "http://127.0.0.1:{port}/whence"
[channels.pager]
kind = "webhook"
url = "http://127.0.0.1:{port}/pager"
[teams.operations]
channels = ["mail", "board"]
escalation = [{{after_minutes = 60, teams = ["on-call"]}}]
[teams.on-call]
channels = ["pager"]
[audiences.everybody]
teams = ["operations"]
probability = 0.5
contacts = 10
[cost]
per_contact = 4.5
"""


class Told(AdmitLine):
    """The stages behind admit; keeps every impact."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace, AdmitSettings(customer_key=DEMO_KEY))
        self._chain = Chain(workspace, (DETECT, ATTRIBUTE))
        self.impacts: list[Impact] = []

    def follow(self, record: Frame | TimelineEntry) -> None:
        """Run it through detect and attribute."""
        self.impacts += [one for _, one in self._chain.feed(record) if isinstance(one, Impact)]


class StoryClock:
    """The courier's clock, set by hand; knows how often it was asked."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self._asked = 0
        self._changed = threading.Condition()

    def __call__(self) -> datetime:
        with self._changed:
            self._asked += 1
            self._changed.notify_all()
            return self.at

    def pass_rounds(self, count: int = 12) -> None:
        """Return when the courier has looked at the clock so often: it has been around a few times."""
        with self._changed:
            until = self._asked + count
            self._changed.wait_for(lambda: self._asked >= until, 30.0)


class Kept(msgspec.Struct):
    """What the stages made of the story, before anybody is told."""

    workspace: Workspace
    live_from: datetime
    impacts: list[Impact]


def story_impacts(seed: int, *, weeks: int, days: int, contacts: float) -> Kept:
    """Every revision of every impact of the demo's story, in order."""
    story = make_story(seed, loudness=LOUDNESS, weeks_of_history=weeks, live_days=days, contacts_per_day=contacts)
    workspace = replace(story.workspace, alerts=True)
    line = Told(workspace)
    events = [(topic, _late(event)) for topic, event in story.events]
    line.run(sorted(events, key=lambda pair: pair[1].occurred_at))
    return Kept(workspace, story.live_from, line.impacts)


def _late(event: RawEvent) -> RawEvent:
    if not isinstance(event, ChangeRecord) or event.kind != "incident":
        return event
    known_at = event.known_at if event.known_at is not None else event.starts_at
    return replace(event, occurred_at=event.occurred_at + LOGGED_LATE, known_at=known_at + LOGGED_LATE)


def alerts_of(kept: Kept) -> list[Alert]:
    """The alerts of the story's live days."""
    state, alerts = ALERT.start(kept.workspace), []
    for impact in kept.impacts:
        state, outputs = ALERT.step(state, impact)
        alerts += [one for _, one in outputs if isinstance(one, Alert) and one.at >= kept.live_from]
    return alerts


def say(broker: Broker, topic: Topic, record: Alert | Feedback) -> None:
    """Publish one record as the stages would."""
    producer = Producer(client_config(broker, partitioner=PARTITIONER))
    producer.produce(topic.name, encode(record), record.workspace.encode())
    producer.flush(10.0)


@contextmanager
def courier(broker: Broker, workspace: Workspace, port: int, mail_url: str, clock: StoryClock) -> Iterator[Courier]:
    """The part, running."""
    rules = read_routing(ROUTING.format(port=port), place="story")
    secrets = {"mail": mail_url, "board": "the board's key", "pager": "the pager's key"}
    settings = CourierSettings(
        replays=True,
        page_url="http://127.0.0.1:8750",
        link_secret="the story's",
        first_pause_s=1.0,
        longest_pause_s=60.0,
    )
    part = Courier(broker, (workspace,), rules, senders(rules, secrets), settings, now=clock)
    stop = threading.Event()
    thread = threading.Thread(target=part.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield part
    finally:
        stop.set()
        thread.join(10.0)


def deliveries(broker: Broker) -> list[Delivery]:
    """Everything on the topic `deliveries`."""
    reader = Reader(broker)
    try:
        found = [item for p in range(4) for item in reader.read({Place(DELIVERIES.name, p): 0})]
        return [decode(Delivery, item.value or b"") for item in found if isinstance(item, Record)]
    finally:
        reader.close()


def told(workspace: Workspace, alerts: list[Alert]) -> Iterator[str]:
    """The transcript, as lines of Markdown."""
    clock = StoryClock(alerts[0].at)
    with (
        embedded_broker() as broker,
        http_receiver(lambda number: 503 if number in (1, 2) else 204) as web,
        mail_receiver() as (post, url),
    ):
        ensure_topics(broker)
        seen_mails = seen_posts = 0
        with courier(broker, workspace, web.port, url, clock) as part:
            clock.pass_rounds()
            for number, alert in enumerate(alerts):
                following = alerts[number + 1].at if number + 1 < len(alerts) else alert.at + LONGEST_GAP
                say(broker, ALERTS, alert)
                for at in _times(alert.at, following):
                    clock.at = max(clock.at, at)
                    clock.pass_rounds()
                    while "everything" not in part.health().detail and "not answering" not in part.health().detail:
                        clock.pass_rounds()
                    mails, posts = post.mails[seen_mails:], web.got[seen_posts:]
                    yield from _mails(clock.at, mails, whole=not seen_mails)
                    for place, got in enumerate(posts, start=seen_posts + 1):
                        answer = web.status(place)
                        yield f"* {clock.at:%a %H:%M} `POST {got.path}`, key `{got.key}`, {got.facts()['event']}: answered {answer}"
                    seen_mails, seen_posts = seen_mails + len(mails), seen_posts + len(posts)
            detail = part.health().detail
        steps = deliveries(broker)
        counts = {
            status: sum(step.status == status for step in steps) for status in ("queued", "failed", "sent", "given_up")
        }
        yield f"\nAt the end the courier says: {detail}. Steps on `deliveries`: {counts}."


def _mails(at: datetime, mails: list[Mail], *, whole: bool) -> Iterator[str]:
    """The first mail as it came, of the others what was said first."""
    for number, mail in enumerate(mails):
        text = _unlinked(text_of(mail)).replace("\r\n", "\n").strip()
        if whole and not number:
            yield f"* {at:%a %H:%M} mail \u201c{mail['subject']}\u201d, in full:\n\n```text\n{text}\n```\n"
        else:
            yield f"* {at:%a %H:%M} mail \u201c{mail['subject']}\u201d\n  > {text.split(chr(10) + chr(10))[0]}"


def _times(start: datetime, until: datetime) -> Iterator[datetime]:
    at, end = start, min(until, start + LONGEST_GAP)
    while at < end:
        yield at
        at += STEP
    if start >= end:
        yield start


def _unlinked(text: str) -> str:
    """Without the long part of signed links."""
    return re.sub(r"(/feedback/\S{12})\S+", r"\1…", text)


def main() -> None:
    """Tell the story."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--weeks", type=int, default=4, help="of history before the live days")
    parser.add_argument("--days", type=int, default=3, help="live days")
    parser.add_argument("--contacts", type=float, default=2_800.0, help="a usual day")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--kept", type=Path, help="file of impacts: read if it is there, else written")
    given = parser.parse_args()
    kept = _kept(
        given.kept,
        lambda: story_impacts(given.seed, weeks=given.weeks, days=given.days, contacts=given.contacts),
    )
    out = given.out.open("w", encoding="utf-8") if given.out is not None else sys.stdout
    for line in told(kept.workspace, alerts_of(kept)):
        print(line, file=out, flush=True)


def _kept(path: Path | None, make: Callable[[], Kept]) -> Kept:
    if path is not None and path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Kept)
    found = make()
    if path is not None:
        path.write_bytes(msgspec.json.encode(found))
    return found


if __name__ == "__main__":
    main()
