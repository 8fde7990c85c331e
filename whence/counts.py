"""Reads a plain table of counts, and refuses what is none, with the line: what ``whence detect`` takes.

Columns ``time`` and ``count``, and any others, which together name a series.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.csv as pacsv  # type: ignore[import-untyped]
from numpy.typing import NDArray

from streams.series import DAY_S, Rows
from whence.errors import DataRefused

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
TIME, COUNT = "time", "count"
TOLD = ("expected", "lower", "upper", "surprise", "spike_id")
"""Columns that are written beside those read; a table may not have them already."""
LONGEST_D = 31
MOST_COUNT = 2**53


@dataclass(frozen=True, slots=True)
class Counts:
    """A table that can be judged.

    ``ids`` names the columns that name a series, ``names`` holds their values per series, ``table`` the rows as written.
    """

    table: Any
    ids: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    rows: Rows
    step_s: int


def read_counts(path: Path) -> Counts:
    """Read a CSV file, also gzipped.

    Raises:
        DataRefused: it cannot be judged; the text names the line and what is allowed.
    """
    table = _table(path)
    ids = tuple(name for name in table.column_names if name not in (TIME, COUNT))
    start_s = _times(table.column(TIME))
    count = _counts(table.column(COUNT))
    series, names = _series(table, ids)
    rows = Rows(series, start_s, count)
    return Counts(table, ids, names, rows, _step(rows, names))


def read_days(path: Path) -> frozenset[int]:
    """Holidays: one date a line, as day numbers since 1970-01-01.

    Raises:
        DataRefused: a line is no date.
    """
    days = set()
    for at, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.split(",")[0].strip()
        if not text or (at == 1 and not text[0].isdigit()):
            continue
        try:
            days.add(date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal())
        except ValueError as error:
            raise DataRefused(f"{path}, line {at}: {text!r} is no date; allowed is 2026-12-25") from error
    return frozenset(days)


def shown(name: tuple[str, ...]) -> str:
    """A series' name for people."""
    return ", ".join(name) or "the series"


def _table(path: Path) -> Any:
    """All columns as text."""
    if not path.is_file():
        raise DataRefused(f"{path}: there is no such file")
    try:
        with pacsv.open_csv(str(path)) as head:
            columns = head.schema.names
        types = {name: pa.string() for name in columns}
        table = pacsv.read_csv(
            str(path),
            parse_options=pacsv.ParseOptions(ignore_empty_lines=len(columns) < 2),
            convert_options=pacsv.ConvertOptions(column_types=types, strings_can_be_null=False),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        text = "the file is empty" if "Empty CSV" in str(error) else f"this is no CSV table ({error})"
        raise DataRefused(f"{path}: {text}; allowed is a table with the columns time and count") from error
    missing = [name for name in (TIME, COUNT) if name not in columns]
    if missing or len(set(columns)) < len(columns):
        what = f"there is no column {' and no column '.join(missing)}" if missing else "two columns have one name"
        raise DataRefused(f"{path}, line 1: {what}; the columns are {', '.join(columns)}")
    if taken := [name for name in TOLD if name in columns]:
        raise DataRefused(f"{path}, line 1: a column is named {taken[0]}, as one of what is written; rename it")
    table = _without_empty_end(table)
    if len(table) < 2:
        raise DataRefused(f"{path}: there {'is one row' if len(table) else 'are no rows'}; allowed are two or more")
    return table


def _without_empty_end(table: Any) -> Any:
    last = len(table)
    while last and not any(table.column(name)[last - 1].as_py() for name in table.column_names):
        last -= 1
    return table.slice(0, last)


def _line(row: int) -> str:
    return f"line {row + 2}"


def _encoded(column: Any) -> tuple[Ints, list[str]]:
    """Place of every row's text among the different texts."""
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    return coded.indices.to_numpy().astype(np.int64), coded.dictionary.to_pylist()


def _times(column: Any) -> Ints:
    """Starts of steps in epoch seconds; dates and local midnights stay the days that they name."""
    place, texts = _encoded(column)
    parsed = [_time(text) for text in texts]
    if None in parsed:
        bad = parsed.index(None)
        raise DataRefused(
            f"{_line(int(np.argmax(place == bad)))}: time is {texts[bad]!r}; "
            "allowed is ISO 8601 (2026-01-31, 2026-01-31T09:00, 2026-01-31 09:00:00+01:00) or whole epoch seconds"
        )
    moments = [moment for moment in parsed if moment is not None]
    if all((moment.hour, moment.minute, moment.second) == (0, 0, 0) for moment in moments):
        moments = [moment.replace(tzinfo=UTC) for moment in moments]
    return np.array([round(moment.timestamp()) for moment in moments], dtype=np.int64)[place]


def _time(text: str) -> datetime | None:
    """A time; without a zone it is taken as UTC."""
    try:
        if text.isdecimal() and len(text) in (9, 10):
            return datetime.fromtimestamp(int(text), tz=UTC)
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        return None
    if moment.microsecond:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _counts(column: Any) -> Floats:
    """Counts; empty cells are steps that were not collected."""
    text = pc.utf8_trim_whitespace(column.combine_chunks())
    empty = pc.equal(text, "")
    try:
        number = pc.cast(pc.if_else(empty, None, text), pa.float64())
    except pa.ArrowInvalid:
        number = pa.array([_number(one) for one in text.to_pylist()], pa.float64())
    values: Floats = number.to_numpy(zero_copy_only=False).astype(np.float64)
    wrong = ~((values >= 0) & (values == np.floor(values)) & (values < MOST_COUNT)) & ~np.asarray(empty)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataRefused(
            f"{_line(row)}: count is {text[row].as_py()!r}; allowed is a whole number of at least 0, "
            "or nothing where it was not collected"
        )
    return values


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _series(table: Any, ids: tuple[str, ...]) -> tuple[Ints, tuple[tuple[str, ...], ...]]:
    """Number of every row's series in order of appearance, and the series' names."""
    whole = np.zeros(len(table), dtype=np.int64)
    for name in ids:
        place, texts = _encoded(table.column(name))
        whole = np.unique(whole * len(texts) + place, return_inverse=True)[1].astype(np.int64)
    _, first, number = np.unique(whole, return_index=True, return_inverse=True)
    by_appearance = np.empty(len(first), dtype=np.int64)
    by_appearance[np.argsort(first)] = np.arange(len(first))
    heads = table.select(list(ids)).take(pa.array(np.sort(first))).to_pydict() if ids else {}
    names = tuple(zip(*heads.values(), strict=True)) if ids else ((),)
    return by_appearance[number], names


def _step(rows: Rows, names: tuple[tuple[str, ...], ...]) -> int:
    """The length of a step, as most neighbours of a series are apart.

    Raises:
        DataRefused: times repeat, run backwards or fit no step.
    """
    order = np.argsort(rows.series, kind="stable")
    same = np.diff(rows.series[order]) == 0
    apart = np.diff(rows.start_s[order])
    later = order[1:]
    for wrong, what in (
        (same & (apart == 0), "this time comes twice in {}; local times need their offset when clocks go back"),
        (same & (apart < 0), "this time lies before the row above it of {}; sort every series by time"),
    ):
        if wrong.any():
            row = int(later[wrong].min())
            raise DataRefused(f"{_line(row)}: {what.format(shown(names[rows.series[row]]))}")
    if not same.any():
        raise DataRefused("every series has one row only; allowed are two or more")
    lengths, often = np.unique(apart[same], return_counts=True)
    step_s = int(lengths[np.argmax(often)])
    _check_step(step_s)
    off = (rows.start_s - rows.start_s[0]) % step_s != 0
    if off.any():
        row = int(np.argmax(off))
        raise DataRefused(
            f"{_line(row)}: this time is not a whole number of steps after the first row's; a step is {span(step_s)} "
            "in this file. Months are no steps, as they differ in length: give days or weeks"
        )
    return step_s


def _check_step(step_s: int) -> None:
    whole = step_s < DAY_S or step_s % DAY_S == 0
    if not whole or step_s > LONGEST_D * DAY_S:
        raise DataRefused(
            f"most neighbouring rows are {span(step_s)} apart; allowed are steps of 1 second to below a day, "
            f"and of 1 to {LONGEST_D} whole days"
        )


def span(seconds: int) -> str:
    """A length of time for people.

    >>> span(3600), span(604_800), span(5_400)
    ('1 hour', '1 week', '90 minutes')
    """
    for name, unit in (("week", 7 * DAY_S), ("day", DAY_S), ("hour", 3_600), ("minute", 60), ("second", 1)):
        if seconds % unit == 0:
            many = seconds // unit
            return f"{many} {name}{'s' * (many != 1)}"
    raise AssertionError(seconds)
