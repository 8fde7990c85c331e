"""How often spikes come, as learnt from those that were settled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schemas.attribution import Attribution, Candidate, CauseKind
from schemas.spike import Spike
from streams.attribute.case import Case
from streams.attribute.learnt import AT_ALL, ELSEWHERE, spikes_per_day

AT = datetime(2024, 1, 1, tzinfo=UTC)
BUDGET = 1.0 / 7


def case(name: str, kind: CauseKind = "unknown", *, tie: float = 0.0) -> Case:
    spike = Spike(
        workspace="shop", origin="contacts", seq=1, spike_id=name, revision=1, stream="contacts", state="closed", slice={}, bucket_s=3_600,
        opened_at=AT, as_of=AT + timedelta(hours=2), onset=AT, onset_low=AT, onset_high=AT, expected=1.0, observed=11, excess=10.0,
        excess_low=5.0, excess_high=15.0, surprise=1.0, window_s=3_600, budget_per_week=1.0,
    )  # fmt: skip
    cause = Candidate(kind=kind, probability=1.0, excess=10.0, excess_low=5.0, excess_high=15.0, evidence=())
    last = Attribution(
        workspace="shop", origin="attribute", seq=1, spike_id=name, revision=1, as_of=AT, final=True, stream="contacts", state="closed",
        slice={}, onset=AT, end=AT, expected=1.0, observed=11, candidates=(cause,), sentence="",
    )  # fmt: skip
    return Case(spike=spike, opened=AT, last=last, tie=tie)


def rates(*others: Case, days: float = 28.0) -> tuple[float, float]:
    now = case("now")
    return spikes_per_day({one.spike.spike_id: one for one in (now, *others)}, now.spike, days)


def test_at_first_more_come_from_elsewhere_than_the_budget_allows() -> None:
    assert rates(days=0.0) == pytest.approx((ELSEWHERE * BUDGET, AT_ALL * BUDGET))
    assert 1.0 < ELSEWHERE < AT_ALL


def test_what_spikes_came_to_takes_over_with_time() -> None:
    many = [case(str(i)) for i in range(28)]
    assert rates(*many, days=28.0)[0] == pytest.approx((28 * ELSEWHERE * BUDGET + 28) / 56)
    assert rates(days=400.0)[0] < 0.15 * BUDGET


def test_spikes_without_customers_and_of_known_causes_are_none_from_elsewhere() -> None:
    quiet = rates()
    for kind in ("measurement", "release"):
        unknown, at_all = rates(*[case(str(i), kind) for i in range(20)])
        assert unknown == quiet[0]
        assert at_all > quiet[1]


def test_an_echo_counts_no_second_time() -> None:
    assert rates(case("echo", tie=0.9))[0] == pytest.approx(rates()[0] + 0.1 / 56)
