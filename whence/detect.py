"""``whence detect``: spikes in anyone's table of counts, every step judged by nothing later."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.csv as pacsv  # type: ignore[import-untyped]
from msgspec import Struct
from numpy.typing import NDArray

from streams.series import DAY_S, Judged, judge
from whence.counts import TIME, TOLD, Counts, read_counts, read_days, shown, span
from whence.errors import SettingsError
from whence.show import print_json, print_table, progress, say

Ints = NDArray[np.int64]
MOST_BUDGET = 1_000.0
SHOWN = 20
PICTURES = (".png", ".svg", ".pdf")


class FoundSpike(Struct, frozen=True, kw_only=True):
    """One spike of one series: its steps so far, what was counted and expected in them."""

    spike_id: str
    series: dict[str, str]
    start: str
    last: str
    steps: int
    observed: int
    expected: float
    surprise: float
    number: int


class Summary(Struct, frozen=True, kw_only=True):
    """What ``--json`` prints."""

    rows: int
    series: int
    step_s: int
    first: str
    last: str
    budget_per_week: float
    mismeasured: int
    spikes: tuple[FoundSpike, ...]


def run_detect(
    path: Path, *, budget: float, out: Path, plot: Path | None, holidays: Path | None, panels: int, as_json: bool
) -> None:
    """Judge a table of counts, write a verdict per row, and draw the most surprising series.

    Raises:
        DataRefused: the table cannot be judged.
        SettingsError: the budget or the number of panels is out of range.
    """
    _check(budget, panels, plot)
    counts = read_counts(path)
    days = read_days(holidays) if holidays is not None else frozenset[int]()
    with progress() as shown_progress:
        task = shown_progress.add_task("rows", total=len(counts.rows))
        judged = judge(
            counts.rows,
            series=len(counts.names),
            step_s=counts.step_s,
            budget_per_week=budget,
            holidays=days,
            told=lambda done: shown_progress.update(task, completed=done),
        )
    spikes = tuple(found_spikes(counts, judged))
    write(counts, judged, spikes, out)
    if plot is not None:
        from whence.picture import draw  # noqa: PLC0415 matplotlib is slow to load

        draw(counts, judged, spikes, plot, panels=panels)
    _tell(_summary(counts, judged, spikes, budget), out, plot, as_json=as_json)


def _check(budget: float, panels: int, plot: Path | None) -> None:
    if not 0 < budget <= MOST_BUDGET:
        raise SettingsError(f"--budget is {budget:g}; allowed is more than 0, at most 1000 false spikes a week")
    if not 1 <= panels <= 24:
        raise SettingsError(f"--panels is {panels}; allowed is 1 to 24")
    if plot is not None and plot.suffix.lower() not in PICTURES:
        raise SettingsError(f"--plot is {plot.name}; allowed is a name that ends in {', '.join(PICTURES)}")


def found_spikes(counts: Counts, judged: Judged) -> Iterator[FoundSpike]:
    """All spikes, in order of their first step."""
    inside = np.flatnonzero(judged.spike >= 0)
    if not len(inside):
        return
    rows = counts.rows
    order = inside[np.lexsort((rows.start_s[inside], judged.spike[inside], rows.series[inside]))]
    change = np.flatnonzero((np.diff(rows.series[order]) != 0) | (np.diff(judged.spike[order]) != 0)) + 1
    for here in sorted(np.split(order, change), key=lambda one: (int(rows.start_s[one[0]]), int(rows.series[one[0]]))):
        yield _found(counts, judged, here)


def _found(counts: Counts, judged: Judged, here: Ints) -> FoundSpike:
    rows, series = counts.rows, int(counts.rows.series[here[0]])
    name = counts.names[series]
    times = counts.table.column(TIME)
    return FoundSpike(
        spike_id=_spike_id(name, int(rows.start_s[here[0]]), counts.step_s),
        series=dict(zip(counts.ids, name, strict=True)),
        start=times[int(here[0])].as_py(),
        last=times[int(here[-1])].as_py(),
        steps=len(here),
        observed=int(np.nansum(rows.count[here])),
        expected=round(float(np.nansum(judged.expected[here])), 2),
        surprise=round(float(np.nanmax(judged.surprise[here])), 2),
        number=int(judged.spike[here[0]]),
    )


def _spike_id(name: tuple[str, ...], start_s: int, step_s: int) -> str:
    """From the series' name and the first alarm's time alone, so that later rows never change it."""
    form = "%Y%m%d" if step_s >= DAY_S else "%Y%m%dT%H%M" if step_s >= 60 else "%Y%m%dT%H%M%S"
    mark = hashlib.sha256("\x1f".join(name).encode()).hexdigest()[:8]
    return f"{datetime.fromtimestamp(start_s, tz=UTC):{form}}-{mark}"


def write(counts: Counts, judged: Judged, spikes: tuple[FoundSpike, ...], out: Path) -> None:
    """One row per row read, in its order."""
    columns: dict[str, Any] = {name: counts.table.column(name) for name in (*counts.ids, TIME)}
    for name in TOLD[:-1]:
        columns[name] = pa.array(np.round(getattr(judged, name), 4), from_pandas=True)
    columns[TOLD[-1]] = _spike_column(counts, judged, spikes)
    out.parent.mkdir(parents=True, exist_ok=True)
    plain = not any(_needs_quotes(columns[name]) for name in (*counts.ids, TIME))
    options = pacsv.WriteOptions(include_header=False, quoting_style="none" if plain else "needed")
    with pa.output_stream(str(out), compression="detect") as stream:
        stream.write((",".join(_quoted(name) for name in columns) + "\n").encode())
        pacsv.write_csv(pa.table(columns), stream, options)


def _needs_quotes(column: Any) -> bool:
    return bool(pc.any(pc.match_substring_regex(column.unique(), r'[",\r\n]')).as_py())


def _quoted(name: str) -> str:
    """A column's name as CSV wants it."""
    return f'"{name.replace(chr(34), chr(34) * 2)}"' if set(name) & set('",\r\n') else name


def _spike_column(counts: Counts, judged: Judged, spikes: tuple[FoundSpike, ...]) -> Any:
    """The spike id of every row; nothing outside spikes."""
    series_of = {name: number for number, name in enumerate(counts.names)}
    names = {(series_of[tuple(one.series.values())], one.number): at for at, one in enumerate(spikes)}
    place = np.full(len(counts.rows), -1, dtype=np.int64)
    for row in np.flatnonzero(judged.spike >= 0).tolist():
        place[row] = names[int(counts.rows.series[row]), int(judged.spike[row])]
    ids = pa.array([one.spike_id for one in spikes], pa.string())
    return ids.take(pa.array(place, mask=place < 0))


def _summary(counts: Counts, judged: Judged, spikes: tuple[FoundSpike, ...], budget: float) -> Summary:
    times, start_s = counts.table.column(TIME), counts.rows.start_s
    return Summary(
        rows=len(counts.rows),
        series=len(counts.names),
        step_s=counts.step_s,
        first=times[int(np.argmin(start_s))].as_py(),
        last=times[int(np.argmax(start_s))].as_py(),
        budget_per_week=budget,
        mismeasured=int(judged.mismeasured.sum()),
        spikes=spikes,
    )


def _tell(summary: Summary, out: Path, plot: Path | None, *, as_json: bool) -> None:
    if as_json:
        print_json(summary)
    else:
        loudest = sorted(summary.spikes, key=lambda one: -one.surprise)[:SHOWN]
        columns = ("from", "last", "series", "counted", "expected", "surprise")
        print_table("", columns, (_row(one) for one in loudest))
    what = f"{summary.rows:,} rows of {summary.series:,} series, in steps of {span(summary.step_s)}"
    say(f"{len(summary.spikes)} spike(s) in {what}; written to {out}{f' and {plot}' if plot is not None else ''}.")
    if summary.mismeasured:
        say(f"{summary.mismeasured:,} row(s) look mismeasured: far fewer than expected, or a feed that doubled.")


def _row(one: FoundSpike) -> tuple[object, ...]:
    name = shown(tuple(one.series.values()))
    return one.start, one.last, name, one.observed, f"{one.expected:.1f}", f"{one.surprise:.1f} bits"
