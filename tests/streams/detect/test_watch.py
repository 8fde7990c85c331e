"""Which slices are watched, and what their counts are."""

from __future__ import annotations

import numpy as np
import pytest

from streams.detect.watch import Leaves, Watched, WatchSettings, choose, folded

DIMENSIONS = ("platform", "topic", "version")
SETTINGS = WatchSettings(min_single=10, min_joint=20, max_values=2, max_slices=50)


def some() -> tuple[Leaves, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Leaves with their contacts."""
    volume = {
        ("ios", "login", "5.1"): 40.0,
        ("ios", "bill", "5.2"): 15.0,
        ("web", "login", ""): 30.0,
        ("tv", "login", "1.0"): 3.0,
        ("", "bill", "1.0"): 12.0,
    }
    leaves = Leaves()
    for leaf in volume:
        leaves.place(leaf)
    return leaves, np.array(list(volume.values()))


def chosen(settings: WatchSettings = SETTINGS, pinned: tuple[tuple[tuple[str, str], ...], ...] = ()) -> Watched:
    leaves, volume = some()
    return choose(leaves, volume, DIMENSIONS, settings, pinned)


def test_slices_with_enough_contacts_are_watched_everywhere_first() -> None:
    texts = chosen().texts
    assert texts[0] == ""
    assert {"platform=ios", "platform=web", "topic=login", "platform=ios, topic=login"} <= set(texts)


def test_versions_are_not_watched() -> None:
    assert not [text for text in chosen().texts if "version" in text]


def test_missing_value_is_no_slice() -> None:
    assert not [text for text in chosen().texts if "platform=," in text or text.endswith("=")]


def test_rare_value_folds_into_other_and_other_needs_volume_too() -> None:
    kept = chosen().kept
    assert "tv" not in kept["platform"]
    assert folded(("tv", "login", "1.0"), DIMENSIONS, kept) == (("platform", "other"), ("topic", "login"))
    assert "platform=other" not in chosen().texts


def test_cap_keeps_the_largest_and_pinned_ones() -> None:
    capped = chosen(WatchSettings(min_single=10, min_joint=20, max_values=2, max_slices=3), ((("topic", "bill"),),))
    assert capped.texts == ("", "topic=login", "platform=ios", "topic=bill")


def test_counts_add_up_over_leaves_and_a_new_leaf_is_counted_at_once() -> None:
    leaves, _ = some()
    watched = chosen()
    new = leaves.place(("ios", "login", "9.9"))
    watched.extend(leaves, DIMENSIONS)
    counts = watched.add_up(np.array([0, 2, new]), np.array([4, 2, 1]))
    found = dict(zip(watched.texts, counts, strict=True))
    assert found[""] == 7
    assert found["platform=ios"] == 5
    assert found["topic=login"] == 7
    assert found["platform=ios, topic=login"] == 5


def test_renaming_dimensions_values_changes_no_count() -> None:
    leaves, volume = some()
    renamed = Leaves()
    for leaf in leaves.values:
        renamed.place(tuple(f"x{value}" if value else "" for value in leaf))
    again = choose(renamed, volume, DIMENSIONS, SETTINGS)
    counts = np.array([1, 2, 3, 4, 5])
    assert sorted(again.add_up(np.arange(5), counts)) == sorted(chosen().add_up(np.arange(5), counts))


@pytest.mark.parametrize(("slice_", "other", "inside"), [(3, 0, True), (0, 3, False), (1, 2, False)])
def test_a_slice_lies_inside_what_it_fixes(slice_: int, other: int, inside: bool) -> None:
    watched = Watched(((), (("topic", "a"),), (("topic", "b"),), (("platform", "x"), ("topic", "a"))), {})
    assert watched.inside_of(slice_, other) is inside
