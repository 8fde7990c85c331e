"""Where contacts that use some words are filed, as log-odds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from stats.errors import DomainError
from stats.filing import ASTRAY, MOST, filed_shares, filed_weight, heard_share

USUAL = np.array([0.1, 0.2, 0.7])


def test_words_used_everywhere_drag_nothing_towards_the_usual() -> None:
    own = np.array([[60.0, 0.0, 0.0]])
    alone = filed_shares(own, USUAL, np.ones(1))
    beside = filed_shares(np.vstack([own, 600.0 * USUAL, 600.0 * USUAL]), USUAL, np.ones(3))
    assert alone is not None
    assert beside is not None
    assert alone[0] > 0.85
    assert beside == pytest.approx(alone, abs=0.01)


def test_words_that_hardly_anybody_used_say_little_and_those_never_seen_nothing() -> None:
    once, often = (filed_shares(np.array([[n, 0.0, 0.0]]), USUAL, np.ones(1)) for n in (1.0, 50.0))
    assert once is not None
    assert often is not None
    assert USUAL[0] < once[0] < 0.25 < often[0]
    assert filed_shares(np.zeros((4, 3)), USUAL, np.ones(4)) is None


def test_an_excess_under_their_topic_speaks_for_and_one_elsewhere_against() -> None:
    filed = np.array([0.9, 0.05, 0.05])
    here, there, spread = (filed_weight(excess, USUAL, filed) for excess in (np.eye(3)[0], np.eye(3)[2], USUAL))
    assert here > 1.5
    assert there < -1.0
    assert spread == pytest.approx(0.0)


def test_the_fewer_of_its_words_were_ever_used_the_less_they_say() -> None:
    filed = np.array([0.9, 0.05, 0.05])
    said = np.array([[40.0, 2.0, 2.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    heard = [heard_share(said[:many], np.ones(many)) for many in (1, 2, 3)]
    assert heard == pytest.approx([44 / 45, 44 / 90, 44 / 135])
    for excess in (np.eye(3)[0], np.eye(3)[2]):
        whole, *some = (abs(filed_weight(excess, USUAL, filed, heard=share)) for share in (1.0, *heard, 0.0))
        assert some == sorted(some, reverse=True)
        assert whole >= some[0] > some[2] > 0.0 == some[3]


def test_a_topic_without_a_past_says_nothing() -> None:
    filed = np.array([0.9, 0.05, 0.05])
    assert filed_weight(np.zeros(3), USUAL, filed) == 0.0
    half, whole = (filed_weight(share * np.eye(3)[2], USUAL, filed) for share in (0.5, 1.0))
    assert whole < half < 0.0


def test_what_it_says_is_bounded_and_right_on_average_for_anything_else() -> None:
    rng = np.random.default_rng(3)
    for filed in rng.dirichlet(np.ones(3) * 0.3, 200):
        each = [filed_weight(excess, USUAL, filed) for excess in np.eye(3)]
        assert np.log(ASTRAY) - 1e-9 <= min(each)
        assert max(each) <= MOST
        assert float(USUAL @ np.exp(each)) <= 1.0 + 1e-9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: filed_shares(np.ones((2, 2)), USUAL, np.ones(2)), r"said was \(2, 2\)"),
        (lambda: filed_shares(np.ones((1, 2)), np.array([0.0, 1.0]), np.ones(1)), "usual was 0.0; allowed is > 0"),
        (lambda: filed_weight(np.array([0.9, 0.9, 0.0]), USUAL, USUAL), "allowed is >= 0, together at most 1"),
        (lambda: filed_weight(np.array([-0.1, 0.0, 0.0]), USUAL, USUAL), "allowed is >= 0, together at most 1"),
        (lambda: filed_weight(USUAL, USUAL, USUAL, heard=1.1), "heard was 1.1; allowed is 0 to 1"),
    ],
)
def test_values_out_of_range_are_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(DomainError, match=message):
        call()
