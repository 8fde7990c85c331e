"""Rows of an export, whatever is broken in it: what can be read is read, the rest is told with file and line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import msgspec

from schemas.errors import FatalError, Reason
from schemas.faults import bad_numbers
from sources.lines import MAX_LINE_CHARS, Line, read_lines
from sources.rejects import RejectedRow, Rejects, whole_file

MAX_ROW_LINES = 1_000
Row = dict[str, object]
_QUOTES = "quotes that open and close around a whole cell"
csv.field_size_limit(MAX_LINE_CHARS)


def read_csv(
    path: Path, name: str, *, delimiter: str, encoding: str, needed: frozenset[str], rejects: Rejects
) -> Iterator[tuple[int, Row]]:
    """Rows of a CSV file by column name, with the line on which each begins.

    A quote that never closes costs its own line only. ``name`` is how messages call the file.

    Raises:
        FatalError: the header lacks a column of ``needed``.
    """
    records = _Records(read_lines(path, name, encoding=encoding, rejects=rejects), name, delimiter, rejects)
    first = next(records, None)
    if first is None:
        told = whole_file(
            name, "the file is empty", allowed="a header and rows", remedy="Export it again, or remove it."
        )
        rejects(told)
        return
    header = [cell.strip() for cell in first[1]]
    _check_header(name, header, needed, delimiter)
    for line, cells in records:
        if len(cells) == len(header):
            yield line, dict(zip(header, cells, strict=True))
        elif cells:
            rejects(_other_width(name, line, cells, len(header)))


def read_jsonl(path: Path, name: str, *, encoding: str, rejects: Rejects) -> Iterator[tuple[int, Row]]:
    """Objects of a file with one JSON object a line."""
    line = 0
    for line, text in read_lines(path, name, encoding=encoding, rejects=rejects):
        if not text.strip():
            continue
        try:
            row = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
            rejects(_unreadable(name, line, text, error))
            continue
        if isinstance(row, dict):
            yield line, row
        else:
            rejects(_no_object(name, line, "wrong_type", text, "a JSON object"))
    if not line:
        told = whole_file(
            name, "the file is empty", allowed="one JSON object a line", remedy="Export it again, or remove it."
        )
        rejects(told)


class _Records:
    """CSV records that may span lines; a broken one is told, and reading goes on with the line after its first."""

    def __init__(self, lines: Iterator[Line], name: str, delimiter: str, rejects: Rejects) -> None:
        self._lines, self._name, self._delimiter, self._rejects = lines, name, delimiter, rejects
        self._pushed: list[Line] = []

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        return self

    def __next__(self) -> tuple[int, list[str]]:
        while (start := self._following()) is not None:
            cells = self._record(*start)
            if cells is not None:
                return start[0], cells
        raise StopIteration

    def _following(self) -> Line | None:
        return self._pushed.pop() if self._pushed else next(self._lines, None)

    def _record(self, number: int, text: str) -> list[str] | None:
        """The cells of the record that begins here; None where it was told."""
        first, taken = text, list[Line]()
        while True:
            try:
                cells = _cells(text, self._delimiter)
            except csv.Error as error:
                more = self._more(taken, len(text)) if "end of data" in str(error) else ""
                if more:
                    text += more
                    continue
                self._pushed.extend(reversed(taken))
                self._rejects(_broken(self._name, number, first, error))
                return None
            if _is_text(text):
                return cells
            self._rejects(_not_text(self._name, number, text))
            return None

    def _more(self, taken: list[Line], length: int) -> str:
        """Further lines up to and with the next that holds a quote; nothing where a record would be too long."""
        added = ""
        while len(taken) < MAX_ROW_LINES and length + len(added) < MAX_LINE_CHARS:
            line = self._following()
            if line is None:
                break
            taken.append(line)
            added += line[1]
            if '"' in line[1]:
                return added
        return ""


def _cells(text: str, delimiter: str) -> list[str]:
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    return rows[0] if rows else []


def _is_text(text: str) -> bool:
    return text.isascii() or not any("\udc80" <= mark <= "\udcff" for mark in text)


def _check_header(name: str, header: list[str], needed: frozenset[str], delimiter: str) -> None:
    missing = sorted(needed - set(header))
    doubled = sorted({column for column in header if column in needed and header.count(column) > 1})
    if doubled:
        raise FatalError(f"{name} has the column {doubled[0]!r} twice", remedy="Rename one of them in the export.")
    if missing:
        other = next((mark for mark in ";\t|," if mark != delimiter and mark in "".join(header)), None)
        hint = f" Is the delimiter {other!r} rather than {delimiter!r}?" if len(header) == 1 and other else ""
        raise FatalError(
            f"{name} has no column {missing[0]!r}, which the mapping names; it has {', '.join(header)}",
            remedy=f"Correct the mapping or the export.{hint}",
        )


def _other_width(name: str, line: int, cells: list[str], width: int) -> RejectedRow:
    return RejectedRow(
        file=name,
        line=line,
        reason="bad_value",
        value=", ".join(cells),
        allowed=f"{width} columns as in the header (it has {len(cells)})",
        remedy="Look for a missing quote or an unquoted separator.",
    )


def _broken(name: str, line: int, text: str, error: csv.Error) -> RejectedRow:
    quotes = "end of data" in str(error) or "expected after" in str(error)
    return RejectedRow(
        file=name,
        line=line,
        reason="bad_value",
        value=text.rstrip("\r\n"),
        allowed=_QUOTES if quotes else f"CSV ({error})",
        remedy="Close the quote, or double it inside a cell." if quotes else "Correct or remove the line.",
    )


def _not_text(name: str, line: int, text: str) -> RejectedRow:
    return RejectedRow(
        file=name,
        line=line,
        reason="not_utf8",
        value=text.encode("utf-8", "replace").decode().strip(),
        allowed="text in the stated encoding",
        remedy="Set encoding in the mapping (cp1252, latin-1 …) or export as UTF-8.",
    )


def _unreadable(name: str, line: int, text: str, error: Exception) -> RejectedRow:
    for field, number in bad_numbers(text):
        return RejectedRow(
            file=name,
            line=line,
            reason="bad_number",
            column=field,
            value=number,
            allowed="a finite number",
            remedy="Correct the export.",
        )
    return _no_object(name, line, "not_json", text, f"one JSON object a line ({error})")


def _no_object(name: str, line: int, reason: Reason, text: str, allowed: str) -> RejectedRow:
    return RejectedRow(
        file=name, line=line, reason=reason, value=text.strip(), allowed=allowed, remedy="Correct or remove the line."
    )
