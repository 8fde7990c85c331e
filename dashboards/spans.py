"""Which stretch of story time is on show, and in which steps it is drawn. Pure arithmetic on event time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import Struct

SPANS = {
    "6h": timedelta(hours=6),
    "1d": timedelta(days=1),
    "1w": timedelta(weeks=1),
    "4w": timedelta(weeks=4),
    "1y": timedelta(days=365),
}
ALL = "all"
# Nothing between three hours and a day: such steps cut the day's rhythm into teeth.
_STEPS_S = (60, 300, 600, 900, 1800, 3600, 7200, 10800, 86400)
_MOST_POINTS = 260


class Stretch(Struct, frozen=True, kw_only=True):
    """From ``since`` to before ``until``, drawn in steps of ``step_s`` seconds that divide both."""

    since: datetime
    until: datetime
    step_s: int


def default_span(bucket_s: int) -> str:
    """The span shown at first: wide enough for a rhythm to be seen in buckets of this width."""
    return "1d" if bucket_s <= 900 else "4w"


def step_for(length: timedelta, bucket_s: int) -> int:
    """The smallest step, in seconds, that keeps a curve readable and never splits a bucket."""
    fitting = [step for step in (bucket_s, *_STEPS_S) if step >= bucket_s and step % bucket_s == 0]
    return next((step for step in fitting if length.total_seconds() / step <= _MOST_POINTS), max(fitting))


def stretch(first: datetime, now: datetime, span: str, bucket_s: int) -> Stretch:
    """The span that ends at ``now``. A step that is not over yet is left out: half a step looks like a fall."""
    length = SPANS.get(span, now - first)
    since = max(first, now - length)
    return _aligned(since, now, step_for(now - since, bucket_s))


def around(onset: datetime, end: datetime, *, first: datetime, now: datetime, bucket_s: int) -> Stretch:
    """A spike with enough of before and after to see that it is one."""
    long = max(end - onset, timedelta(seconds=12 * bucket_s))
    since = max(first, onset - max(2 * long, timedelta(seconds=36 * bucket_s)))
    until = min(now, end + long)
    return _aligned(since, until, step_for(until - since, bucket_s))


def _aligned(since: datetime, until: datetime, step_s: int) -> Stretch:
    start, end = _floor(since, step_s), _floor(until, step_s)
    return Stretch(since=start, until=max(end, start + timedelta(seconds=step_s)), step_s=step_s)


def _floor(moment: datetime, step_s: int) -> datetime:
    seconds = int(moment.timestamp()) // step_s * step_s
    return datetime.fromtimestamp(seconds, UTC)
