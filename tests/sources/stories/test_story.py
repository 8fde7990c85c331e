from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from schemas.codec import decode, encode
from schemas.raw import Chat, Population, Promotion, Release, Survey, Ticket
from sources.files import read_events
from sources.keys import encode_keyed
from sources.mapping import load_mapping
from sources.stories import Story, make_story, write_story

SEEDS = (1, 2, 3)


@cache
def story(seed: int) -> Story:
    return make_story(seed, weeks_of_history=2, contacts_per_day=1_500.0)


def opened(one: Story) -> list[Ticket | Chat]:
    return [event for _, event in one.events if isinstance(event, Ticket | Chat) and event.event == "opened"]


def test_same_seed_same_bytes_another_seed_another_company() -> None:
    short = {"weeks_of_history": 0, "live_days": 1, "contacts_per_day": 500.0}
    first, again, other = (make_story(seed, **short) for seed in (7, 7, 8))  # type: ignore[arg-type]
    assert encode(first.workspace) == encode(again.workspace)
    assert [encode_keyed(*pair) for pair in first.events] == [encode_keyed(*pair) for pair in again.events]
    assert first.truth == again.truth
    assert [encode(event) for _, event in first.events] != [encode(event) for _, event in other.events]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_kind_of_cause_and_decoy_is_told(seed: int) -> None:
    kinds = Counter(true.cause_kind for true in story(seed).truth)
    assert {"release", "incident", "promotion", "unknown", "measurement"} <= set(kinds)
    assert kinds["price"] + kinds["policy"] == 1
    changes = {getattr(event, "change", "") for _, event in story(seed).events} - {""}
    for true in story(seed).truth:
        assert (true.cause_key in changes) == (true.cause_kind not in ("unknown", "measurement"))
        assert set(true.must_not_blame) <= changes
        assert true.cause_key not in true.must_not_blame
        assert true.onset < true.end
    assert sum(bool(true.must_not_blame) for true in story(seed).truth) >= 4


@pytest.mark.parametrize("seed", SEEDS)
def test_loud_spikes_can_be_found_and_faint_ones_are_small(seed: int) -> None:
    """Each loud spike adds at least half to what its slice would have had meanwhile; the faint one less than all."""
    one = story(seed)
    for true in one.truth:
        inside = [
            event for event in opened(one) if true.onset <= event.occurred_at <= true.end and fits(event, true.slice)
        ]
        usual = len(inside) - true.excess * (0.8 if true.slice else 1.0)
        ratio = true.excess / max(usual, 1.0)
        assert ratio > 0.3 if true.strength == "loud" else 0.02 < ratio < 1.0, true


def fits(event: Ticket | Chat, where: dict[str, str]) -> bool:
    return all(getattr(event, name) == value for name, value in where.items())


def test_a_feed_that_comes_twice_holds_tickets_that_nobody_wrote_or_was_asked_about() -> None:
    told = story(1)
    written = {true.spike_id: true.excess - true.wrote for true in told.truth}
    assert [name for name, twice in written.items() if twice] == ["08-doubled-feed"]
    first: dict[tuple[str, str], Ticket] = {}
    twins = set()
    for event in sorted(
        (event for _, event in told.events if isinstance(event, Ticket) and event.event == "opened"),
        key=lambda event: (event.occurred_at, event.event_id),
    ):
        before = first.setdefault((event.customer, event.text), event)
        if before.event_id != event.event_id and event.occurred_at - before.occurred_at < timedelta(seconds=60):
            twins.add(event.event_id[1:])
    doubled = next(true for true in told.truth if true.spike_id == "08-doubled-feed")
    assert len(twins) == pytest.approx(doubled.excess, rel=0.02)
    assert not twins & {event.event_id[1:] for _, event in told.events if isinstance(event, Survey)}


def test_events_arrive_in_order_but_for_a_few_late_ones() -> None:
    times = [event.occurred_at for event in opened(story(1))]
    lateness = timedelta(seconds=story(1).workspace.lateness_s)
    latest, late = times[0], 0
    for time in times:
        late += time < latest - lateness
        latest = max(latest, time)
    assert 0.001 < late / len(times) < 0.006


def test_a_few_events_come_twice_and_all_others_have_their_own_id() -> None:
    counts = Counter((topic.name, event.event_id) for topic, event in story(1).events)
    twice = sum(count == 2 for count in counts.values())
    assert max(counts.values()) == 2
    assert 0.003 < twice / len(counts) < 0.02


def test_days_and_weeks_have_their_seasons() -> None:
    by_hour = Counter(event.occurred_at.hour for event in opened(story(1)))
    assert sum(by_hour[hour] for hour in range(9, 18)) > 5 * sum(by_hour[hour] for hour in range(5))
    by_day = Counter(
        event.occurred_at.weekday() for event in opened(story(1)) if event.occurred_at < story(1).live_from
    )
    assert by_day[0] > 1.15 * by_day[6]


def test_texts_vary_in_words_language_and_private_parts() -> None:
    texts = [event.text for event in opened(story(2))]
    assert len(set(texts)) > 0.7 * len(texts)
    languages = Counter(event.language for event in opened(story(2)))
    assert languages["en"] > languages["de"] > 0.05 * len(texts)
    assert languages["es"] > 0.05 * len(texts)
    private = sum(bool(re.search(r"@example|\+\d{2}|\b4\d{15}\b|\bDE\d{20}\b|203\.0\.113", text)) for text in texts)
    assert 0.08 < private / len(texts) < 0.2
    assert not [text for text in texts if re.search(r"[{}|<>]", text)]


def test_new_versions_are_taken_up_over_days() -> None:
    one = story(3)
    release = next(event for _, event in one.events if isinstance(event, Release) and event.platforms == ("ios",))
    shares = []
    for day in (-1, 0, 1, 4):
        start = release.released_at + timedelta(days=day)
        on_track = [
            event.version
            for event in opened(one)
            if event.platform == "ios" and event.version and start <= event.occurred_at < start + timedelta(days=1)
        ]
        shares.append(on_track.count(release.version) / len(on_track))
    assert shares[0] == 0
    assert all(earlier < later for earlier, later in pairwise(shares))
    assert shares[-1] > 0.7


def test_populations_follow_the_versions() -> None:
    by_time: Counter[tuple[datetime, str]] = Counter()
    for _, event in story(1).events:
        if isinstance(event, Population):
            by_time[event.occurred_at, event.slice["platform"]] += event.customers
    totals = {
        platform: {count for (_, at_platform), count in by_time.items() if at_platform == platform}
        for platform in ("ios", "web")
    }
    assert all(max(counts) - min(counts) < 0.02 * max(counts) for counts in totals.values())


def test_promotion_that_failed_was_not_briefed_and_names_its_code() -> None:
    for seed in SEEDS:
        key = next(true.cause_key for true in story(seed).truth if true.cause_kind == "promotion")
        promotion = next(
            event for _, event in story(seed).events if isinstance(event, Promotion) and event.change == key
        )
        assert promotion.support_briefed_at is None
        assert promotion.code
        assert promotion.claims
        assert any(promotion.code in event.text for event in opened(story(seed)))


def test_size_suits_a_demo() -> None:
    assert 25_000 < len(story(1).events) < 45_000
    assert {event.workspace for _, event in story(1).events} == {story(1).workspace.name}
    assert story(1).live_from == datetime(2026, 3, 17, tzinfo=UTC)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"a story has 1 to 3 live days \(got 4\), 0 or more weeks of history \(got 2\)"
    ):
        make_story(1, weeks_of_history=2, live_days=4)


def test_written_story_reads_back_as_it_was(tmp_path: Path) -> None:
    one = make_story(5, weeks_of_history=0, live_days=2, contacts_per_day=400.0)
    write_story(one, tmp_path)
    mapping = load_mapping(tmp_path / "mapping.toml")
    assert mapping.workspace == one.workspace
    key = {"key": lambda pair: (pair[1].occurred_at, pair[0].name, pair[1].event_id)}
    assert list(read_events(tmp_path, mapping, now=one.ends_at)) == sorted(one.events, **key)  # type: ignore[call-overload]
    with (tmp_path / "truth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["spike_id"] for row in rows] == [true.spike_id for true in one.truth]
    assert [int(row["excess"]) for row in rows] == [true.excess for true in one.truth]
    assert decode(type(one.workspace), (tmp_path / "workspace.json").read_bytes()) == one.workspace
