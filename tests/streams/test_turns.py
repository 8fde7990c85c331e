"""Partitions are read in turn by Kafka's time, and nobody is waited for in vain."""

from __future__ import annotations

import pytest
from confluent_kafka import TopicPartition

from streams.reader import Place
from streams.turns import Turns

TICKETS, CHATS, RELEASES = Place("tickets", 0), Place("chats", 0), Place("releases", 0)
ALL = (TICKETS, CHATS, RELEASES)


class Consumer:
    """Keeps which partitions are paused."""

    def __init__(self) -> None:
        self.paused: set[Place] = set()

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.paused |= {Place(one.topic, one.partition) for one in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.paused -= {Place(one.topic, one.partition) for one in partitions}


@pytest.fixture
def consumer() -> Consumer:
    return Consumer()


@pytest.fixture
def turns(consumer: Consumer) -> Turns:
    return Turns(consumer, after=100, silent_s=1.0)  # type: ignore[arg-type]


def test_a_partition_that_was_not_read_yet_comes_next(turns: Turns, consumer: Consumer) -> None:
    turns.read(TICKETS, 99, 0, 9_000, 99)
    turns.settle(ALL, 0.0)
    assert consumer.paused == set()  # the turn is not over
    turns.read(TICKETS, 1, 9_000, 9_100, 100)
    turns.settle(ALL, 0.1)
    assert consumer.paused == {TICKETS}
    turns.read(CHATS, 10, 0, 9_200, 10)
    turns.end(RELEASES, 0)
    turns.settle(ALL, 0.2)
    assert consumer.paused == set()


def test_who_is_ahead_waits_until_the_others_have_caught_up(turns: Turns, consumer: Consumer) -> None:
    turns.end(RELEASES, 0)
    turns.read(CHATS, 10, 0, 100, 10)
    turns.read(TICKETS, 90, 60_000, 60_500, 90)
    turns.settle(ALL, 0.0)
    assert consumer.paused == {TICKETS}
    turns.read(CHATS, 100, 100, 30_000, 110)
    turns.settle(ALL, 0.1)
    assert consumer.paused == {TICKETS}  # half of the way is not enough, else it would be paused again at once
    turns.read(CHATS, 100, 30_000, 60_500, 210)
    turns.settle(ALL, 0.2)
    assert consumer.paused == set()


@pytest.mark.parametrize(("lead_ms", "paused"), [(1_000, set[Place]()), (1_001, {CHATS})])
def test_nearer_than_a_second_is_near_enough(
    turns: Turns, consumer: Consumer, lead_ms: int, paused: set[Place]
) -> None:
    turns.read(TICKETS, 90, 0, 500, 90)
    turns.read(CHATS, 10, 0, 500 + lead_ms, 10)
    turns.settle((TICKETS, CHATS), 0.0)
    assert consumer.paused == paused


def test_nearer_than_what_a_turn_spans_is_near_enough(turns: Turns, consumer: Consumer) -> None:
    hour_ms = 3_600_000
    turns.read(TICKETS, 40, 0, hour_ms, 40)
    turns.read(TICKETS, 50, hour_ms, 2 * hour_ms, 90)
    turns.read(CHATS, 10, 0, 3 * hour_ms, 10)
    turns.settle((TICKETS, CHATS), 0.0)
    assert consumer.paused == set()


def test_a_partition_at_its_end_is_not_waited_for_until_it_has_more(turns: Turns, consumer: Consumer) -> None:
    turns.read(CHATS, 10, 0, 100, 10)
    turns.end(CHATS, 10)
    turns.read(TICKETS, 100, 0, 60_000, 100)
    turns.settle((TICKETS, CHATS), 0.0)
    assert consumer.paused == set()
    turns.read(CHATS, 5, 100, 200, 15)
    turns.read(TICKETS, 95, 60_000, 90_000, 195)
    turns.settle((TICKETS, CHATS), 0.1)
    assert consumer.paused == {TICKETS}


def test_an_end_told_before_the_messages_before_it_were_counted_is_the_end(turns: Turns, consumer: Consumer) -> None:
    turns.end(CHATS, 12)  # a mark of a transaction lies behind the last message
    turns.read(CHATS, 10, 0, 100, 11)
    turns.read(TICKETS, 100, 0, 60_000, 100)
    turns.settle((TICKETS, CHATS), 0.0)
    assert consumer.paused == set()


def test_a_partition_of_which_nothing_comes_is_not_waited_for_any_longer(turns: Turns, consumer: Consumer) -> None:
    turns.read(TICKETS, 100, 0, 60_000, 100)
    turns.settle((TICKETS, CHATS), 10.0)
    turns.settle((TICKETS, CHATS), 11.0)
    assert consumer.paused == {TICKETS}
    turns.settle((TICKETS, CHATS), 11.1)
    assert consumer.paused == set()
    turns.read(TICKETS, 100, 60_000, 70_000, 200)
    turns.settle((TICKETS, CHATS), 12.0)
    assert consumer.paused == set()
    turns.read(CHATS, 1, 0, 0, 1)  # it is back
    turns.read(TICKETS, 99, 70_000, 71_000, 299)
    turns.settle((TICKETS, CHATS), 13.0)
    assert consumer.paused == {TICKETS}


def test_a_slow_one_that_brings_something_is_waited_for_as_long_as_it_takes(turns: Turns, consumer: Consumer) -> None:
    turns.read(TICKETS, 100, 0, 60_000, 100)
    turns.settle((TICKETS, CHATS), 0.0)
    for second in range(1, 30):
        turns.read(CHATS, 1, second, second, second)
        turns.settle((TICKETS, CHATS), float(second))
        assert consumer.paused == {TICKETS}


def test_a_partition_that_goes_is_resumed_and_forgotten(turns: Turns, consumer: Consumer) -> None:
    turns.read(TICKETS, 100, 0, 60_000, 100)
    turns.settle((TICKETS, CHATS), 0.0)
    turns.forget([TICKETS])
    assert consumer.paused == set()
    turns.read(CHATS, 100, 0, 60_000, 100)
    turns.settle((TICKETS, CHATS), 0.1)
    turns.settle((TICKETS, CHATS), 0.2)
    assert consumer.paused == {CHATS}
