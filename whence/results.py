"""Spikes and attributions as CSV, in the form by which they are scored."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from schemas.attribution import Attribution
from schemas.slices import slice_text
from schemas.spike import Spike

ATTRIBUTION_COLUMNS = (
    "spike_id", "slice", "onset", "end", "expected", "observed", "cause_kind", "cause_key",
    "probability", "excess", "excess_low", "excess_high",
)  # fmt: skip
SPIKE_COLUMNS = (
    "spike_id", "stream", "slice", "state", "merged_into", "opened_at", "onset", "onset_low", "onset_high", "end",
    "expected", "observed", "excess", "excess_low", "excess_high", "surprise_bits", "window_s", "bucket_s",
)  # fmt: skip


def written_time(moment: datetime) -> str:
    """ISO 8601 in UTC.

    >>> written_time(datetime(2019, 5, 4, 1, 30, tzinfo=UTC))
    '2019-05-04T01:30:00Z'
    """
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def write_attributions(path: Path, attributions: Iterable[Attribution]) -> None:
    """One row per spike and candidate cause; final revisions only, merged spikes left out."""
    with path.open("w", newline="", encoding="utf-8") as file:
        _write(file, ATTRIBUTION_COLUMNS, attribution_rows(attributions))


def attribution_rows(attributions: Iterable[Attribution]) -> Iterator[tuple[object, ...]]:
    """Rows in the order of ``ATTRIBUTION_COLUMNS``."""
    for one in attributions:
        if not one.final or one.state == "merged":
            continue
        head = (
            one.spike_id,
            slice_text(one.slice),
            written_time(one.onset),
            written_time(one.end),
            written_number(one.expected),
            one.observed,
        )
        for cause in one.candidates:
            numbers = (cause.probability, cause.excess, cause.excess_low, cause.excess_high)
            yield (*head, cause.kind, cause.key, *(written_number(number) for number in numbers))


def write_spikes(path: Path, spikes: Iterable[Spike]) -> None:
    """One row per spike, by its last revision; merged ones say into which."""
    with path.open("w", newline="", encoding="utf-8") as file:
        _write(file, SPIKE_COLUMNS, (_spike_row(one) for one in spikes))


def _spike_row(one: Spike) -> tuple[object, ...]:
    ends = one.end if one.end is not None else one.as_of
    times = (one.opened_at, one.onset, one.onset_low, one.onset_high, ends)
    return (
        one.spike_id, one.stream, slice_text(one.slice), one.state, one.merged_into, *(written_time(time) for time in times),
        written_number(one.expected), one.observed, *(written_number(number) for number in (one.excess, one.excess_low, one.excess_high, one.surprise)),
        one.window_s, one.bucket_s,
    )  # fmt: skip


def written_number(value: float) -> str:
    """Six digits that matter.

    >>> written_number(1234.56789), written_number(0.98)
    ('1234.57', '0.980000')
    """
    return f"{value:.6g}" if abs(value) >= 1 else f"{value:.6f}"


def _write(file: IO[str], columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
