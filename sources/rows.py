"""Rows of an export, whatever is broken in it: what can be read is read, the rest is told with file and line."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from schemas.errors import FatalError, Reason

MAX_ROW_CHARS = 4_000_000
MAX_ROW_LINES = 5_000
_SHOWN = 80


class RejectedRow(Struct, frozen=True, kw_only=True):
    """One row (or, with line 0, a whole file) that was not used, and why. Lines count from 1, the header's included."""

    file: str
    line: int
    reason: Reason
    column: str = ""
    value: str = ""
    allowed: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" if self.line else self.file
        value = "empty" if self.reason == "missing_field" else shown(self.value)
        found = f"{self.column or 'the row'} is {value}" if self.line else self.value
        return f"{place}: {found}; allowed is {self.allowed}. {self.remedy}"


Rejects = Callable[[RejectedRow], None]
Row = dict[str, object]


def shown(value: object) -> str:
    """A value as a message quotes it, cut to a readable length.

    >>> shown("abc")
    "'abc'"
    """
    text = value if isinstance(value, str) else repr(value)
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def read_csv(
    path: Path, name: str, *, delimiter: str, encoding: str, needed: frozenset[str], rejects: Rejects
) -> Iterator[tuple[int, Row]]:
    """Rows of a CSV file by column name, with the line on which each begins.

    A quote that never closes costs its own line only. ``name`` is how messages call the file.

    Raises:
        FatalError: the header lacks a column of ``needed``.
    """
    records = _records(_lines(path, name, encoding, rejects), name, delimiter, rejects)
    first = next(records, None)
    if first is None:
        rejects(_whole_file(name, "the file is empty", "a header and rows", "Export it again, or remove it."))
        return
    header = [cell.strip() for cell in first[1]]
    _check_header(name, header, needed, delimiter)
    for line, cells in records:
        if len(cells) == len(header):
            yield line, dict(zip(header, cells, strict=True))
        elif cells:
            rejects(
                RejectedRow(
                    file=name,
                    line=line,
                    reason="bad_value",
                    value=delimiter.join(cells),
                    allowed=f"{len(header)} columns as in the header (it has {len(cells)})",
                    remedy="Look for a missing quote or an unquoted separator.",
                )
            )


def read_jsonl(path: Path, name: str, *, encoding: str, rejects: Rejects) -> Iterator[tuple[int, Row]]:
    """Objects of a file with one JSON object a line."""
    any_line = False
    for line, text in _lines(path, name, encoding, rejects):
        any_line = True
        if not text.strip():
            continue
        try:
            row = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            rejects(
                RejectedRow(
                    file=name,
                    line=line,
                    reason="not_json",
                    value=text.strip(),
                    allowed=f"one JSON object a line ({error})",
                    remedy="Correct or remove the line.",
                )
            )
            continue
        if isinstance(row, dict):
            yield line, row
        else:
            rejects(
                RejectedRow(
                    file=name,
                    line=line,
                    reason="wrong_type",
                    value=text.strip(),
                    allowed="a JSON object",
                    remedy="Correct or remove the line.",
                )
            )
    if not any_line:
        rejects(_whole_file(name, "the file is empty", "one JSON object a line", "Export it again, or remove it."))


def fingerprint(path: Path) -> bytes:
    """A hash of a file's content, to know the same file under two names."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _lines(path: Path, name: str, encoding: str, rejects: Rejects) -> Iterator[tuple[int, str]]:
    """Physical lines with their numbers, up to where a damaged archive breaks off."""
    encoding = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
    number = 0
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            binary: BinaryIO = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
            with io.TextIOWrapper(binary, encoding=encoding, errors="surrogateescape", newline="") as text:
                for number, line in enumerate(text, start=1):
                    yield number, line
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        rejects(
            _whole_file(
                name,
                f"the gzip archive is damaged or cut off after line {number} ({error})",
                "a whole archive",
                "The rows before it were used; export or copy it again for the rest.",
            )
        )
    except OSError as error:
        raise FatalError(
            f"{name} cannot be read: {error.strerror}", remedy="Check the file and its permissions."
        ) from error


def _records(
    lines: Iterator[tuple[int, str]], name: str, delimiter: str, rejects: Rejects
) -> Iterator[tuple[int, list[str]]]:
    """CSV records that may span lines; a broken one is told, and reading goes on with the line after its first."""
    pushed: list[tuple[int, str]] = []

    def following() -> tuple[int, str] | None:
        return pushed.pop() if pushed else next(lines, None)

    while (start := following()) is not None:
        number, text = start
        taken: list[tuple[int, str]] = []
        while True:
            try:
                cells = _cells(text, delimiter)
            except csv.Error as error:
                open_quote = "end of data" in str(error)
            else:
                if any("\udc80" <= mark <= "\udcff" for mark in text) if not text.isascii() else False:
                    rejects(
                        RejectedRow(
                            file=name,
                            line=number,
                            reason="not_utf8",
                            value=text.encode("utf-8", "replace").decode().strip(),
                            allowed="text in the stated encoding",
                            remedy="Set encoding in the mapping (cp1252, latin-1 …) or export as UTF-8.",
                        )
                    )
                else:
                    yield number, cells
                break
            more = (
                _more(following, taken)
                if open_quote and len(taken) < MAX_ROW_LINES and len(text) < MAX_ROW_CHARS
                else None
            )
            if more is None:
                rejects(
                    RejectedRow(
                        file=name,
                        line=number,
                        reason="bad_value",
                        value=text.splitlines()[0],
                        allowed="quotes that open and close around a whole cell",
                        remedy="Close the quote, or double it inside a cell.",
                    )
                )
                pushed.extend(reversed(taken))
                break
            text += more


def _more(following: Callable[[], tuple[int, str] | None], taken: list[tuple[int, str]]) -> str | None:
    """Further lines up to and with the next that holds a quote."""
    added = ""
    while (line := following()) is not None:
        taken.append(line)
        added += line[1]
        if '"' in line[1]:
            return added
        if len(taken) >= MAX_ROW_LINES or len(added) >= MAX_ROW_CHARS:
            break
    return None


def _cells(text: str, delimiter: str) -> list[str]:
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    return rows[0] if rows else []


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


def _whole_file(name: str, what: str, allowed: str, remedy: str) -> RejectedRow:
    return RejectedRow(file=name, line=0, reason="bad_value", value=what, allowed=allowed, remedy=remedy)
