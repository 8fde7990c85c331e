from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from schemas.catalog import TICKETS, Topic
from schemas.raw import RawEvent, Ticket
from schemas.workspace import Workspace
from sources.marks import Mark, Sent, with_marks

T0 = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = Workspace(name="w", bucket_s=60, lateness_s=120, progress="input")


def at(second: float) -> tuple[Topic, RawEvent]:
    moment = T0 + timedelta(seconds=second)
    return TICKETS, Ticket(event_id=f"{second}", workspace="w", occurred_at=moment, source="s", contact="c")


def seconds(moment: datetime) -> float:
    return (moment - T0).total_seconds()


def test_history_has_a_mark_per_cadence_and_live_time_one_per_bucket() -> None:
    items = list(
        with_marks(map(at, range(0, 7_200, 30)), MINUTE, every_s=3_600, live_from=T0 + timedelta(seconds=5_400))
    )
    untils = [seconds(item.progress.until) for item in items if isinstance(item, Mark)]
    assert untils == [3_480.0, *(float(until) for until in range(5_280, 7_021, 60)), 7_200.0]


def test_mark_comes_before_the_event_that_moved_the_clock_and_trails_by_the_lateness() -> None:
    items = list(with_marks(map(at, (0, 30, 3_000, 4_000)), MINUTE, every_s=3_600))
    assert [type(item) for item in items] == [Sent, Sent, Sent, Mark, Sent, Mark]
    mark = items[3]
    assert isinstance(mark, Mark)
    assert seconds(mark.progress.until) == 3_840.0
    assert not mark.progress.final


def test_last_mark_closes_the_last_bucket() -> None:
    (*_, last) = with_marks(map(at, (0, 61)), MINUTE)
    assert isinstance(last, Mark)
    assert (seconds(last.progress.until), last.progress.final) == (120.0, True)
    assert [item for item in with_marks(map(at, (0, 61)), MINUTE, final=False) if isinstance(item, Mark)] == []


def test_no_events_end_at_once() -> None:
    (only,) = with_marks((), MINUTE)
    assert isinstance(only, Mark)
    assert only.progress.final


def test_event_from_the_future_moves_no_mark() -> None:
    plain = [*range(0, 20_000, 100)]
    with_future = [*plain[:50], 9_000_000, *plain[50:]]
    marks = [
        [item.progress for item in with_marks(map(at, some), MINUTE, every_s=3_600) if isinstance(item, Mark)]
        for some in (plain, with_future)
    ]
    assert marks[0][:-1] == marks[1][:-1]
    clocks = [item.at for item in with_marks(map(at, with_future), MINUTE) if isinstance(item, Sent)]
    assert max(clocks) == T0 + timedelta(seconds=19_900)
    assert marks[1][-1].until <= T0 + timedelta(days=2)


def test_a_dense_stream_has_marks_within_the_cadence() -> None:
    items = list(with_marks((at(second / 20) for second in range(24_000)), MINUTE))
    between, longest = 0, 0
    for item in items:
        between = between + 1 if isinstance(item, Sent) else 0
        longest = max(longest, between)
    assert longest < 6_500


def test_a_long_gap_is_one_mark_in_history() -> None:
    items = list(with_marks(map(at, (0, 10_000_000, 10_000_030)), MINUTE))
    assert sum(isinstance(item, Mark) for item in items) == 2


@given(
    st.lists(st.integers(0, 100_000), min_size=1, max_size=60),
    st.sampled_from((60, 600, 3_600)),
    st.one_of(st.none(), st.integers(0, 100_000)),
)
def test_no_event_within_the_lateness_comes_after_a_mark_that_closes_its_bucket(
    times: list[int], every: int, live: int | None
) -> None:
    """Sorted input, jittered within the lateness: nothing is late; marks only move forward; all events are sent."""
    times = sorted(times)
    jittered = sorted(times, key=lambda second: second + (second * 7_919) % 120)
    live_from = None if live is None else T0 + timedelta(seconds=live)
    items = list(with_marks(map(at, jittered), MINUTE, every_s=every, live_from=live_from))
    until = datetime.min.replace(tzinfo=UTC)
    for item in items:
        if isinstance(item, Mark):
            assert item.progress.until >= until
            until = item.progress.until
        else:
            bucket_end = item.event.occurred_at.replace(second=0) + timedelta(minutes=1)
            assert bucket_end > until
    assert [item.event for item in items if isinstance(item, Sent)] == [event for _, event in map(at, jittered)]
    assert isinstance(items[-1], Mark)
    assert items[-1].progress.until > T0 + timedelta(seconds=times[-1])
