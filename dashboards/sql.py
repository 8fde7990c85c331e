"""Fragments of SQL that several panels share."""

from __future__ import annotations

from dashboards.panel import parameter
from sinks.tables import DIMENSIONS

HERE = f"workspace = {parameter('workspace')}"
STREAM = f"stream = {parameter('stream')}"
SLICE = f"slice = {parameter('slice')}"
SPIKE = f"spike_id = {parameter('spike')}"


def within(column: str) -> str:
    """The condition that a time lies in the span on show."""
    return f"{column} >= {parameter('since')} AND {column} < {parameter('until')}"


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
