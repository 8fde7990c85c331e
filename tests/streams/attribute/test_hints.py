"""Detection's hints as evidence: what frames tell themselves is not counted twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from schemas.spike import Hint, HintKind, Spike
from streams.attribute.hints import WEIGHTS, hint_lines

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)


def spike(*hints: Hint) -> Spike:
    return Spike(
        workspace="acme",
        origin="contacts",
        seq=1,
        spike_id="s",
        revision=1,
        stream="contacts",
        state="open",
        slice={},
        bucket_s=60,
        opened_at=AT,
        as_of=AT,
        onset=AT - timedelta(hours=1),
        onset_low=AT - timedelta(hours=1),
        onset_high=AT,
        expected=10.0,
        observed=60,
        excess=50.0,
        excess_low=40.0,
        excess_high=60.0,
        surprise=30.0,
        window_s=3600,
        budget_per_week=1.0,
        hints=hints,
    )


def test_no_hint_no_line() -> None:
    assert hint_lines(spike()) == []


@pytest.mark.parametrize("kind", get_args(HintKind))
def test_a_hint_weighs_by_its_share_unless_frames_tell_of_it(kind: HintKind) -> None:
    lines = hint_lines(spike(Hint(kind=kind, share=0.5, seen=40.0, usual=2.0)))
    assert [one.weight for one in lines] == ([0.5 * WEIGHTS[kind]] if kind in WEIGHTS else [])
    assert all(one.line == "quality" and one.sentence.endswith(".") for one in lines)


def test_what_was_filed_otherwise_is_said_with_its_number() -> None:
    (line,) = hint_lines(spike(Hint(kind="refiled", share=0.9, seen=48.0)))
    assert "lost 48 contacts" in line.sentence
