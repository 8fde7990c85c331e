"""The judge of worlds: what a spike is made of, what counts as right, and that simpler rules fail on the worlds."""

from __future__ import annotations

import math
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.attribution_calibration import fit, isotonic, top_of
from benchmarks.attribution_placebos import Blame, moved, shuffled
from benchmarks.worlds_judge import Answer, Named, Part, judged
from benchmarks.worlds_report import again, calibration_error
from benchmarks.worlds_rivals import rivals_of
from benchmarks.worlds_run import Found, Said, retold
from schemas.attribution import Attribution, Candidate, CauseKind
from schemas.timeline import Change
from sources.stories.worlds import FAMILIES, World, make_world


def attribution(world: World, place: int, cause: tuple[CauseKind, str], *, excess: float | None = None) -> Attribution:
    """A found spike that lies just where a true one does."""
    truth = world.truth[place]
    gained = truth.excess if excess is None else excess
    candidate = Candidate(
        kind=cause[0], key=cause[1], probability=0.9, excess=gained, excess_low=0.0, excess_high=2.0 * gained
    )
    return Attribution(
        workspace=world.workspace.name, origin="attribute", seq=1, spike_id=f"s{place}", revision=1, as_of=truth.end, final=True,
        stream="contacts", state="closed", slice=truth.slice, onset=truth.onset, end=truth.end + timedelta(hours=1), expected=0.0,
        observed=round(gained), candidates=(candidate,), sentence="",
    )  # fmt: skip


def found(world: World, attributions: list[Attribution]) -> Found:
    spikes: dict[str, Any] = {
        one.spike_id: SimpleNamespace(excess=1.0, excess_low=0.0, excess_high=2.0) for one in attributions
    }
    return Found(world, Said(spikes, attributions, []))


def test_a_spike_is_made_of_the_effect_that_added_most_of_it() -> None:
    world = make_world("shop", 1)
    place = next(i for i, truth in enumerate(world.truth) if truth.cause_key)
    truth = world.truth[place]
    answers, causes = judged(found(world, [attribution(world, place, (truth.cause_kind, truth.cause_key))]))
    assert answers[0].truth is not None
    assert (answers[0].truth.name, answers[0].right) == (truth.name, True)
    assert [cause.spike for cause in causes if cause.truth.name == truth.name] == [answers[0].spike]
    wrong, _ = judged(found(world, [attribution(world, place, ("release", "another"))]))
    assert not wrong[0].right


def test_a_spike_of_which_little_was_added_is_false_and_nameless_is_right() -> None:
    world = make_world("shop", 1)
    excess = 50.0 * world.truth[0].excess
    answers, causes = judged(found(world, [attribution(world, 0, ("unknown", ""), excess=excess)]))
    assert answers[0].parts == ()
    assert answers[0].right
    assert not any(cause.spike for cause in causes)


def test_a_decoy_put_first_is_blamed() -> None:
    world = next(w for w in (make_world("travel", seed) for seed in range(9)) if any(t.must_not_blame for t in w.truth))
    place = next(i for i, truth in enumerate(world.truth) if truth.must_not_blame)
    answers, _ = judged(found(world, [attribution(world, place, ("release", world.truth[place].must_not_blame[0]))]))
    assert answers[0].blamed


def test_the_latest_change_and_votes_are_wrong_as_often_as_the_worlds_promise() -> None:
    right: dict[str, list[bool]] = {}
    for family in FAMILIES:
        for seed in (1, 2):
            world = make_world(family, seed)
            spikes = [attribution(world, place, ("unknown", "")) for place in range(len(world.truth))]
            said = rivals_of(found(world, spikes))
            for place, truth in enumerate(world.truth):
                for name, answer in said[f"s{place}"].items():
                    right.setdefault(name, []).append(answer == (truth.cause_kind, truth.cause_key))
    shares = {name: float(np.mean(each)) for name, each in right.items()}
    assert shares["latest"] <= 0.6
    assert shares["vote and veto"] <= 0.8
    assert min(shares["vote and veto"], shares["differences"], shares["counterfactual"]) > 0.1, "rivals that try"


def answer(weights: dict[str, float], parts: tuple[Part, ...]) -> Answer:
    kinds = {"unknown": ("unknown", ""), "measurement": ("measurement", "")}
    named = tuple(
        Named(
            *kinds.get(name, ("release", name)),
            0.5,
            1.0,
            0.0,
            2.0,
            {"words": weight, "time": 0.5 if name not in kinds else 0.0},
        )
        for name, weight in weights.items()
    )
    return Answer("w", "s", "", 1.0, 0.0, 2.0, parts, named)


def test_probabilities_are_made_anew_without_a_line() -> None:
    one = answer({"a": 4.0, "unknown": 0.0}, (Part("e", "release", "a", 9, 1.0),))
    assert again(one, frozenset()).top.key == "a"
    without = again(one, frozenset({"words", "time"}))
    assert [candidate.probability for candidate in without.candidates] == pytest.approx([0.5, 0.5])


def test_the_fitted_temperature_cools_what_is_too_modest_and_warms_what_is_too_sure() -> None:
    true, other = (Part("e", "release", "a", 9, 1.0),), (Part("e", "release", "b", 9, 1.0),)
    modest = [answer({"a": 1.0, "b": 0.0, "unknown": 0.0}, true)] * 40
    hasty = [answer({"a": 5.0, "b": 0.0, "unknown": 0.0}, true if place % 2 else other) for place in range(40)]
    assert fit(modest, offsets=False)[0] < 0.7
    assert fit(hasty, offsets=False)[0] > 2.0
    said, right = top_of(hasty, (1.0, 0.0, 0.0))
    assert said.mean() > 0.9
    assert right.mean() == 0.5
    assert calibration_error(said, right) == pytest.approx(float(said.mean()) - 0.5)


def test_an_isotonic_map_never_falls() -> None:
    places, values = isotonic(np.array([0.2, 0.4, 0.6, 0.9]), np.array([False, True, False, True]))
    assert places.tolist() == [0.2, 0.4, 0.9]
    assert values.tolist() == [0.0, 0.5, 1.0]


def test_placebos_move_all_times_of_a_change_and_shuffle_by_more_than_three_days() -> None:
    world = make_world("bank", 1, days=20, history_days=6)
    told = list(world.records())
    before: list[Change] = []
    after: list[Change] = []

    def kept(changes: list[Change]) -> list[Change]:
        before.extend(changes)
        after.extend(shuffled(1)(changes))
        return after

    again_told = retold(told, kept)
    assert len(again_told) == len(told)
    assert all(abs(b.starts_at - a.starts_at) > timedelta(days=3) for a, b in zip(before, after, strict=True))
    later = moved(before[0], timedelta(days=7))
    assert later.starts_at - before[0].starts_at == later.available_at - before[0].available_at == timedelta(days=7)


def test_more_silence_costs_right_answers_and_spares_wrong_ones() -> None:
    told = ((0.6, True, True), (0.3, False, False), (0.1, True, False))
    blame = Blame("true", "w", "release", 0.6, True, True, told)
    right, named = blame.quieter(0.0)
    assert right
    assert named == pytest.approx(0.6)
    right, named = blame.quieter(1.0)
    assert not right
    assert named == pytest.approx(0.6 * math.exp(-1) / (0.7 * math.exp(-1) + 0.3))
