"""Worlds: the same for the same seed, true to their truth, different by family, and hard."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.timeline import Change
from sources.stories.worlds import FAMILIES, FIT_FAMILIES, JUDGED_FAMILIES, World, make_world
from sources.stories.worlds.crowd import Crowd
from sources.stories.worlds.records import moment

SAMPLE = 4


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    """A few worlds of every family."""
    return [make_world(family, seed) for family in FAMILIES for seed in range(SAMPLE)]


def test_the_same_seed_gives_the_same_world() -> None:
    one, two, other = (make_world("bank", seed, days=14, history_days=5) for seed in (3, 3, 4))
    assert list(one.records()) == list(two.records())
    assert one.truth == two.truth
    assert one.crowd.at.size != other.crowd.at.size


def test_every_contact_of_a_true_spike_is_in_the_crowd_and_nothing_came_before_its_onset(worlds: list[World]) -> None:
    for world in worlds:
        by_name = {effect.name: index for index, effect in enumerate(world.drama.effects)}
        assert len(by_name) == len(world.drama.effects)
        for truth in world.truth:
            rows = np.flatnonzero(world.crowd.effect == by_name[truth.name])
            assert rows.size == truth.excess
            assert moment(world.start, float(world.crowd.at[rows].min())) >= truth.onset
            share = np.mean([_holds(world, row, truth.slice) for row in rows.tolist()])
            assert share >= 0.3, (world.name, truth)


def _holds(world: World, row: int, pairs: dict[str, str]) -> bool:
    leaf: dict[str, str] = dict(
        zip(world.workspace.dimensions, world.leaves.values[int(world.leaves.place[row])], strict=True)
    )
    return all(leaf[name] == value for name, value in pairs.items())


def test_frames_count_what_the_crowd_holds_but_for_the_late(worlds: list[World]) -> None:
    world = worlds[0]
    counted = sum(sum(getattr(record, "counts", ())) for record in world.records())
    assert 0.97 * world.crowd.at.size < counted <= world.crowd.at.size


def test_true_causes_are_recorded_and_decoys_are_other_recorded_changes(worlds: list[World]) -> None:
    for world in worlds:
        keys = {one.body.key for one in world.told() if isinstance(one.body, Change)}
        for truth in world.truth:
            assert truth.cause_key not in truth.must_not_blame
            assert bool(truth.cause_key) == (truth.cause_kind not in ("unknown", "measurement"))
            assert not truth.cause_key or truth.cause_key in {deed.key for deed in world.drama.deeds}
        causes = {truth.cause_key for truth in world.truth if truth.cause_key}
        assert len(causes - keys) <= 1, "nearly all causes are recorded before the world ends"


def test_families_differ_and_the_judged_ones_are_not_fitted() -> None:
    assert not set(FIT_FAMILIES) & set(JUDGED_FAMILIES)
    assert {*FIT_FAMILIES, *JUDGED_FAMILIES} == set(FAMILIES)
    assert len(FAMILIES) >= 6
    vocabularies = [{thing.official for thing in family.things} for family in FAMILIES.values()]
    for place, mine in enumerate(vocabularies):
        assert all(len(mine & other) <= 1 for other in vocabularies[place + 1 :])
    assert len({tuple(sorted(family.causes.items())) for family in FAMILIES.values()}) == len(FAMILIES)
    assert {family.products[1] for family in FAMILIES.values()} >= {6, 40}


def test_about_half_of_the_effects_are_below_a_half_and_a_quarter_has_no_logged_cause(worlds: list[World]) -> None:
    truths = [truth for world in worlds for truth in world.truth]
    real = [truth for truth in truths if truth.cause_kind != "measurement"]
    assert 0.4 <= np.mean([truth.ratio < 0.5 for truth in real]) <= 0.75
    assert 0.15 <= np.mean([truth.cause_kind == "unknown" for truth in real]) <= 0.4
    assert {truth.fault for truth in truths} >= {"doubled", "one-customer", "one-text", "renamed"}


def test_the_latest_change_before_the_onset_is_right_in_less_than_three_of_five(worlds: list[World]) -> None:
    right = []
    for world in worlds:
        changes = {one.body.key: one.body for one in world.told() if isinstance(one.body, Change)}
        for truth in world.truth:
            before = [one for one in changes.values() if one.starts_at <= truth.onset]
            last = max(before, key=lambda one: one.starts_at, default=None)
            right.append(last is not None and last.key == truth.cause_key)
    assert np.mean(right) <= 0.6


def test_customers_write_three_languages_with_slips_and_some_blame_the_update() -> None:
    world = make_world("games", 2, days=16, history_days=6)
    texts = [world.text(row) for row in range(0, world.crowd.at.size, 40)]
    assert any("¿" in text for text in texts)
    assert any("wegen" in text or "wie" in text.lower() for text in texts)
    hit = [world.text(int(row)) for row in np.flatnonzero(world.crowd.voice >= 0)]
    blaming = np.mean([("update" in text.lower() or "actualización" in text) for text in hit])
    assert 0.01 < blaming < 0.2


def test_a_renamed_category_moves_contacts_and_adds_none() -> None:
    world = next(
        w
        for w in (make_world("shop", seed) for seed in range(40))
        if any(e.fault == "renamed" for e in w.drama.effects)
    )
    truth = next(one for one in world.truth if one.fault == "renamed")
    assert truth.slice["topic"].endswith(" help")
    old = truth.slice["topic"].removesuffix(" help")
    after = [leaf[4] for leaf, at in _leaves(world) if at > truth.onset.timestamp()]
    assert old not in after


def _leaves(world: World) -> list[tuple[tuple[str, ...], float]]:
    start = world.start.timestamp()
    return [
        (world.leaves.values[place], start + at)
        for place, at in zip(world.leaves.place.tolist(), world.crowd.at.tolist(), strict=True)
    ]


def test_an_unknown_family_and_a_world_without_time_are_refused() -> None:
    with pytest.raises(ValueError, match="there is no family 'zoo'; there are shop, bank, games"):
        make_world("zoo", 1)
    with pytest.raises(ValueError, match="8 days leave no time for effects after 6 days"):
        make_world("shop", 1, days=8, history_days=6)


def test_columns_stay_together_when_rows_are_taken() -> None:
    crowd = make_world("bank", 1, days=10, history_days=5).crowd
    some = crowd.take(np.array([5, 2]))
    assert isinstance(some, Crowd)
    assert some.at.tolist() == [crowd.at[5], crowd.at[2]]
    assert some.core.tolist() == [crowd.core[5], crowd.core[2]]
