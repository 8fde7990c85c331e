"""Events, marks and logs for admit's tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from zlib import crc32

from msgspec import Struct
from msgspec.structs import replace

from schemas.catalog import RAW_TOPICS, TICKETS, Topic
from schemas.codec import encode
from schemas.frame import Frame
from schemas.raw import PROGRESS_KEY, ChangeRecord, Progress, Ticket
from schemas.workspace import Workspace
from streams.admit.settings import AdmitSettings
from streams.admit.step import Admitted, RawMessage, admit, start
from streams.merge import Bucket, Merger, merge

SETTINGS = AdmitSettings(customer_key=b"only a test's key")
T0 = datetime(2026, 5, 1, tzinfo=UTC)
ARRIVED_MS = int((T0 + timedelta(hours=12)).timestamp() * 1000)
SMALL_BATCHES = AdmitSettings(customer_key=SETTINGS.customer_key, batch_size=40, batch_wait_s=0.02)
ACME = Workspace(name="acme", progress="input", sample_k=3, repeat_horizon_s=600)


def ticket(number: int, at_s: float, **fields: object) -> Ticket:
    """A ticket that opens ``at_s`` seconds after :data:`T0`."""
    given: dict[str, object] = {
        "event_id": f"e{number}",
        "workspace": "acme",
        "occurred_at": T0 + timedelta(seconds=at_s),
        "source": "desk",
        "contact": f"c{number}",
        "customer": f"p{number % 7}",
        "product": "app",
        **fields,
    }
    return Ticket(**given)  # type: ignore[arg-type]


def mark(at_s: float, *, workspace: str = "acme", final: bool = False) -> Progress:
    """Everything before ``at_s`` seconds after :data:`T0` has been sent."""
    return Progress(workspace=workspace, until=T0 + timedelta(seconds=at_s), final=final)


def log(records: Iterable[Struct | bytes], *, first: int = 0) -> list[RawMessage]:
    """Records as the messages of one partition, offsets with holes as transactions leave them."""
    return [
        RawMessage(
            first + 2 * i,
            ARRIVED_MS,
            PROGRESS_KEY if isinstance(record, Progress) else b"k",
            record if isinstance(record, bytes) else encode(record),
        )
        for i, record in enumerate(records)
    ]


def admit_all(
    messages: Sequence[RawMessage],
    *,
    cuts: Sequence[int] = (),
    topic: Topic = TICKETS,
    partition: int = 0,
    count: int = 1,
    workspace: Workspace = ACME,
    settings: AdmitSettings = SETTINGS,
) -> Admitted:
    """Admit one partition's messages in batches that end at ``cuts``."""
    state = start(topic, partition, {t.name: count for t in RAW_TOPICS}, (workspace,), settings)
    whole = Admitted()
    for begin, end in zip([0, *cuts], [*cuts, len(messages)], strict=True):
        state, out = admit(state, messages[begin:end])
        whole.contacts += out.contacts
        whole.written_frames += out.written_frames
        whole.timeline += out.timeline
        whole.letters += out.letters
        whole.counters.admitted += out.counters.admitted
        whole.counters.repeats += out.counters.repeats
        for name, late in out.counters.late.items():
            whole.counters.late[name] = whole.counters.late.get(name, 0) + late
    return whole


def spread(events: Iterable[Ticket], count: int) -> list[list[Ticket]]:
    """Events by customer over ``count`` partitions."""
    partitions: list[list[Ticket]] = [[] for _ in range(count)]
    for event in events:
        partitions[crc32(event.customer.encode()) % count].append(event)
    return partitions


def merged(frames: Iterable[Frame]) -> list[Bucket]:
    """The buckets that detect sees, from the frames of all tickets partitions (chats have none here)."""
    buckets: list[Bucket] = []
    merger = Merger(stream="contacts", sample_k=ACME.sample_k, bucket_s=ACME.bucket_s)
    for frame in frames:
        inputs = tuple(name for name in frame.inputs if name.startswith("tickets/"))
        merger, advance = merge(merger, replace(frame, inputs=inputs))
        buckets += advance.buckets
    return [replace(b, samples=tuple((leaf, replace(s, leaf=0)) for leaf, s in b.samples)) for b in buckets]


def some_events(random: Random, size: int = 120) -> list[Ticket]:
    """Tickets over ten minutes: several leaves, some contacts opened twice, some updates with handle times."""
    events = []
    for i in range(size):
        twin = random.random() < 0.15 and i > 0
        same = random.randrange(i) if twin else i
        update = random.random() < 0.1
        events.append(
            ticket(
                i,
                random.randrange(600_000) / 1000,
                contact=f"c{same}",
                customer=f"p{same % 7}",
                platform=random.choice(["iOS", "ios", "Android", ""]),
                version=random.choice(["v5.2.0", "5.2.0", "5.1"]),
                text=random.choice(["", "it fails", f"mail me at a{i}@example.org"]),
                event="updated" if update else "opened",
                handle_s=random.random() * 1000 if update else None,
            )
        )
    return sorted(events, key=lambda event: event.occurred_at)


def change(number: int, at_s: float, **fields: object) -> ChangeRecord:
    """An incident recorded ``at_s`` seconds after :data:`T0`, which begins then."""
    given: dict[str, object] = {
        "event_id": f"x{number}",
        "workspace": "acme",
        "occurred_at": T0 + timedelta(seconds=at_s),
        "source": "pager",
        "change": f"incident {number}",
        "kind": "incident",
        "starts_at": T0 + timedelta(seconds=at_s),
        **fields,
    }
    return ChangeRecord(**given)  # type: ignore[arg-type]
