"""Sentences: what is said for and against a cause, and what is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.attribution import Candidate, Evidence, Term
from schemas.spike import Spike
from streams.attribute.saying import against, named, say

AT = datetime(2026, 1, 5, 9, 42, tzinfo=UTC)
SPIKE = Spike(
    workspace="shop", origin="contacts", seq=1, spike_id="s", revision=1, stream="contacts", state="open", slice={}, bucket_s=60,
    opened_at=AT, as_of=AT + timedelta(hours=1), onset=AT, onset_low=AT, onset_high=AT, expected=10.0, observed=322, excess=312.0,
    excess_low=270.0, excess_high=350.0, surprise=90.0, window_s=600, budget_per_week=1.0,
)  # fmt: skip


def evidence(line: Any, weight: float, sentence: str) -> Evidence:
    return Evidence(line=line, weight=weight, sentence=sentence)


def candidate(kind: Any, probability: float, *lines: Evidence, **more: Any) -> Candidate:
    return Candidate(
        kind=kind, probability=probability, excess=100.0, excess_low=50.0, excess_high=150.0, evidence=lines, **more
    )


RELEASE = candidate(
    "release",
    0.96,
    evidence("prior", 0.5, "Seldom."),
    evidence("time", 0.9, "The spike began 18 min after its roll-out began (2026-01-05 09:24)."),
    evidence("words", 3.0, "They share words."),
    evidence("exposure", 2.0, "Six times as many."),
    evidence("scope", 0.1, "Hardly anything."),
    key="r1",
    title="app 5.2.0",
    owner="payments team",
)
UNKNOWN = candidate("unknown", 0.03)
TERMS = (Term(term="card declined", share_now=0.41, share_usual=0.02),)


def test_it_reads_like_the_example() -> None:
    assert say(SPIKE, (RELEASE, UNKNOWN), TERMS, AT + timedelta(hours=1)) == (
        "Release app 5.2.0 (payments team), 96%: +312 contacts (270\u2013350) since 09:42, 18 min after its roll-out began "
        "(2026-01-05 09:24). 41% say 'card declined' (usually 2%). They share words. Six times as many. Against it: none."
    )


def test_a_part_is_said_as_a_part() -> None:
    parted = candidate("release", 0.5, evidence("parts", 0.0, "Half."), key="r1")
    assert say(SPIKE, (parted, UNKNOWN), (), AT).startswith("Release r1, 50%: 100 (50\u2013150) of +312 contacts")


def test_what_speaks_against_comes_heaviest_first_and_being_late_must_weigh_more() -> None:
    lines = (
        evidence("scope", -0.5, "Elsewhere too."),
        evidence("dose", -1.0, "It went on."),
        evidence("time", -1.0, "A bit late."),
        evidence("prior", -2.0, "Seldom."),
    )
    assert against(candidate("release", 0.5, *lines, key="r1")) == ["It went on.", "Elsewhere too."]


def test_a_rival_is_named_from_a_fifth_on_and_beside_no_cause_from_a_twentieth() -> None:
    def told(*candidates: Candidate) -> bool:
        return "Next: " in say(SPIKE, candidates, (), AT)

    assert told(RELEASE, candidate("unknown", 0.25))
    assert not told(RELEASE, candidate("unknown", 0.15))
    assert told(candidate("unknown", 0.9), candidate("release", 0.06, key="r1"))
    assert not told(candidate("unknown", 0.97), candidate("release", 0.01, key="r1"))


def test_long_titles_give_way_to_keys_and_nameless_causes_have_names() -> None:
    assert named(candidate("release", 0.5, key="r1", title="x" * 61)) == "Release r1"
    assert named(UNKNOWN) == "No known change"
    assert named(candidate("measurement", 0.5)) == "No customers behind it (measurement)"
