"""What contacts that use a record's words are filed under, beside what the excess is filed under."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.attribution import Attribution, Candidate
from schemas.catalog import ATTRIBUTIONS
from schemas.frame import Frame
from schemas.timeline import Change
from schemas.workspace import Dimension
from streams.attribute.filing import BOTH
from streams.attribute.kinds import OUT_OF_TIME, WRITTEN
from streams.attribute.step import ATTRIBUTE

Release = Callable[..., Change]
NAMES: tuple[Dimension, ...] = ("platform", "topic")
FOREIGN = ("Zahlung abgelehnt", "wieder abgelehnt, Zahlung geht nicht", "meine Zahlung hängt")
TOPICS = {"invoice": "money", "Zahlung": "money", "abgelehnt": "money", "password": "account"}


def by_topic(record: Any) -> Any:
    """The same contacts counted by what they are about."""
    if not isinstance(record, Frame) or not record.leaves:
        return record
    leaf_of = {
        sample.event_id: (
            record.leaves[sample.leaf][0],
            next((topic for word, topic in TOPICS.items() if word in sample.text), "orders"),
        )
        for sample in record.samples
    }
    leaves = tuple(sorted(set(leaf_of.values())))
    samples = [replace(sample, leaf=leaves.index(leaf_of[sample.event_id])) for sample in record.samples]
    return replace(
        record,
        dimensions=NAMES,
        leaves=leaves,
        counts=tuple(list(leaf_of.values()).count(leaf) for leaf in leaves),
        samples=tuple(sorted(samples, key=lambda sample: (sample.leaf, sample.rank))),
    )


@pytest.fixture
def solve(run_stage: Callable[..., list[Any]]) -> Callable[..., Attribution]:
    def solved(world: Any, *, topics: bool = True) -> Attribution:
        workspace = replace(world.workspace(), dimensions=NAMES) if topics else world.workspace()
        records: Iterable[Any] = chain(*world.records())
        told = (by_topic(record) if topics else record for record in records)
        outputs = run_stage(ATTRIBUTE, workspace, told)
        found: Attribution = next(one for topic, one in outputs if topic is ATTRIBUTIONS and one.final)
        return found

    return solved


def named(found: Attribution, key: str) -> Candidate:
    return next(one for one in found.candidates if one.key == key)


def filed(found: Attribution, key: str) -> Any:
    return next((one for one in named(found, key).evidence if "filed_now" in one.numbers), None)


def test_a_change_about_the_excess_topic_gains_without_a_word_in_common(
    world: Any, make_release: Release, bystanders: list[Change], solve: Callable[..., Attribution]
) -> None:
    w = world(days=26, texts=FOREIGN)
    about = [("app 2.0", "the invoice"), ("app 2.1", "the password")]
    w.changes = [*bystanders, *(make_release(key, w.onset - timedelta(hours=1), text) for key, text in about)]
    found = solve(w)
    money, account = (filed(found, key) for key, _ in about)
    assert money.weight > 1.0
    assert account.weight < -1.0
    assert money.sentence == (
        f"Of the contacts that use its words ('invoice') {money.numbers['filed']:.0%} are usually filed under topic=money "
        f"(of all {money.numbers['filed_usual']:.0%}), of the excess {money.numbers['filed_now']:.0%}."
    )
    assert named(found, "app 2.0").probability > 4 * named(found, "app 2.1").probability
    without = solve(w, topics=False)
    assert all(filed(without, key) is None for key, _ in about)
    assert named(without, "app 2.0").probability == pytest.approx(named(without, "app 2.1").probability, abs=0.05)


def test_it_counts_as_written_and_so_speaks_less_for_a_change_out_of_its_time(
    world: Any, make_release: Release, bystanders: list[Change], solve: Callable[..., Attribution]
) -> None:
    w = world(days=26, texts=FOREIGN)
    late = make_release("app 2.0", w.onset + timedelta(hours=11), "a new page for the invoice")
    w.changes = [*bystanders, late]
    said = [one.weight for one in named(solve(w), "app 2.0").evidence if one.line == "words"]
    assert sum(max(weight, 0.0) for weight in said) <= OUT_OF_TIME < WRITTEN


def test_words_that_no_contact_ever_used_say_nothing_of_a_topic(
    world: Any, make_release: Release, bystanders: list[Change], solve: Callable[..., Attribution]
) -> None:
    w = world(days=26, texts=FOREIGN)
    w.changes = [*bystanders, make_release("app 2.0", w.onset - timedelta(hours=1), "chandeliers and candelabra")]
    assert filed(solve(w), "app 2.0") is None


def test_one_word_among_new_ones_tells_little_of_where_a_new_thing_is_filed(
    world: Any, make_release: Release, bystanders: list[Change], solve: Callable[..., Attribution]
) -> None:
    w = world(days=26, texts=FOREIGN)
    notes = {"app 2.0": "the password", "app 2.1": "chandeliers, candelabra, sconces and lanterns, no password"}
    w.changes = [*bystanders, *(make_release(key, w.onset - timedelta(hours=1), text) for key, text in notes.items())]
    found = solve(w)
    old, new = (filed(found, key) for key in notes)
    assert old.weight < -1.0
    assert -0.5 < new.weight < 0.0
    assert new.sentence.endswith(f"Contacts have used {new.numbers['filed_heard']:.0%} of its words before.")


def test_where_the_words_match_already_the_topic_adds_little(
    world: Any, make_release: Release, bystanders: list[Change], solve: Callable[..., Attribution]
) -> None:
    w = world(days=26, texts=("the invoice page is blank", "blank page, no invoice", "no invoice page"))
    w.changes = [*bystanders, make_release("app 2.0", w.onset - timedelta(hours=1), "a new page for the invoice")]
    found = solve(w)
    matched = next(one for one in named(found, "app 2.0").evidence if "z" in one.numbers)
    assert matched.weight > 1.0
    assert 0.0 <= filed(found, "app 2.0").weight <= max(BOTH - matched.weight, 0.0) + 1e-3
