"""Closed buckets as frames: counts and samples per leaf, signs of mismeasurement, split below the size limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from schemas.frame import Frame, Sample, Signs, WatchedStream
from streams.admit.buckets import EPOCH, Book, Cell, Leaf
from streams.admit.samples import Kept, Tally

FINE = 1024  # handle times are summed in 1/1024 s, which floats add without rounding, in any order
_ENCODE = msgspec.json.Encoder().encode
_FRAME_BYTES = 40_000  # names of up to some hundred input partitions, and the rest of the envelope
_SAMPLE_BYTES = 200
_LEAF_BYTES = 24


class Place(NamedTuple):
    """What the frames of one input partition have in common."""

    origin: str
    stream: WatchedStream
    inputs: tuple[str, ...]
    frame_bytes: int


# One leaf, its contacts, and its samples or as many of them as fit a frame.
_Piece = tuple[Leaf, int, list[Kept]]


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
    tally = cell.tally if cell.tally is not None else Tally(0)
    parts = list(_parts(_pieces(book, tally), place.frame_bytes))
    for part, pieces in enumerate(parts):
        first, last = part == 0, part == len(parts) - 1
        yield _frame(
            book,
            place,
            start=start,
            until=until if last else start,
            final=final and last,
            part=part,
            parts=len(parts),
            leaves=tuple([leaf for leaf, _, _ in pieces]),
            counts=tuple([contacts for _, contacts, _ in pieces]),
            samples=tuple(_samples(pieces)),
            handle_s=cell.handle / FINE if first else 0.0,
            handled=cell.handled if first else 0,
            signs=_signs(book, cell, tally, signs) if first else Signs(),
        )


def _frame(book: Book, place: Place, *, start: datetime, **rest: Any) -> Frame:
    book.seq += 1
    return Frame(
        workspace=book.workspace.name,
        origin=place.origin,
        seq=book.seq,
        stream=place.stream,
        inputs=place.inputs,
        bucket_start=start,
        bucket_s=book.workspace.bucket_s,
        dimensions=book.workspace.dimensions,
        **rest,
    )


def _signs(book: Book, cell: Cell, tally: Tally, late: Signs) -> Signs:
    customers = Counter(filter(None, tally.customers))
    return replace(
        late,
        repeats=cell.repeats,
        top_customer=max(customers.values(), default=0),
        missing=book.missing(tally.counts()),
    )


def _pieces(book: Book, tally: Tally) -> list[_Piece]:
    samples = tally.samples()
    return sorted(
        (book.leaves[number], contacts, samples.get(number, [])) for number, contacts in tally.counts().items()
    )


def _samples(pieces: list[_Piece]) -> list[Sample]:
    return [
        Sample(
            rank=rank,
            event_id=event_id,
            leaf=place,
            occurred_at=at,
            customer=customer,
            language=language,
            text=text,
            exposed=exposed,
        )
        for place, (_, _, kept) in enumerate(pieces)
        for rank, event_id, at, customer, language, text, exposed in kept
    ]


def _parts(pieces: list[_Piece], limit: int) -> Iterator[list[_Piece]]:
    """Pieces in as few halvings as make every part small enough."""
    ends = list(accumulate(_sizes(pieces), initial=0))
    todo = [(0, len(pieces))]
    while todo:
        first, end = todo.pop()
        if end - first <= 1:
            yield from _split(pieces[first:end], limit)
        elif _FRAME_BYTES + ends[end] - ends[first] <= limit:
            yield pieces[first:end]
        else:
            middle = (first + end) // 2
            todo += [(middle, end), (first, middle)]


def _split(pieces: list[_Piece], limit: int) -> Iterator[list[_Piece]]:
    """At most one leaf, its samples in as few halvings as make every part small enough."""
    if not pieces or len(pieces[0][2]) < 2 or _FRAME_BYTES + _size(pieces[0]) <= limit:
        yield pieces
        return
    leaf, contacts, kept = pieces[0]
    yield from _split([(leaf, contacts, kept[: len(kept) // 2])], limit)
    yield from _split([(leaf, 0, kept[len(kept) // 2 :])], limit)


def _sizes(pieces: list[_Piece]) -> Iterable[int]:
    """Bytes that each piece takes in a frame at most; cheaper where all words are written as they are."""
    words = "".join([id_ + language + text for _, _, kept in pieces for _, id_, _, _, language, text, _ in kept])
    exposed = any(sample[6] for _, _, kept in pieces for sample in kept)
    if exposed or '"' in words or "\\" in words or not (words.isascii() and words.isprintable()):
        return map(_size, pieces)
    return [
        _leaf_size(leaf) + sum([_SAMPLE_BYTES + len(kept[1]) + len(kept[4]) + len(kept[5]) for kept in samples])
        for leaf, _, samples in pieces
    ]


@lru_cache(maxsize=65_536)
def _leaf_size(leaf: Leaf) -> int:
    return _size((leaf, 0, []))


def _size(piece: _Piece) -> int:
    """Bytes that a piece takes in a frame at most."""
    leaf, _, kept = piece
    words = "".join([*leaf, *[event_id + language + text for _, event_id, _, _, language, text, _ in kept]])
    if words.isascii() and words.isprintable():
        written = len(words) + words.count('"') + words.count("\\")
    else:
        written = len(_ENCODE(words))
    exposed = [sample[6] for sample in kept if sample[6]]
    if exposed:
        written += len(_ENCODE(exposed))
    return _SAMPLE_BYTES * len(kept) + _LEAF_BYTES + 3 * len(leaf) + written


def bucket_of(moment: datetime, width: timedelta) -> int:
    """Number of the bucket that a moment lies in; one exactly at an end lies in the next."""
    return (moment - EPOCH) // width
