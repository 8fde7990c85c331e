"""What is committed beside an offset, so that a restart can rebuild its open buckets and its memory of repeats.

Per workspace: from which offset to read again and the mark then in force; the frames' ``seq``, the mark and the late
contacts at the committed offset. Read again from there, silently, a partition's state is what it was.
"""

from __future__ import annotations

import base64
import zlib
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from schemas.errors import FatalError
from schemas.workspace import Workspace
from streams.admit.buckets import EPOCH, NEVER, Book
from streams.admit.state import PartitionState


class Saved(Struct, frozen=True, array_like=True):
    """One workspace's line. ``since`` is the first bucket open where reading begins, ``until`` the first open one
    at the committed offset; both are None before any mark. ``mark_ms`` is the timeline's mark."""

    workspace: str
    first: int
    since: int | None
    until: int | None
    mark_ms: int
    seq: int
    late: int
    backfilled: int
    final: bool


_DECODE = msgspec.json.Decoder(list[Saved]).decode


def save(state: PartitionState, offset: int) -> str:
    """The metadata to commit with ``offset``, the next one to read."""
    lines = [_line(book, offset) for book in state.books.values() if book.cells or book.until != NEVER or book.seq]
    return _packed(lines)


def _packed(lines: list[Saved]) -> str:
    plain = msgspec.json.encode(lines)
    return plain.decode() if len(plain) < 1_000 else "z" + base64.b85encode(zlib.compress(plain)).decode()


def _line(book: Book, offset: int) -> Saved:
    first, since = book.oldest(offset)
    return Saved(
        workspace=book.workspace.name,
        first=first,
        since=_or_none(since),
        until=_or_none(book.until),
        mark_ms=(book.mark - EPOCH) // timedelta(milliseconds=1),
        seq=book.seq,
        late=book.late,
        backfilled=book.backfilled,
        final=book.final,
    )


def _or_none(bucket: int) -> int | None:
    return None if bucket == NEVER else bucket


def load(metadata: str) -> list[Saved]:
    """The lines of committed metadata; none where nothing was committed.

    Raises:
        FatalError: the metadata is not ours.
    """
    try:
        plain = zlib.decompress(base64.b85decode(metadata[1:])) if metadata.startswith("z") else metadata.encode()
        return _DECODE(plain or b"[]")
    except (ValueError, zlib.error) as error:
        raise FatalError(
            f"The committed offsets' metadata cannot be read ({error})",
            remedy="Give admit a consumer group of its own (admit.group), which no other program commits to",
        ) from error


def rewind(state: PartitionState, saved: list[Saved], committed: int) -> int:
    """Prepare a fresh state for reading again; the offset to begin at."""
    for line in saved:
        book = state.books.get(line.workspace)
        if book is not None:
            book.begin(line.since)
            book.skip_before = line.first
    return min((line.first for line in saved), default=committed)


def settle(state: PartitionState, saved: list[Saved]) -> None:
    """After reading again: what the log cannot tell is as it was committed."""
    for line in saved:
        book = state.books.get(line.workspace)
        if book is None:
            continue
        if line.until is not None and line.until > book.until:
            # Only if the log was cut: the marks in it are gone.
            for _, cell in book.advance(line.until):
                cell.close()
        book.seq, book.late, book.backfilled, book.final = line.seq, line.late, line.backfilled, line.final
        book.mark = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=line.mark_ms)
        book.skip_before = 0


def require_room(workspaces: tuple[Workspace, ...], limit: int) -> None:
    """Refuse more workspaces than fit into the metadata of one offset.

    Raises:
        FatalError: says how much is needed and what to do.
    """
    lines = [
        Saved(
            w.name,
            10**12 + 7919 * i,
            10**8 + 104_729 * i,
            10**8 + 104_730 * i,
            10**12 + 611_953 * i,
            10**6 + 31 * i,
            i,
            i,
            False,
        )
        for i, w in enumerate(workspaces, start=1)
    ]
    need = len(_packed(lines))
    if need > limit:
        raise FatalError(
            f"{len(workspaces)} workspaces need {need} bytes of metadata per committed offset, more than {limit}",
            remedy="Raise offset.metadata.max.bytes on the broker and admit.metadata_bytes with it, or give some "
            "workspaces raw topics and an admit group of their own",
        )
