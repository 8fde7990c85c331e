"""Physical lines of a file, plain or gzipped, up to where it breaks off."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from schemas.errors import FatalError
from sources.rejects import RejectedRow, Rejects, whole_file

MAX_LINE_CHARS = 4_000_000
Line = tuple[int, str]


def fingerprint(path: Path) -> bytes:
    """A hash of a file's content, to know the same file under two names."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def read_lines(path: Path, name: str, *, encoding: str, rejects: Rejects) -> Iterator[Line]:
    """Lines with their numbers, ends kept; bytes that are not in the encoding come as lone surrogates.

    Gzip is recognised by content. A damaged archive gives what it holds and is told; a line of more than four million
    characters is skipped and told.

    Raises:
        FatalError: the file cannot be read.
    """
    number = 0
    try:
        with (
            path.open("rb") as raw,
            io.TextIOWrapper(
                _unpacked(raw), encoding=_with_mark(encoding), errors="surrogateescape", newline=""
            ) as text,
        ):
            while line := text.readline(MAX_LINE_CHARS):
                number += 1
                if len(line) < MAX_LINE_CHARS:
                    yield number, line
                else:
                    rejects(_too_long(name, number, line))
                    _skip_rest(text)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        what = f"the gzip archive is damaged or cut off after line {number} ({error})"
        remedy = "The rows before it were used; export or copy it again for the rest."
        rejects(whole_file(name, what, allowed="a whole archive", remedy=remedy))
    except OSError as error:
        remedy = "Check the file and its permissions."
        raise FatalError(f"{name} cannot be read: {error.strerror}", remedy=remedy) from error


def _with_mark(encoding: str) -> str:
    return "utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding


def _unpacked(raw: io.BufferedReader) -> BinaryIO:
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[return-value]


def _skip_rest(text: io.TextIOWrapper) -> None:
    while (piece := text.readline(MAX_LINE_CHARS)) and not piece.endswith("\n"):
        pass


def _too_long(name: str, number: int, line: str) -> RejectedRow:
    return RejectedRow(
        file=name,
        line=number,
        reason="too_large",
        value=line[:100],
        allowed=f"lines of up to {MAX_LINE_CHARS:,} characters",
        remedy="Shorten the text, or check that this is a text file.",
    )
