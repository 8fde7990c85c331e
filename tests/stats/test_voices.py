"""How a kind of change is written about, as log-odds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from stats.errors import DomainError
from stats.voices import KIND, THING, voice_weight


def test_the_more_of_the_excess_is_written_in_the_kinds_way_the_more_it_speaks_for_it() -> None:
    weights = [voice_weight(now, 0.1, sampled=80, needed=0.5) for now in (0.0, 0.1, 0.2, 0.3, 0.4, 0.6)]
    assert weights == sorted(weights)
    assert weights[0] < -1.0
    assert weights[-1] > 1.5


def test_a_handful_of_contacts_tells_little() -> None:
    few, many = (voice_weight(0.1, 0.1, sampled=n, needed=0.2) for n in (8, 400))
    assert many < few < 0.0
    few, many = (voice_weight(0.25, 0.1, sampled=n, needed=0.2) for n in (8, 400))
    assert 0.0 < few < many


def test_what_other_words_cover_by_chance_blurs_both_ways() -> None:
    sharp, blurred = (voice_weight(0.3, 0.1, sampled=80, needed=0.4, manner=THING, blur=blur) for blur in (0.0, 0.4))
    assert sharp > 2.0 > blurred > 0.0
    sharp, blurred = (voice_weight(0.1, 0.1, sampled=80, needed=0.4, manner=THING, blur=blur) for blur in (0.0, 0.4))
    assert sharp < -1.4 < blurred < 0.0


def test_a_thing_is_named_by_fewer_of_its_contacts_than_a_kind() -> None:
    thing, kind = (voice_weight(0.2, 0.1, sampled=200, needed=0.4, manner=one) for one in (THING, KIND))
    assert thing > kind


def test_what_has_nothing_to_do_with_the_kind_is_rarely_taken_for_it() -> None:
    rng = np.random.default_rng(4)
    said = rng.binomial(40, 0.1, 4_000) / 40
    weights = np.array([voice_weight(float(now), 0.1, sampled=40, needed=0.4) for now in said])
    assert np.mean(weights > 1.0) < 0.03


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: voice_weight(1.2, 0.1, sampled=9, needed=0.5), r"now was 1.2; allowed is in \[0, 1\]"),
        (lambda: voice_weight(0.2, -0.1, sampled=9, needed=0.5), r"usual was -0.1; allowed is in \[0, 1\]"),
        (lambda: voice_weight(0.2, 0.1, sampled=0, needed=0.5), "sampled was 0; allowed is > 0"),
        (lambda: voice_weight(0.2, 0.1, sampled=9, needed=0.5, blur=-1.0), "blur was -1.0; allowed is >= 0"),
        (lambda: voice_weight(0.2, 0.1, sampled=9, needed=0.0), r"needed was 0.0; allowed is in \(0, 1\]"),
    ],
)
def test_values_out_of_range_are_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(DomainError, match=message):
        call()
