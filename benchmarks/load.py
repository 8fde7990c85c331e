"""Made-up tickets for measuring speed: about 300 bytes each, over ten thousand leaves, the popular ones first."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

from schemas.codec import encode
from schemas.raw import PROGRESS_KEY, Progress
from schemas.workspace import Workspace

# Repeats are remembered for two minutes of event time, in which 120,000 tickets come: a company with a thousand
# contacts a second would not remember more than that either.
WORKSPACE = Workspace(
    name="bench",
    progress="input",
    dimensions=("channel", "product", "platform", "version", "topic"),
    repeat_horizon_s=120,
)
BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
REDACTED_SHARE, REPEATED_SHARE = 0.2, 0.05
JITTER_S = 20.0
MARK_EVERY_S = 30.0
_WORDS = [
    "the",
    "app",
    "keeps",
    "crashing",
    "since",
    "update",
    "cannot",
    "log",
    "in",
    "payment",
    "failed",
    "please",
    "help",
    "again",
    "order",
    "screen",
    "button",
    "error",
    "nothing",
    "works",
    "slow",
    "loading",
    "account",
    "reset",
    "customer",
    "support",
    "waiting",
    "answer",
    "today",
    "yesterday",
    "morning",
    "device",
    "phone",
    "tablet",
    "refund",
    "invoice",
    "charged",
    "twice",
    "delivery",
    "missing",
    "address",
    "change",
    "settings",
    "notification",
    "sound",
    "video",
    "meeting",
]


class Message(NamedTuple):
    """What to produce; ``partition`` is None where the key decides."""

    key: bytes
    value: bytes
    is_mark: bool


def leaves() -> list[tuple[str, str, str, str]]:
    """Ten thousand combinations of product, platform, version and topic, in an order of their own."""
    found = list(
        itertools.product(
            [f"product {i}" for i in range(10)],
            ["ios", "android", "web", "windows", "macos"],
            [f"{major}.{minor}.0" for major in range(1, 5) for minor in range(5)],
            [f"topic {i}" for i in range(10)],
        )
    )
    Random(5).shuffle(found)
    return found


def messages(count: int, *, per_second: float, seed: int = 1) -> Iterator[Message]:
    """``count`` tickets at ``per_second`` of event time, in any order within :data:`JITTER_S`, with marks between."""
    random = Random(seed)
    combinations = leaves()
    popularity = list(itertools.accumulate(1 / (place + 1) for place in range(len(combinations))))
    recent: list[Message] = []
    next_mark_s = MARK_EVERY_S
    for number in range(count):
        at_s = number / per_second
        if at_s - JITTER_S >= next_mark_s:
            yield _mark(BEGIN + timedelta(seconds=next_mark_s))
            next_mark_s += MARK_EVERY_S
        if recent and random.random() < REPEATED_SHARE:
            yield random.choice(recent)
            continue
        leaf = random.choices(combinations, cum_weights=popularity)[0]
        message = _ticket(random, number, BEGIN + timedelta(seconds=at_s + JITTER_S * (random.random() - 1)), leaf)
        recent.append(message)
        del recent[:-1_000]
        yield message
    yield _mark(BEGIN + timedelta(seconds=count / per_second + 3_600), final=True)


def _mark(until: datetime, *, final: bool = False) -> Message:
    return Message(PROGRESS_KEY, encode(Progress(workspace=WORKSPACE.name, until=until, final=final)), True)


def _ticket(random: Random, number: int, at: datetime, leaf: tuple[str, str, str, str]) -> Message:
    customer = f"customer-{random.randrange(100_000)}"
    text = " ".join(random.choices(_WORDS, k=11))
    if random.random() < REDACTED_SHARE:
        text = f"{text} {_personal(random, number)}"
    product, platform, version, topic = leaf
    value = (
        f'{{"event_id":"e-{number}","workspace":"{WORKSPACE.name}","occurred_at":"{at:%Y-%m-%dT%H:%M:%S}.'
        f'{at.microsecond // 1000:03}Z","source":"desk","contact":"c-{number}","customer":"{customer}",'
        f'"product":"{product}","platform":"{platform}","version":"{version}","topic":"{topic}",'
        f'"subject":"{" ".join(random.choices(_WORDS, k=3))}","text":"{text}"}}'
    )
    return Message(customer.encode(), value.encode(), False)


def _personal(random: Random, number: int) -> str:
    return random.choice(
        (
            f"mail john.doe{number}@example.com",
            f"call +49 171 {random.randrange(10**7):07}",
            "my card 4111 1111 1111 1111",
            f"from 192.168.{random.randrange(256)}.{random.randrange(256)}",
        )
    )
