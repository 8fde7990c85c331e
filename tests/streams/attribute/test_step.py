"""Attribute as a stage: right about causes, and indifferent to the order in which records come."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.attribution import Attribution, Impact
from schemas.catalog import ATTRIBUTIONS, IMPACTS
from schemas.frame import Signs
from schemas.quality import QualityResult
from schemas.raw import Feedback, RollOutStep
from schemas.spike import Expectation
from schemas.timeline import Change, Hunch, PopulationCount, Scope
from schemas.workspace import Workspace
from streams.attribute.step import ATTRIBUTE, SETTLE

Run = Callable[..., list[Any]]
Release = Callable[..., Change]
PAYMENT = "a new payment form for cards"


def flat(lists: list[list[Any]], seed: int) -> list[Any]:
    """One interleaving: origins in any order, each in its own."""
    rng = random.Random(seed)
    order = [i for i, records in enumerate(lists) for _ in records]
    rng.shuffle(order)
    places = [iter(records) for records in lists]
    return [next(places[i]) for i in order]


def one_after_another(lists: list[list[Any]], seed: int) -> list[Any]:
    """The worst interleavings: a whole origin before the next."""
    shuffled = list(lists)
    random.Random(seed).shuffle(shuffled)
    return [record for records in shuffled for record in records]


def attributions(outputs: list[Any]) -> list[Attribution]:
    return [record for topic, record in outputs if topic is ATTRIBUTIONS]


def impacts(outputs: list[Any]) -> list[Impact]:
    return [record for topic, record in outputs if topic is IMPACTS]


def final(outputs: list[Any]) -> Attribution:
    return next(one for one in attributions(outputs) if one.final)


@pytest.fixture
def solve(run_stage: Run) -> Callable[..., list[Any]]:
    def solved(world: Any, *more: Any) -> list[Any]:
        return run_stage(ATTRIBUTE, world.workspace(), [*more, *flat(world.records(), 1)])

    return solved


def test_the_release_whose_words_the_customers_use_is_blamed(
    world: Any, make_release: Release, bystanders: list[Change], solve: Run
) -> None:
    w = world()
    w.changes = [*bystanders, make_release("app 2.0", w.onset - timedelta(minutes=30), PAYMENT, owner="payments")]
    found = final(solve(w))
    assert (found.candidates[0].key, found.candidates[0].probability > 0.9) == ("app 2.0", True)
    assert "'payment'" in found.sentence
    assert "+168 contacts" in found.sentence
    assert found.terms[0].share_now > 0.4 > 10 * found.terms[0].share_usual
    assert 1 <= len(found.quotes) <= 3
    assert any("card" in quote.text for quote in found.quotes)


def test_probabilities_and_excess_add_up(
    world: Any, make_release: Release, bystanders: list[Change], solve: Run
) -> None:
    w = world()
    w.changes = [*bystanders, make_release("app 2.0", w.onset - timedelta(minutes=30), PAYMENT)]
    for found in attributions(solve(w)):
        excess = found.observed - found.expected
        assert sum(one.probability for one in found.candidates) == pytest.approx(1.0)
        assert sum(one.excess for one in found.candidates) == pytest.approx(excess, abs=1.0)
        assert all(one.excess_low <= one.excess <= one.excess_high for one in found.candidates)


def test_unknown_wins_when_nothing_matches(world: Any, bystanders: list[Change], solve: Run) -> None:
    w = world()
    w.changes = bystanders
    assert final(solve(w)).candidates[0].kind == "unknown"


def test_unknown_wins_when_no_change_is_known_at_all(world: Any, solve: Run) -> None:
    found = final(solve(world()))
    assert found.candidates[0].kind == "unknown"
    assert "Looked at 0 known changes" in found.candidates[0].evidence[0].sentence


def test_a_fix_released_in_the_middle_is_not_the_cause(
    world: Any, make_release: Release, bystanders: list[Change], solve: Run
) -> None:
    w = world()
    fix = make_release(
        "app 2.1", w.onset + timedelta(hours=5), "Fixed: payment form declines cards", fixes=("app 2.0",)
    )
    w.changes = [*bystanders, fix]
    found = final(solve(w))
    assert found.candidates[0].kind == "unknown"
    assert all(one.probability < 0.1 for one in found.candidates if one.key == "app 2.1")


def test_a_change_that_cannot_touch_the_slice_is_not_the_cause(
    world: Any, make_release: Release, bystanders: list[Change], solve: Run
) -> None:
    w = world(platform="ios")
    scope = Scope(platforms=("android",))
    w.changes = [*bystanders, make_release("app 2.0", w.onset - timedelta(minutes=30), PAYMENT, scope=scope)]
    found = final(solve(w))
    blamed = next(one for one in found.candidates if one.key == "app 2.0")
    assert found.candidates[0].key != "app 2.0"
    line = next(one for one in blamed.evidence if one.line == "scope")
    assert line.sentence == "The spike is on platform=ios, which platform=android does not cover."


def test_signs_of_repeated_texts_speak_for_measurement(world: Any, bystanders: list[Change], solve: Run) -> None:
    w = world(vary=False, texts=("buy cheap watches at our site today friend",))
    w.changes = bystanders
    found = final(solve(w))
    assert found.candidates[0].kind == "measurement"
    assert "of the sampled contacts repeat a text" in found.sentence


def test_one_customer_with_many_contacts_speaks_for_measurement(
    world: Any, bystanders: list[Change], solve: Run
) -> None:
    w = world(signs=Signs(top_customer=7), customer="pest")
    w.changes = bystanders
    assert final(solve(w)).candidates[0].kind == "measurement"


def test_a_failed_check_before_the_decision_is_evidence_and_one_after_it_is_not(
    world: Any, bystanders: list[Change], solve: Run
) -> None:
    w = world()
    w.changes = bystanders

    def check(hours: float) -> QualityResult:
        at = w.onset + timedelta(hours=hours)
        return QualityResult(
            workspace="shop",
            origin="quality",
            seq=1,
            check_id="volume",
            table="contacts",
            expectation="rows",
            success=False,
            observed="0 rows",
            allowed="10 or more",
            window_start=at - timedelta(hours=1),
            window_end=at,
            at=at,
        )

    def quality(outputs: list[Any]) -> list[bool]:
        nameless = (next(c for c in one.candidates if c.kind == "measurement") for one in attributions(outputs))
        return [any(line.line == "quality" for line in one.evidence) for one in nameless]

    assert quality(solve(w, check(1.0))) == [True] * 7
    assert quality(solve(w, check(4.0)))[0] is False


def test_live_decisions_use_no_change_before_it_is_known(
    world: Any, make_release: Release, bystanders: list[Change], solve: Run
) -> None:
    w = world()
    late = w.onset + timedelta(hours=6)
    change = make_release("app 2.0", w.onset - timedelta(minutes=30), PAYMENT)
    w.changes = [*bystanders, replace(change, available_at=late)]
    for found in attributions(solve(w)):
        named = any(one.key == "app 2.0" for one in found.candidates)
        assert named == (found.as_of > late)


def test_a_change_recorded_after_the_spike_re_attributes_it(
    world: Any, make_release: Release, bystanders: list[Change], solve: Run
) -> None:
    w = world()
    at = w.onset + timedelta(hours=40, minutes=10)
    change = make_release("app 2.0", w.onset - timedelta(minutes=30), PAYMENT)
    w.changes = [*bystanders, replace(change, available_at=at, recorded_at=at)]
    found = attributions(solve(w))
    said = [(one.candidates[0].kind, one.as_of - at < timedelta(seconds=1)) for one in found if not one.final]
    assert said[-2:] == [("unknown", True), ("release", True)]
    assert found[-1].candidates[0].key == "app 2.0"


def test_a_later_record_of_a_change_replaces_the_earlier(
    world: Any, make_release: Release, bystanders: list[Change], solve: Run
) -> None:
    w = world()
    change = make_release("app 2.0", w.onset - timedelta(minutes=30), PAYMENT)
    moved = replace(change, starts_at=w.onset + timedelta(days=2), recorded_at=w.onset + timedelta(hours=4))
    w.changes = [*bystanders, change, moved]
    found = attributions(solve(w))
    assert found[0].candidates[0].key == "app 2.0"
    assert found[-1].candidates[0].kind == "unknown"


def test_a_staged_roll_out_moves_the_expected_onset(
    world: Any, make_release: Release, bystanders: list[Change], solve: Run
) -> None:
    w = world()

    def weight(*steps: tuple[float, float]) -> float:
        rollout = tuple(RollOutStep(at=w.onset + timedelta(hours=hours), share=share) for hours, share in steps)
        w.changes = [*bystanders, make_release("app 2.0", w.onset - timedelta(hours=60), PAYMENT, rollout=rollout)]
        blamed = next(one for one in final(solve(w)).candidates if one.key == "app 2.0")
        return next(line.weight for line in blamed.evidence if line.line == "time")

    assert weight((-60, 0.01), (-1, 1.0)) > weight((-60, 0.99), (-1, 1.0)) + 1.0


def test_a_loud_fault_is_timely_at_the_first_twentieth_of_a_roll_out_and_a_faint_one_waits_for_more(
    world: Any, make_release: Release, bystanders: list[Change], solve: Run
) -> None:
    steps = ((-1.0, 0.05), (11.0, 0.3), (35.0, 1.0))

    def weight(excess: float, steps: tuple[tuple[float, float], ...]) -> float:
        w = world(excess=excess)
        rollout = tuple(RollOutStep(at=w.onset + timedelta(hours=hours), share=share) for hours, share in steps)
        w.changes = [*bystanders, make_release("app 2.0", rollout[0].at, PAYMENT, rollout=rollout)]
        blamed = next(one for one in final(solve(w)).candidates if one.key == "app 2.0")
        return next(line.weight for line in blamed.evidence if line.line == "time")

    at_once = weight(14.0, ((-1.0, 1.0),))
    assert weight(14.0, steps) > at_once - 0.5
    earlier = ((-40.0, 0.05), (-1.0, 1.0))
    assert weight(4.0, earlier) > weight(40.0, earlier) + 0.3


def test_people_overrule_the_evidence(world: Any, make_release: Release, bystanders: list[Change], solve: Run) -> None:
    w = world()
    w.changes = [*bystanders, make_release("app 2.0", w.onset - timedelta(minutes=30), PAYMENT)]
    said = Feedback(
        event_id="f1",
        workspace="shop",
        occurred_at=w.onset + timedelta(hours=7),
        source="page",
        spike="s1",
        verdict="reject",
        cause="app 2.0",
        who="ann",
    )
    outputs = solve(w, said)
    before, after = (
        next(a for a in attributions(outputs) if (a.as_of > said.occurred_at) == later) for later in (False, True)
    )
    assert before.candidates[0].key == "app 2.0"
    assert after.candidates[0].kind == "unknown"
    assert impacts(outputs)[-1].kind == "unknown"
    assert [one.state for one in impacts(outputs) if one.key == "app 2.0"][-1] == "withdrawn"


def test_peoples_word_after_the_final_revision_gives_another_final_one(
    world: Any, make_release: Release, bystanders: list[Change], run_stage: Run
) -> None:
    w = world()
    w.changes = [*bystanders, make_release("app 2.0", w.onset - timedelta(minutes=30), PAYMENT)]
    said = Feedback(
        event_id="f1",
        workspace="shop",
        occurred_at=w.onset + timedelta(days=3),
        source="page",
        spike="s1",
        verdict="reject",
        cause="app 2.0",
        who="ann",
    )
    outputs = run_stage(ATTRIBUTE, w.workspace(), [*flat(w.records(), 1), said])
    last = attributions(outputs)[-1]
    assert (last.final, last.candidates[0].kind, last.revision) == (True, "unknown", 8)


def test_impact_ties_a_change_to_its_spike_and_is_revised_only_when_it_says_something_new(
    world: Any, make_release: Release, bystanders: list[Change], solve: Run
) -> None:
    w = world()
    w.changes = [*bystanders, make_release("app 2.0", w.onset - timedelta(minutes=30), PAYMENT, owner="payments")]
    found = [one for one in impacts(solve(w)) if one.key == "app 2.0"]
    assert len({one.impact_id for one in found}) == 1
    assert [one.revision for one in found] == list(range(1, len(found) + 1))
    assert found[-1].spikes == ("s1",)
    assert found[-1].contacts == pytest.approx(168.0)
    assert found[-1].by_slice == {"": 168.0}
    assert (found[0].state, found[-1].state) == ("open", "closed")
    assert all(
        replace(a, revision=0, seq=0, as_of=b.as_of) != replace(b, revision=0, seq=0) for a, b in pairwise(found)
    )


def test_the_final_revision_comes_fourteen_days_after_the_end(world: Any, run_stage: Run) -> None:
    w = world(days=30, onset=world().onset - timedelta(days=12))
    end = w.onset + timedelta(hours=w.hours)
    outputs = run_stage(ATTRIBUTE, w.workspace(), flat(w.records(), 1))
    assert (final(outputs).as_of, final(outputs).state) == (end + SETTLE, "closed")


def test_sequences_have_no_holes_and_as_of_never_falls(
    world: Any, make_release: Release, bystanders: list[Change], solve: Run
) -> None:
    w = world()
    w.changes = [*bystanders, make_release("app 2.0", w.onset - timedelta(minutes=30), PAYMENT)]
    outputs = solve(w)
    for found in (attributions(outputs), impacts(outputs)):
        assert [one.seq for one in found] == list(range(1, len(found) + 1))
        assert [one.as_of for one in found] == sorted(one.as_of for one in found)
    assert {one.origin for one in attributions(outputs)} == {"attribute"}
    assert {one.origin for one in impacts(outputs)} == {"impact"}


def test_no_interleaving_of_origins_changes_any_output(
    world: Any, make_release: Release, bystanders: list[Change], run_stage: Run
) -> None:
    w = world(days=26, per_hour=3.0, excess=8.0)
    at = w.onset + timedelta(hours=20)
    late = replace(make_release("app 2.0", w.onset - timedelta(minutes=30), PAYMENT), recorded_at=at, available_at=at)
    w.changes = [*bystanders, late]
    w.told = [
        (w.onset + timedelta(hours=3), Hunch(at=w.onset + timedelta(hours=3), about="", text="is it app 2.0?")),
        *(
            (
                w.onset + timedelta(hours=hours),
                PopulationCount(
                    at=w.onset + timedelta(hours=hours), slice={"product": "app", "version": "2.0"}, customers=9
                ),
            )
            for hours in range(-600, 30, 1)
        ),
    ]
    records = w.records()
    expected = run_stage(ATTRIBUTE, w.workspace(), flat(records, 0))
    assert len(attributions(expected)) == 8
    for seed in range(1, 6):
        assert run_stage(ATTRIBUTE, w.workspace(), flat(records, seed)) == expected
        assert run_stage(ATTRIBUTE, w.workspace(), one_after_another(records, seed)) == expected


def test_a_stream_that_never_speaks_holds_nothing_up_for_ever(world: Any, run_stage: Run) -> None:
    w = world(quiet_surveys=False)
    assert final(run_stage(ATTRIBUTE, w.workspace(), flat(w.records(), 1))).final


def test_a_live_workspace_waits_an_hour_for_a_silent_stream(world: Any, run_stage: Run) -> None:
    w = world(quiet_surveys=False)
    live = replace(w.workspace(), progress="clock")
    records = [r for records in w.records() for r in records if not getattr(r, "final", False)]
    records.sort(key=lambda r: r.until if hasattr(r, "until") else r.as_of)
    assert [one.final for one in attributions(run_stage(ATTRIBUTE, live, records))] == [False] * 6


def test_nothing_is_decided_before_every_timeline_input_has_spoken(world: Any, run_stage: Run) -> None:
    w = world()
    records = [r for records in w.records() for r in records if getattr(r, "origin", "") != "changes/0"]
    assert run_stage(ATTRIBUTE, w.workspace(), records) == []


JUDGED = datetime(2024, 1, 1, 1, tzinfo=UTC)


def _expectation(seq: int, spike_seq: int) -> Expectation:
    return Expectation(
        workspace="shop",
        origin="contacts",
        seq=seq,
        stream="contacts",
        bucket_start=JUDGED - timedelta(hours=1),
        bucket_s=3600,
        until=JUDGED,
        spike_seq=spike_seq,
    )


@pytest.mark.parametrize(("seq", "judged"), [(1, None), (9, JUDGED)])
def test_spikes_that_were_cut_with_the_first_expectations_are_not_waited_for(seq: int, judged: object) -> None:
    state, _ = ATTRIBUTE.step(ATTRIBUTE.start(Workspace(name="shop", bucket_s=3600)), _expectation(seq, 3))
    assert state.streams["contacts"].judged == judged
    state, _ = ATTRIBUTE.step(state, _expectation(seq + 1, 4))
    assert state.streams["contacts"].judged == judged
    assert len(state.streams["contacts"].marks) == (1 if judged else 2)
