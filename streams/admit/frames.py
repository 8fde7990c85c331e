"""Closed buckets as frames: counts and samples per leaf, signs of mismeasurement, split below the size limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from schemas.frame import Frame, Sample, Signs, WatchedStream
from streams.admit.buckets import EPOCH, Book, Cell, Kept, Leaf

FINE = 1024  # handle times are summed in 1/1024 s, which floats add without rounding, in any order
_SAMPLE_BYTES = 260
_LEAF_BYTES = 16


class Place(NamedTuple):
    """What the frames of one input partition have in common."""

    origin: str
    stream: WatchedStream
    inputs: tuple[str, ...]
    frame_bytes: int


class _Piece(NamedTuple):
    """One leaf, or as much of its samples as fits a frame."""

    leaf: Leaf
    contacts: int
    kept: list[Kept]
    size: int


def frames_of(book: Book, place: Place, closed: list[tuple[int, Cell]], *, final: bool) -> Iterator[Frame]:
    """The frames of one mark, in order of time; at least one, and the last one says how far the mark reaches."""
    until = EPOCH + book.width * book.until
    signs = Signs(late=book.late, backfilled=book.backfilled)
    book.late = book.backfilled = 0
    if not closed:
        yield _frame(book, place, start=until, until=until, signs=signs, final=final)
    for i, (bucket, cell) in enumerate(closed):
        last = i == len(closed) - 1
        end = EPOCH + book.width * (bucket + 1)
        yield from _bucket(book, place, bucket, cell, signs=signs, until=until if last else end, final=final and last)
        signs = Signs()
        cell.close()


def _bucket(
    book: Book, place: Place, bucket: int, cell: Cell, *, signs: Signs, until: datetime, final: bool
) -> Iterator[Frame]:
    start = EPOCH + book.width * bucket
    parts = list(_parts(list(_pieces(book, cell, place.frame_bytes)), place.frame_bytes))
    for part, pieces in enumerate(parts):
        last = part == len(parts) - 1
        frame = _frame(book, place, start=start, until=until if last else start, signs=Signs(), final=final and last)
        frame = replace(
            frame,
            part=part,
            parts=len(parts),
            leaves=tuple(piece.leaf for piece in pieces),
            counts=tuple(piece.contacts for piece in pieces),
            samples=tuple(_sample(kept, place) for place, piece in enumerate(pieces) for kept in piece.kept),
        )
        if part == 0:
            frame = replace(frame, handle_s=cell.handle / FINE, handled=cell.handled, signs=_signs(book, cell, signs))
        yield frame


def _frame(book: Book, place: Place, *, start: datetime, until: datetime, signs: Signs, final: bool) -> Frame:
    book.seq += 1
    return Frame(
        workspace=book.workspace.name,
        origin=place.origin,
        seq=book.seq,
        stream=place.stream,
        inputs=place.inputs,
        bucket_start=start,
        bucket_s=book.workspace.bucket_s,
        until=until,
        final=final,
        dimensions=book.workspace.dimensions,
        signs=signs,
    )


def _signs(book: Book, cell: Cell, late: Signs) -> Signs:
    customers = Counter(filter(None, cell.customers))
    return replace(
        late,
        repeats=cell.repeats,
        top_customer=max(customers.values(), default=0),
        missing=book.missing(cell),
    )


def _pieces(book: Book, cell: Cell, limit: int) -> Iterator[_Piece]:
    for leaf, counted in sorted((book.leaves[number], counted) for number, counted in cell.leaves.items()):
        counted.prune(book.workspace.sample_k)
        count = counted.count
        kept: list[Kept] = []
        size = base = _LEAF_BYTES + sum(_bytes(value) + 4 for value in leaf)
        for sample in counted.kept:
            cost = _SAMPLE_BYTES + _bytes(sample[5]) + _bytes(sample[1])
            cost += sum(_bytes(name) + 12 for name in sample[6]) if sample[6] else 0
            if size + cost > limit // 2 and kept:
                yield _Piece(leaf, count, kept, size)
                count, size, kept = 0, base, []
            size += cost
            kept.append(sample)
        yield _Piece(leaf, count, kept, size)


def _sample(kept: Kept, leaf: int) -> Sample:
    rank, event_id, at, customer, language, text, exposed = kept
    return Sample(
        rank=rank,
        event_id=event_id,
        leaf=leaf,
        occurred_at=at,
        customer=customer,
        language=language,
        text=text,
        exposed=exposed,
    )


def _parts(pieces: list[_Piece], limit: int) -> Iterator[list[_Piece]]:
    part: list[_Piece] = []
    size = 40_000  # names of up to some hundred input partitions, and the rest of the envelope
    for piece in pieces:
        if part and size + piece.size > limit:
            yield part
            part, size = [], 40_000
        part.append(piece)
        size += piece.size
    yield part


def _bytes(text: str) -> int:
    """Bytes that a text takes in JSON at most."""
    if text.isascii() and text.isprintable():
        return len(text) + text.count('"') + text.count("\\")
    return 6 * len(text)


def bucket_of(moment: datetime, width: timedelta) -> int:
    """Number of the bucket that a moment lies in; one exactly at an end lies in the next."""
    return (moment - EPOCH) // width
