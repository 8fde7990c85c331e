"""Found spikes beside true ones: what counts as right, as seen, and as a decoy blamed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from schemas.attribution import Attribution, Candidate, CauseKind
from sources.stories.story import TrueSpike
from whence.verdicts import compare

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TRUE = TrueSpike(
    spike_id="01-calendar",
    onset=NOON,
    end=NOON + 6 * HOUR,
    peak_at=NOON + HOUR,
    slice={"platform": "ios"},
    cause_kind="release",
    cause_key="app 7.0",
    excess=200,
    wrote=200,
    must_not_blame=("app 7.1",),
)


def _found(
    *causes: tuple[CauseKind, str, float],
    spike_id: str = "s1",
    hours: tuple[float, float] = (0, 6),
    excess: int = 180,
    **slice_: str,
) -> Attribution:
    return Attribution(
        workspace="demo",
        origin="attribute",
        seq=1,
        spike_id=spike_id,
        revision=1,
        as_of=NOON,
        final=True,
        stream="contacts",
        state="closed",
        slice=slice_ or {"platform": "ios"},
        onset=NOON + hours[0] * HOUR,
        end=NOON + hours[1] * HOUR,
        expected=100,
        observed=100 + excess,
        candidates=tuple(
            Candidate(kind=kind, key=key, probability=p, excess=excess, excess_low=0, excess_high=excess)
            for kind, key, p in causes
        ),
        sentence="",
    )


def test_right_cause_is_right() -> None:
    comparison = compare([TRUE], [_found(("release", "app 7.0", 0.9), ("unknown", "", 0.1))])
    assert comparison.passed
    assert (comparison.verdicts[0].said, comparison.verdicts[0].probability) == ("release app 7.0", 0.9)


def test_likeliest_cause_counts_not_the_second() -> None:
    assert not compare([TRUE], [_found(("unknown", "", 0.6), ("release", "app 7.0", 0.4))]).passed


def test_decoy_put_first_or_at_one_half_is_blamed() -> None:
    first = _found(("release", "app 7.1", 0.4))
    second = _found(("release", "app 7.0", 0.5), ("release", "app 7.1", 0.5))
    for found in (first, second):
        comparison = compare([TRUE], [found])
        assert comparison.blamed == ("app 7.1",)
        assert not comparison.passed


def test_decoy_named_less_than_one_half_and_not_first_is_not_blamed() -> None:
    assert compare([TRUE], [_found(("release", "app 7.0", 0.6), ("release", "app 7.1", 0.4))]).blamed == ()


def test_silence_counts_against_a_loud_spike_and_not_a_faint_one_which_counts_once_found() -> None:
    assert compare([TRUE], []).counted == 1
    assert not compare([TRUE], []).passed
    faint = replace(TRUE, strength="faint")
    assert compare([faint], []).counted == 0
    assert compare([faint], [_found(("unknown", "", 1.0))]).counted == 1
    assert not compare([faint], [_found(("unknown", "", 1.0))]).passed


def test_where_nobody_knows_measurement_is_as_good_as_unknown() -> None:
    unknown = replace(TRUE, cause_kind="unknown", cause_key="")
    for kind in ("unknown", "measurement"):
        assert compare([unknown], [_found((kind, "", 1.0))]).passed
    measured = replace(TRUE, cause_kind="measurement", cause_key="")
    assert not compare([measured], [_found(("unknown", "", 1.0))]).passed


def test_spike_on_a_contradicting_slice_or_at_another_time_is_another() -> None:
    for other in (_found(("unknown", "", 1.0), platform="android"), _found(("unknown", "", 1.0), hours=(-30, -24))):
        comparison = compare([TRUE], [other])
        assert comparison.others == (other,)
        assert comparison.verdicts[0].found == ""


def test_found_spike_belongs_to_the_true_one_it_agrees_with_most() -> None:
    login = replace(TRUE, spike_id="02-login", onset=NOON + 5 * HOUR, end=NOON + 9 * HOUR, slice={"topic": "login"})
    found = _found(("release", "app 7.0", 1.0), hours=(0, 7), platform="ios")
    by_truth = {one.truth: one.found for one in compare([TRUE, login], [found]).verdicts}
    assert by_truth == {"01-calendar": "s1", "02-login": ""}


def test_those_hit_choose_several_topics_and_the_spike_is_whose_contacts_it_holds() -> None:
    shares = {"topic": {"delivery": 0.76, "technical": 0.15, "other": 0.09}}
    large = replace(TRUE, spike_id="02-slots", excess=800, slice={"topic": "delivery"}, shares=shares)
    small = replace(TRUE, excess=100, slice={"topic": "technical"}, shares={"topic": {"technical": 0.8, "other": 0.2}})
    found = _found(("release", "app 7.0", 1.0), topic="technical")
    assert {one.truth: one.found for one in compare([large, small], [found]).verdicts} == {
        "02-slots": "s1",
        "01-calendar": "",
    }
    aside = _found(("release", "app 7.0", 1.0), topic="billing")
    assert compare([large, small], [aside]).others == (aside,)


def test_low_scores_belong_to_those_who_wrote_not_to_a_feed_that_came_twice() -> None:
    price = replace(TRUE, spike_id="02-price", excess=400, wrote=400, end=NOON + 24 * HOUR, slice={})
    twice = replace(TRUE, spike_id="03-twice", excess=300, wrote=0, slice={})
    found = _found(("price", "plus", 0.9), hours=(0, 7), region="DE")
    by_stream = {
        stream: {one.truth: one.found for one in compare([price, twice], [replace(found, stream=stream)]).verdicts}
        for stream in ("contacts", "low_scores")
    }
    assert by_stream == {
        "contacts": {"02-price": "", "03-twice": "s1"},
        "low_scores": {"02-price": "s1", "03-twice": ""},
    }


def test_of_several_the_one_that_agrees_most_answers() -> None:
    aside = _found(("unknown", "", 1.0), spike_id="s2", hours=(0, 20), excess=500, topic="login")
    close = _found(("release", "app 7.0", 1.0), excess=150)
    assert compare([TRUE], [aside, close]).verdicts[0].found == "s1"


def test_merged_spike_answers_nothing() -> None:
    assert compare([TRUE], [replace(_found(("release", "app 7.0", 1.0)), state="merged")]).verdicts[0].found == ""


def test_four_in_five_pass_and_three_in_four_do_not() -> None:
    days = [
        replace(TRUE, spike_id=str(n), onset=NOON + 24 * n * HOUR, end=NOON + (24 * n + 6) * HOUR) for n in range(5)
    ]
    found = [
        _found(("release", "app 7.0" if n else "other", 1.0), spike_id=f"s{n}", hours=(24 * n, 24 * n + 6))
        for n in range(5)
    ]
    assert compare(days, found).passed
    assert not compare(days[:4], found[:4]).passed
