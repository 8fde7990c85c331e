"""Counts and samples per leaf: a function of what was counted and taken out, whatever the order and the batches."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from random import Random

import numpy as np
import pytest

from streams.admit.samples import SPARE, Said, Tally, gathered, said_of

Contact = tuple[int, int]  # leaf and rank


def tallied(contacts: list[Contact], size: int, *, at_once: int, gone: list[Contact]) -> Tally:
    """A tally of contacts that come ``at_once``; ``gone`` are taken out half-way."""
    tally = Tally(size)
    for first in range(0, len(contacts), at_once):
        some = contacts[first : first + at_once]
        leaf, rank = np.array([leaf for leaf, _ in some]), np.array([rank for _, rank in some], np.uint64)
        tally.count(leaf, ["jo"] * len(some))
        wanted = np.flatnonzero(tally.wanted(leaf, rank))
        names = [b"%d/%d" % (leaf[i], rank[i]) for i in wanted]
        said = said_of(names, [b" said"] * len(names), list(range(len(names))))
        tally.keep(leaf[wanted], rank[wanted], said)
    for leaf_number, rank_number in gone:
        tally.drop(leaf_number, rank_number, "jo")
    return tally


def told(tally: Tally) -> dict[int, list[tuple[int, str, str]]]:
    """By leaf the samples: their ranks and the two parts of what is kept."""
    found: dict[int, list[tuple[int, str, str]]] = {}
    leaf, rank, said = tally.samples()
    for i, number in enumerate(leaf.tolist()):
        begin, cut, end = (int(column[i]) for column in (said.begins, said.cuts, said.ends))
        parts = said.packed[begin:cut].decode(), said.packed[cut:end].decode()
        found.setdefault(number, []).append((int(rank[i]), *parts))
    return found


@pytest.mark.parametrize("at_once", [1, 700, 40_000])
def test_samples_are_the_smallest_whatever_the_batches(at_once: int) -> None:
    random = Random(3)
    contacts = list({(int(5 * random.random() ** 2), random.randrange(2**64)) for _ in range(30_000)})
    if at_once == 1:
        contacts = contacts[:2_000]
    expected = {leaf: sorted(rank for other, rank in contacts if other == leaf) for leaf in range(5)}
    gone = [(leaf, ranks[place]) for leaf, ranks in expected.items() for place in range(0, 10, 2)]
    tally = tallied(contacts, 20, at_once=at_once, gone=gone)
    found = told(tally)
    for leaf, ranks in expected.items():
        left = [rank for rank in ranks if (leaf, rank) not in gone]
        assert found[leaf] == [(rank, f"{leaf}/{rank}", " said") for rank in left[:20]]
        assert tally.counts()[leaf] == len(left)
    assert len(tally.customers) == len(contacts) - len(gone)


@pytest.mark.parametrize("at_once", [1, 10_001])
def test_more_moves_than_spare_samples_leave_fewer_and_the_same(at_once: int) -> None:
    contacts = [(0, rank) for rank in random_order(10_100)]
    gone = [(0, rank) for rank in range(SPARE + 3)]
    tally = tallied(contacts, 5, at_once=at_once, gone=gone)
    assert [rank for rank, _, _ in told(tally)[0]] == [SPARE + 3, SPARE + 4]


def test_a_leaf_without_contacts_is_not_told() -> None:
    tally = tallied([(3, 7)], 5, at_once=1, gone=[(3, 7)])
    assert not tally.filled()
    assert (tally.counts().tolist(), told(tally)) == ([], {})


def test_lots_are_put_together_one_by_one() -> None:
    given: list[weakref.ref[object]] = []

    def lots() -> Iterator[Said]:
        for number in range(5):
            all_ten = said_of([b"<%d" % i for i in range(10)], [b"-%d>" % number] * 10, list(range(10)))
            some = all_ten.where(np.array([number, 9]))
            given.append(weakref.ref(some.begins))
            yield some
            del some
            assert [ref() is None for ref in given[:-1]] == [True] * number

    packed, begins, cuts, ends, sizes = gathered(lots())
    assert packed == b"<0-0><9-0><1-1><9-1><2-2><9-2><3-3><9-3><4-4><9-4>"
    assert (begins.tolist(), cuts.tolist()) == (list(range(0, 50, 5)), list(range(2, 50, 5)))
    assert (ends.tolist(), sizes.tolist()) == (list(range(5, 55, 5)), [0, 9, 1, 9, 2, 9, 3, 9, 4, 9])


def random_order(count: int) -> list[int]:
    """The first numbers, shuffled the same way each time."""
    numbers = list(range(count))
    Random(2).shuffle(numbers)
    return numbers
