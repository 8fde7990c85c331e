"""Slopes of evidence lines are found again where the truth was drawn with them."""

from __future__ import annotations

import numpy as np

from benchmarks.attribution_lines import HARD, NAMES, PLAIN, Case, case_of, fit, loss
from benchmarks.worlds_judge import Answer, Named, Part

SCOPE = NAMES.index("release: scope")


def drawn(slope: float, n: int = 600) -> list[Case]:
    """Spikes of two releases and ``unknown``, the truth drawn by ``slope`` times what scope says."""
    rng, cases = np.random.default_rng(7), []
    for _ in range(n):
        weights = np.zeros((3, len(NAMES)))
        weights[1:, SCOPE] = rng.normal(0.0, 1.5, 2)
        p = np.exp(slope * weights[:, SCOPE])
        cases.append(Case(weights, np.zeros(3), np.arange(3) == rng.choice(3, p=p / p.sum())))
    return cases


def test_a_line_that_says_half_of_what_it_is_worth_gets_a_slope_of_two() -> None:
    assert 1.7 < fit(drawn(2.0))[SCOPE] < 2.2


def test_a_line_that_says_what_it_is_worth_keeps_its_weight() -> None:
    cases = drawn(1.0)
    found = fit(cases)
    assert 0.85 < found[SCOPE] < 1.15
    assert loss(cases, found)[0] <= loss(cases, PLAIN)[0]


def test_what_rules_a_candidate_out_is_not_weighed_otherwise() -> None:
    ruled = Named("release", "app 2", 0.1, 0.0, 0.0, 0.0, {"scope": HARD - 3.5, "time": -1.0})
    other = Named("unknown", "", 0.9, 0.0, 0.0, 0.0, {"prior": 0.0})
    answer = Answer("w", "s", "", 9.0, 5.0, 12.0, (Part("01", "release", "app 2", 9, 1.0),), (other, ruled))
    case = case_of(answer)
    assert case.fixed.tolist() == [0.0, HARD - 3.5]
    assert {NAMES[i]: w for i, w in enumerate(case.weights[1]) if w} == {"release: offset": 1.0, "release: time": -1.0}
    assert case.true.tolist() == [False, True]
