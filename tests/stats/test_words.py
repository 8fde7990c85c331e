"""Words: tokens of any language, excess against the usual, matches against placebos."""

from __future__ import annotations

import numpy as np
import pytest

from stats.errors import DomainError
from stats.words import SLOTS, excess_terms, match_scores, placebo_z, slot, term_slots, words, words_weight


def test_words_of_scripts_without_spaces_are_pairs_of_letters() -> None:
    assert words("支払いエラー") == ["支払", "払い", "いエ", "エラ", "ラー"]


def test_words_are_normalised_before_comparison() -> None:
    assert words("\uff23\uff21\uff32\uff24 declined") == ["card", "declined"]


def test_a_bare_number_carries_nothing_but_a_code_does() -> None:
    assert slot("89") == -1
    assert slot("spring20") >= 0


def test_accented_words_of_one_stem_share_a_slot() -> None:
    assert slot("zahlungen") == slot("zahlungsmittel")


def test_terms_keep_one_word_as_written_per_slot() -> None:
    assert sorted(term_slots(words("Bezahlen! bezahlen, an der Kasse")).values()) == ["bezahlen", "der", "kasse"]


def test_excess_of_unchanged_shares_is_centred_and_of_unit_spread() -> None:
    rng = np.random.default_rng(1)
    rates = rng.uniform(0.02, 0.4, 2_000)
    z = excess_terms(rng.binomial(300, rates).astype(float), 300.0, rng.binomial(30_000, rates).astype(float), 30_000.0)
    assert abs(z.mean()) < 0.08
    assert 0.9 < z.std() < 1.08


def test_a_small_baseline_widens_the_noise() -> None:
    now, base = np.array([20.0]), np.array([5.0])
    assert excess_terms(now, 100.0, base, 50.0)[0] < excess_terms(now, 100.0, base * 100, 5_000.0)[0]


def _scores(strength: np.ndarray, changes: list[list[int]]) -> np.ndarray:
    terms = np.array([term for change in changes for term in change], dtype=np.int64)
    starts = np.cumsum([0, *(len(change) for change in changes[:-1])]).astype(np.int64)
    return match_scores(strength, terms, np.ones(len(terms)), starts)


def test_matches_of_bystanders_have_unit_spread_whatever_their_length() -> None:
    rng = np.random.default_rng(2)
    strength = rng.standard_normal(SLOTS)
    for length in (3, 30, 300):
        scores = _scores(strength, [rng.choice(SLOTS, length, replace=False).tolist() for _ in range(400)])
        assert 0.85 < scores.std() < 1.15


def test_the_change_that_shares_the_excess_words_scores_best() -> None:
    strength = np.zeros(SLOTS)
    strength[[5, 6]] = 6.0
    scores = _scores(strength, [[1, 2, 3], [5, 6, 9], [7, 8]])
    assert int(scores.argmax()) == 1


def test_no_changes_give_no_scores() -> None:
    assert (
        match_scores(np.zeros(SLOTS), np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=np.int64)).size == 0
    )


def test_a_few_placebos_give_no_false_certainty() -> None:
    assert placebo_z(4.0, np.zeros(2)) < placebo_z(4.0, np.zeros(200))


def test_another_true_match_among_the_placebos_does_not_hide_this_one() -> None:
    quiet = np.random.default_rng(3).normal(0.2, 0.5, 60)
    assert placebo_z(5.0, np.append(quiet, 6.0)) > 0.9 * placebo_z(5.0, quiet)


def test_the_weight_of_words_rises_with_the_match_and_is_bounded() -> None:
    weights = [words_weight(z) for z in np.linspace(-6, 20, 60)]
    assert weights == sorted(weights)
    assert -1.5 < weights[0] < -1.1
    assert weights[-1] == 4.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: excess_terms(np.zeros(1), 0.0, np.zeros(1), 1.0), "n_now was 0.0; allowed is > 0"),
        (lambda: excess_terms(np.zeros(1), 1.0, np.zeros(1), -1.0), "n_base was -1.0; allowed is >= 0"),
        (
            lambda: match_scores(np.zeros(SLOTS), np.array([1, 2]), np.ones(1), np.array([0])),
            "weights was 1; allowed is as many as terms (2)",
        ),
        (lambda: placebo_z(1.0, np.zeros(0), prior_n=0.0), "prior_n was 0.0; allowed is > 0"),
        (lambda: words_weight(1.0, spread=0.0), "spread was 0.0; allowed is > 0"),
        (lambda: words_weight(1.0, silent=1.0), "silent was 1.0; allowed is in (0, 1)"),
    ],
)
def test_bad_arguments_are_named(call: object, message: str) -> None:
    with pytest.raises(DomainError) as raised:
        call()  # type: ignore[operator]
    assert str(raised.value) == message
