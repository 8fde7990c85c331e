"""Closed buckets as frames: counts and samples per leaf, signs of mismeasurement, split below the size limit.

A frame's samples are put together from the bytes that were kept of them; nothing is decoded or encoded twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace

from schemas.codec import encode
from schemas.frame import Frame, Signs, WatchedStream
from streams.admit.buckets import EPOCH, Book, Cell, Leaf
from streams.admit.compiled import step
from streams.admit.memory import Ints
from streams.admit.samples import Sampled, Tally

FINE = 1024  # handle times are summed in 1/1024 s, which floats add without rounding, in any order
_ENCODE = msgspec.json.Encoder().encode
_FRAME_BYTES = 40_000  # names of up to some hundred input partitions, and the rest of the envelope
_LEAF_BYTES = 24

# The Kafka key and value of a frame.
Written = tuple[bytes, bytes]


class Place(NamedTuple):
    """What the frames of one input partition have in common."""

    origin: str
    stream: WatchedStream
    inputs: tuple[str, ...]
    frame_bytes: int


def frames_of(book: Book, place: Place, closed: list[tuple[int, Cell]], *, final: bool) -> Iterator[Written]:
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
) -> Iterator[Written]:
    start = EPOCH + book.width * bucket
    tally = cell.tally if cell.tally is not None else Tally(0)
    told = _Told(book, tally)
    parts = list(told.parts(place.frame_bytes))
    for number, part in enumerate(parts):
        first, last = number == 0, number == len(parts) - 1
        yield _frame(
            book,
            place,
            start=start,
            until=until if last else start,
            final=final and last,
            part=number,
            parts=len(parts),
            leaves=tuple(told.leaves[part.first : part.end]),
            counts=tuple(told.counts[part.first : part.end]) if part.counts else (0,),
            samples=told.samples(part),
            handle_s=cell.handle / FINE if first else 0.0,
            handled=cell.handled if first else 0,
            signs=_signs(book, cell, tally, signs) if first else Signs(),
        )


def _frame(book: Book, place: Place, *, start: datetime, **rest: Any) -> Written:
    book.seq += 1
    frame = Frame(
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
    return book.workspace.name.encode(), encode(frame)


def _signs(book: Book, cell: Cell, tally: Tally, late: Signs) -> Signs:
    customers = Counter(filter(None, tally.customers))
    return replace(
        late,
        repeats=cell.repeats,
        top_customer=max(customers.values(), default=0),
        missing=book.missing(tally.counts()),
    )


class _Part(NamedTuple):
    """Leaves ``first`` to ``end`` and samples ``begin`` to ``stop``; ``counts`` says whether the leaves are counted
    here or were by an earlier part."""

    first: int
    end: int
    begin: int
    stop: int
    counts: bool = True


class _Told:
    """What a bucket's frames tell: leaves in order, their contacts, and the samples of each, one after another."""

    def __init__(self, book: Book, tally: Tally) -> None:
        counts = tally.counts()
        numbers = book.in_order(np.flatnonzero(counts))
        self.leaves = [book.leaves[number] for number in numbers.tolist()]
        self.counts: list[int] = counts[numbers].tolist()
        self._leaf, self._sampled = self._in_order(numbers, tally.samples())
        self._begins = np.searchsorted(self._leaf, np.arange(numbers.size + 1))

    def _in_order(self, numbers: Ints, found: Sampled) -> tuple[Ints, Sampled]:
        """The samples in the order of the leaves, and each one's leaf by its place in that order."""
        places = np.full(max(numbers.max(initial=0), found.leaf.max(initial=0)) + 1, -1)
        places[numbers] = np.arange(numbers.size)
        leaf = places[found.leaf]
        order = np.argsort(leaf, kind="stable")
        order = order[leaf[order] >= 0]
        return leaf[order], found.where(order)

    def parts(self, limit: int) -> Iterator[_Part]:
        """The leaves in as few halvings as make every part small enough."""
        leaves = np.fromiter(map(_leaf_size, self.leaves), np.int64, len(self.leaves))
        sizes = np.append(np.zeros(1, np.int64), np.cumsum(self._sampled.said.sizes))[self._begins]
        ends = sizes + np.append(np.zeros(1, np.int64), np.cumsum(leaves))
        todo = [(0, len(self.leaves))]
        while todo:
            first, end = todo.pop()
            part = _Part(first, end, int(self._begins[first]), int(self._begins[end]))
            if _FRAME_BYTES + ends[end] - ends[first] <= limit:
                yield part
            elif end - first <= 1:
                yield from self._split(part, limit - _FRAME_BYTES - int(leaves[first]))
            else:
                middle = (first + end) // 2
                todo += [(middle, end), (first, middle)]

    def _split(self, part: _Part, room: int) -> Iterator[_Part]:
        """One leaf, its samples in as few halvings as make every part small enough."""
        if part.stop - part.begin < 2 or self._sampled.said.sizes[part.begin : part.stop].sum() <= room:
            yield part
            return
        middle = part.begin + (part.stop - part.begin) // 2
        yield from self._split(part._replace(stop=middle), room)
        yield from self._split(part._replace(begin=middle, counts=False), room)

    def samples(self, part: _Part) -> Any:
        """A part's samples, as they stand in its frame."""
        if part.begin == part.stop:
            return ()
        chosen = slice(part.begin, part.stop)
        packed, *columns = self._sampled.said
        compiled = step()
        if compiled is not None:
            rank, leaf = self._sampled.rank[chosen], self._leaf[chosen] - part.first
            spans = [column[chosen].astype(np.int64) for column in columns[:3]]
            return msgspec.Raw(compiled.weave(packed, rank, leaf, *spans))
        begins, cuts, ends, _ = [column[chosen].tolist() for column in columns]
        leaves = (self._leaf[chosen] - part.first).tolist()
        rows = zip(self._sampled.rank[chosen].tolist(), begins, cuts, leaves, ends, strict=True)
        written = [
            b"".join([b'{"rank":%d,"event_id":' % rank, packed[begin:cut], b',"leaf":%d' % leaf, packed[cut:end]])
            for rank, begin, cut, leaf, end in rows
        ]
        return msgspec.Raw(b"[%b]" % b",".join(written))


@lru_cache(maxsize=65_536)
def _leaf_size(leaf: Leaf) -> int:
    """Bytes that a leaf takes in a frame at most."""
    return _LEAF_BYTES + 3 * len(leaf) + len(_ENCODE("".join(leaf))) - 2
