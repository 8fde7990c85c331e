"""What was read of a partition that went and came back is not admitted twice."""

from __future__ import annotations

from typing import cast

from confluent_kafka import Consumer, Message

from streams.admit.gathering import Gathering
from streams.reader import Place
from streams.turns import Turns
from tests.streams.admit.making import SMALL_BATCHES

TAKEN = {partition: Message(topic="tickets", partition=partition, offset=3) for partition in (1, 2)}


class Rebalanced:
    """Hands over a message at a time; while it waits for more, partition 1 goes and comes back."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.gathering = Gathering(cast("Consumer", self), cast("Turns", None), SMALL_BATCHES)

    def consume(self, count: int, timeout: float) -> list[Message]:
        del timeout
        if count == 1:
            return [TAKEN[self.first]]
        self.gathering.came([Place("tickets", 1)])
        return [TAKEN[1]]


def test_what_was_taken_of_a_partition_that_went_and_came_back_is_dropped() -> None:
    """It is read again from what was committed on, in the same breath."""
    for first, expected in ((1, [1]), (2, [2, 1])):
        gathering = Rebalanced(first).gathering
        assert [message.partition() for message in gathering.next()] == expected


def test_what_fails_within_a_callback_comes_out_after_it() -> None:
    rebalanced = Rebalanced(2)
    with rebalanced.gathering.held():
        raise ZeroDivisionError
    try:
        rebalanced.gathering.next()
    except ZeroDivisionError:
        return
    raise AssertionError("it was swallowed")
