"""Fragments of SQL that several panels share."""

from __future__ import annotations

from dashboards.panel import parameter
from sinks.tables import DIMENSIONS

HERE = f"workspace = {parameter('workspace')}"
STREAM = f"stream = {parameter('stream')}"
SLICE = f"slice = {parameter('slice')}"
SPIKE = f"spike_id = {parameter('spike')}"
CHANGE = f"change = {parameter('change')}"
# How far detection is, in event time: the clock of every panel, so that a replay reads as it would have at the time.
JUDGED = f"(SELECT max(progress_now.until) FROM progress_now WHERE {HERE} AND topic = 'expectations')"
# Who said last that a spike is theirs.
OWNED = f"(SELECT spike_id, argMax(who, occurred_at) AS who FROM feedback_now WHERE {HERE} AND verdict = 'own' GROUP BY spike_id)"


def within(column: str) -> str:
    """The condition that a time lies in the span on show."""
    return f"{column} >= {parameter('since')} AND {column} < {parameter('until')}"


def lately(column: str) -> str:
    """The condition that a time lies in the span on show, of a long one in its last four weeks.

    For panels that read single contacts: a year of them is not read for one chart.
    """
    return f"{column} >= greatest({parameter('since')}, {parameter('until')} - toIntervalDay(28)) AND {column} < {parameter('until')}"


def stepped(column: str) -> str:
    """A time floored to the step that the chart is drawn in."""
    return f"toStartOfInterval({column}, toIntervalSecond({parameter('step')}))"


# Bands of single buckets do not add up: errors of different buckets partly cancel, so half-widths add in squares.
BAND_LOW = "greatest(0, sum(mean) - sqrt(sum(below)))"
BAND_HIGH = "sum(mean) + sqrt(sum(above))"
BELOW = "pow(expected - low, 2) AS below"
ABOVE = "pow(high - expected, 2) AS above"


def in_slice() -> str:
    """The condition that a leaf lies in the slice given as parallel ``names`` and ``values``."""
    names, values = parameter("names"), parameter("values")
    tests = (f"(NOT has({names}, '{name}') OR {name} = {values}[indexOf({names}, '{name}')])" for name in DIMENSIONS)
    return "\n      AND ".join(tests)
