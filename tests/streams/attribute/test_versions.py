"""Versions as evidence: customers counted, adoption as of an age, roll-outs, what customers write, hunches, moved values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from schemas.frame import Signs
from schemas.quality import QualityResult
from schemas.raw import RollOutStep
from schemas.spike import Hint, Spike
from schemas.timeline import Change, Hunch, PopulationCount, Scope
from stats.words import slot
from streams.attribute import memory as past
from streams.attribute.case import SpikeWords
from streams.attribute.census import Census, by_version, count
from streams.attribute.evidence import Surroundings
from streams.attribute.hints import WEIGHTS
from streams.attribute.hunches import hunch_line, hunch_of_trouble
from streams.attribute.kinds import OUT_OF_TIME
from streams.attribute.memory import Memory, remember
from streams.attribute.quality import CLEAR, MOST, quality_lines
from streams.attribute.versions import misdated, rollout_line, stated_line, version_line
from streams.merge import Bucket

START = datetime(2026, 1, 5, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
NAMES = ("product", "version")
RELEASES = tuple(START + timedelta(days=7 * i) for i in range(6))
ONSET = RELEASES[5] + timedelta(hours=12)
SHARE = 0.6


def release(number: int, **more: Any) -> Change:
    at = RELEASES[number]
    scope = Scope(products=("app",), versions=(f"{number}.0",))
    return Change(
        key=f"app {number}.0", kind="release", starts_at=at, available_at=at, recorded_at=at, scope=scope, **more
    )


def spike(pairs: Mapping[str, str] | None = None, **more: Any) -> Spike:
    values: dict[str, Any] = {
        "workspace": "shop", "origin": "contacts", "seq": 1, "spike_id": "s", "revision": 1, "stream": "contacts", "state": "closed",
        "slice": dict(pairs or {}), "bucket_s": 3_600, "opened_at": ONSET, "as_of": ONSET + 12 * HOUR, "onset": ONSET, "onset_low": ONSET,
        "onset_high": ONSET + HOUR, "end": ONSET + 12 * HOUR, "expected": 120.0, "observed": 360, "excess": 240.0, "excess_low": 200.0,
        "excess_high": 280.0, "surprise": 50.0, "window_s": 3_600, "budget_per_week": 1.0,
    }  # fmt: skip
    return Spike(**{**values, **more})


def remembered(new_share: float, *, excess: float = 20.0, steps: Mapping[int, float] | None = None) -> Memory:
    """Six weeks of 10 contacts an hour, every week a new version on which 60% are; then twelve hours of more."""
    rng, memory = np.random.default_rng(4), Memory()
    for hour in range(int((ONSET - START) / HOUR) + 12):
        at = START + hour * HOUR
        number = sum(at >= one for one in RELEASES) - 1
        newest, before = f"{number}.0", f"{number - 1}.0"
        since = hour - int((ONSET - START) / HOUR)
        extra = rng.poisson(excess * (steps or {}).get(since, 1.0)) if since >= 0 else 0
        on = rng.binomial(usual := rng.poisson(10), SHARE) + rng.binomial(extra, new_share)
        counts = {("app", newest): int(on), ("app", before): int(usual + extra - on)}
        remember(
            memory,
            Bucket(
                stream="contacts",
                start=at,
                end=at + HOUR,
                dimensions=NAMES,
                counts={leaf: n for leaf, n in sorted(counts.items()) if n},
                samples=(),
                signs=Signs(),
            ),
        )
    return memory


def around(memory: Memory, told: Spike, census: Census | None = None) -> Surroundings:
    start_s, end_s = ONSET.timestamp(), (ONSET + 12 * HOUR).timestamp()
    usual = past.usual(memory, start_s, end_s, onset_s=start_s)
    # The new version has no usual contacts: what is expected is spread as adoption would.
    expected = np.zeros(len(memory.leaves))
    for place, version in enumerate(leaf[-1] for leaf in memory.leaves):
        expected[place] = usual.sum() * {"5.0": SHARE, "4.0": 1 - SHARE}.get(version, 0.0)
    versions = by_version(census if census is not None else Census(), ONSET, told.as_of)
    return Surroundings(
        told, told.as_of, memory, past.counted(memory, start_s, end_s), expected, unknown_per_day=0.2, versions=versions
    )


def census(**customers: int) -> Census:
    found = Census()
    for version, number in customers.items():
        name = version.removeprefix("v").replace("_", ".")
        told = PopulationCount(at=ONSET - HOUR, slice={"product": "app", "version": name}, customers=number)
        count(found, told, before=None)
    return found


def test_with_customers_counted_the_line_says_how_many_times_as_many_write() -> None:
    told = around(remembered(0.95), spike(), census(v5_0=60_000, v4_0=40_000))
    line = version_line(release(5), told, [release(i) for i in range(6)], time=0.0)
    assert line is not None
    assert line.sentence.startswith("Of customers on 5.0 (60,000 active) ")
    assert line.sentence.endswith(" times as many write as of those on 4.0 (1.1\u201311.1).")
    assert (line.weight > 0.1, line.numbers["active"]) == (True, 60_000)


def about_payment(new_share: float) -> Surroundings:
    """A day in which payment rises, beside parcels as ever; the new version has three in ten customers."""
    rng, memory = np.random.default_rng(4), Memory()
    for hour in range(36):
        at = ONSET + (hour - 24) * HOUR
        counts: dict[tuple[str, ...], int] = {}
        for topic, more in (("payment", 20 if hour >= 24 else 0), ("parcel", 0)):
            on = rng.binomial(10, 0.3) + rng.binomial(more, new_share)
            counts["app", topic, "5.0"], counts["app", topic, "4.0"] = int(on), int(10 + more - on)
        remember(
            memory,
            Bucket(
                stream="contacts", start=at, end=at + HOUR, dimensions=("product", "topic", "version"), counts=counts,
                samples=(), signs=Signs(),
            ),
        )  # fmt: skip
    return around(memory, spike({"topic": "payment"}), census(v5_0=61_000, v4_0=150_000))


def test_for_a_spike_about_something_what_they_write_beside_it_tells_how_many_they_are() -> None:
    line = version_line(release(5), about_payment(0.9), [], time=0.0)
    assert line is not None
    assert line.sentence.startswith("Of customers on 5.0 (61,000 active) ")
    assert "by what both write about everything else" in line.sentence
    assert line.weight > 2.0
    calm = version_line(release(5), about_payment(0.3), [], time=0.0)
    assert calm is not None
    assert calm.weight < -0.7


def first_minutes(new: int, old: int, beside: tuple[int, int]) -> Surroundings:
    """Two minutes of a spike about payment, by customers on the new version and on the old one, and what both write beside it."""
    memory = Memory()
    counts = {
        ("app", "payment", "5.0"): new, ("app", "payment", "4.0"): old,
        ("app", "parcel", "5.0"): beside[0], ("app", "parcel", "4.0"): beside[1],
    }  # fmt: skip
    remember(
        memory,
        Bucket(
            stream="contacts", start=ONSET, end=ONSET + 2 * MINUTE, dimensions=("product", "topic", "version"),
            counts={leaf: n for leaf, n in counts.items() if n}, samples=(), signs=Signs(),
        ),
    )  # fmt: skip
    gained = new + old - 2.0
    young = spike({"topic": "payment"}, end=ONSET + 2 * MINUTE, expected=2.0, observed=new + old, excess=gained,
                  excess_low=max(gained - 2 * gained**0.5, 0.0), excess_high=gained + 2 * gained**0.5)  # fmt: skip
    observed = np.array([float(counts[leaf]) for leaf in memory.leaves])  # type: ignore[index]
    return Surroundings(young, young.as_of, memory, observed, np.ones(len(observed)), unknown_per_day=0.2, versions={})


def test_the_first_minutes_speak_where_all_who_write_are_on_the_new_version() -> None:
    line = version_line(release(5), first_minutes(40, 1, (1, 5)), [], time=0.0)
    assert line is not None
    assert line.weight > 2.0
    assert line.numbers["others"] == 1.5


@pytest.mark.parametrize("counts", [(0, 40, (0, 9)), (3, 2, (1, 5)), (40, 1, (1, 0))])
def test_the_first_minutes_say_nothing_of_a_version_not_seen_or_of_a_handful_of_contacts(
    counts: tuple[int, int, tuple[int, int]],
) -> None:
    assert version_line(release(5), first_minutes(*counts), [], time=0.0) is None


@pytest.mark.parametrize(("share", "more", "beside"), [(0.05, 10, 3), (0.2, 30, 10), (0.5, 10, 10), (0.5, 30, 4)])
def test_in_the_first_minutes_a_bystander_gains_nothing_in_the_mean(share: float, more: int, beside: int) -> None:
    """The mean of e^weight over bystanders is at most 1 (an e-value), so two nats by chance are as rare as stated."""
    rng, weights = np.random.default_rng(5), []
    for _ in range(300):
        seen, control = rng.poisson(more) + 2, rng.poisson(beside)
        tilted = share * np.exp(0.2 * rng.standard_normal())
        new, beside_new = rng.binomial(seen, tilted / (tilted + 1 - share)), rng.binomial(control, share)
        line = version_line(
            release(5),
            first_minutes(int(new), int(seen - new), (int(beside_new), int(control - beside_new))),
            [],
            time=0.0,
        )
        weights.append(line.weight if line is not None else 0.0)
    assert np.mean(np.exp(weights)) < 1.05
    assert np.mean(np.array(weights) > 2.0) <= 0.01


def test_more_contacts_from_more_customers_is_no_evidence_for_the_release() -> None:
    told = around(remembered(SHARE), spike(), census(v5_0=60_000, v4_0=40_000))
    line = version_line(release(5), told, [release(i) for i in range(6)], time=0.0)
    assert line is not None
    assert line.weight < -0.2


def test_customers_counted_long_after_are_not_used() -> None:
    found = Census()
    count(
        found,
        PopulationCount(at=ONSET + 20 * DAY, slice={"product": "app", "version": "5.0"}, customers=9),
        before=None,
    )
    assert by_version(found, ONSET, ONSET + 30 * DAY) == {}
    assert by_version(census(v5_0=7), ONSET, ONSET) == {(("product", "app"),): {"5.0": 7}}
    assert by_version(census(v5_0=7), ONSET, ONSET - 2 * HOUR) == {}


@pytest.mark.parametrize(("share", "low", "high"), [(0.97, 0.5, 2.5), (SHARE, -1.5, -0.2)])
def test_without_customers_counted_the_share_is_held_against_earlier_versions_at_that_age(
    share: float, low: float, high: float
) -> None:
    line = version_line(release(5), around(remembered(share), spike()), [release(i) for i in range(6)], time=0.0)
    assert line is not None
    assert "; 5 earlier versions had " in line.sentence
    assert low < line.weight <= high


def test_a_release_out_of_its_time_gains_no_more_by_its_version_than_by_words() -> None:
    loud, calm = about_payment(0.9), about_payment(0.3)
    lines = [version_line(release(5), told, [], time=time) for told in (loud, calm) for time in (-2.0, -8.0)]
    timely, untimely, calm_then, calm_now = (line.weight for line in lines if line is not None)
    assert timely > 2 * OUT_OF_TIME
    assert untimely == OUT_OF_TIME
    assert calm_then == calm_now < OUT_OF_TIME


@pytest.mark.parametrize(
    ("days", "remarks"),
    [
        (0, []),
        (1, []),
        (-2, []),
        (7, ["contacts state its version before it, from 2026-02-09 on"]),
        (-7, ["contacts state its version only from 2026-02-09 on, days after it"]),
        (-70, []),
    ],
)
def test_a_release_whose_version_is_stated_long_before_its_date_or_days_after_it_is_odd(
    days: int, remarks: list[str]
) -> None:
    told = release(5)
    found = misdated(replace(told, starts_at=told.starts_at + days * DAY), remembered(0.9))
    assert [re.sub(r"^\d+ ", "", one) for one in found] == remarks


def test_without_versions_in_the_contacts_no_date_is_odd() -> None:
    assert misdated(release(5), Memory()) == ()
    assert misdated(replace(release(5), scope=Scope(products=("other",), versions=("5.0",))), remembered(0.9)) == ()


def test_with_one_earlier_version_or_none_the_line_is_absent() -> None:
    assert version_line(release(5), around(remembered(0.9), spike()), [release(4), release(5)], time=0.0) is None


def test_the_excess_that_follows_the_roll_out_is_evidence_and_one_that_does_not_is_against_it() -> None:
    steps = (RollOutStep(at=ONSET - HOUR, share=0.1), RollOutStep(at=ONSET + 6 * HOUR, share=1.0))
    follows = rollout_line(
        release(5, rollout=steps), around(remembered(0.9, steps=dict.fromkeys(range(6), 0.1)), spike())
    )
    flat = rollout_line(release(5, rollout=steps), around(remembered(0.9), spike()))
    assert follows is not None
    assert flat is not None
    assert follows.weight > 0.5
    assert flat.weight < 0
    assert "an hour at 10%" in follows.sentence


def test_a_roll_out_in_one_step_says_nothing() -> None:
    steps = (RollOutStep(at=ONSET - HOUR, share=1.0),)
    assert rollout_line(release(5, rollout=steps), around(remembered(0.9), spike())) is None


def test_the_version_that_customers_write_weighs_little_and_a_code_more() -> None:
    line = stated_line(release(5), SpikeWords(sampled=50, versions={"5": (0.4, 0.01)}))
    assert line is not None
    assert 0 < line.weight <= 0.6
    assert line.sentence.startswith("40% write '5.0' themselves (1% before)")
    assert stated_line(release(5), SpikeWords(sampled=50, versions={"5": (0.04, 0.05)})) is None
    coded = SpikeWords(sampled=50)
    coded.share_now[slot("spring20")] = 0.3
    promotion = Change(
        key="spring", kind="promotion", starts_at=ONSET, available_at=ONSET, recorded_at=ONSET, code="SPRING20"
    )
    told = stated_line(promotion, coded)
    assert told is not None
    assert told.weight > 1.5
    assert told.sentence == "30% write its code 'SPRING20' (usually 0%)."


def test_hunches_name_a_change_or_speak_for_customers() -> None:
    told = around(remembered(0.9), spike({"product": "app"}))
    named = Hunch(at=ONSET + HOUR, about="", text="is it app 5.0 again?")
    late = Hunch(at=ONSET + 13 * HOUR, about="", text="app 5.0")
    line = hunch_line(release(5), told, [named, late])
    assert line is not None
    assert (line.weight, line.numbers["hunches"]) == (0.8, 1)
    assert hunch_line(release(4), told, [named]) is None
    assert hunch_of_trouble(told, [late]) is None
    assert hunch_of_trouble(told, [named]) is not None


@pytest.mark.parametrize(("new", "said"), [("refunds", "is new"), ("other", "holds what is new")])
def test_a_new_value_that_took_from_the_others_is_a_measurement(new: str, said: str) -> None:
    told = around(refiled("returns", new), spike({"topic": new}, expected=0.0, observed=120, excess=120.0))
    lines = quality_lines(told, SpikeWords(), [])
    assert [line.weight for line in lines] == [MOST]
    assert lines[0].sentence == f"topic={new} {said}, and topic=returns vanished (120 fewer): renamed, not more."


def test_more_of_what_has_no_row_of_its_own_is_no_measurement_while_nothing_vanished() -> None:
    told = around(
        refiled("other", "other", more=20), spike({"topic": "other"}, expected=120.0, observed=240, excess=120.0)
    )
    assert quality_lines(told, SpikeWords(), []) == []


def refiled(before: str, after: str, *, more: int = 10) -> Memory:
    """Twenty days of ten contacts an hour of one topic, half a day of another."""
    memory = Memory()
    for hour in range(20 * 24):
        at = ONSET + (hour - 19 * 24) * HOUR
        counts: dict[tuple[str, ...], int] = {("app", after): more} if at >= ONSET else {("app", before): 10}
        remember(
            memory,
            Bucket(
                stream="contacts", start=at, end=at + HOUR, dimensions=("product", "topic"), counts=counts, samples=(), signs=Signs()
            ),
        )  # fmt: skip
    return memory


def test_a_sign_in_the_counts_weighs_more_than_its_share_up_to_a_bound_and_a_failed_check_what_it_weighed() -> None:
    hinted = spike(
        hints=(Hint(kind="doubled", share=0.4, seen=2.0, usual=1.0), Hint(kind="clock", share=0.9, seen=1.0, usual=0.0))
    )
    check = QualityResult(
        workspace="shop", origin="quality", seq=1, check_id="frames.volume", table="frames", expectation="volume", success=False, observed="9",
        allowed="1 to 5", window_start=ONSET - HOUR, window_end=ONSET, at=ONSET,
    )  # fmt: skip
    weights = [line.weight for line in quality_lines(around(remembered(0.9), hinted), SpikeWords(), [check])]
    assert weights == pytest.approx([CLEAR * WEIGHTS["doubled"] * 0.4, MOST, 1.3])
