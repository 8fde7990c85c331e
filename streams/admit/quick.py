"""The quick way through a batch: usual contacts are read and written by a compiled step, all others as ever.

The step (``native/``) is optional: without it :mod:`streams.admit.preparing` takes all messages. Results are the same, which tests show; only speed differs. What has to be learnt once (spellings,
customers' hashes, what is personal) is Python's in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import Struct

from schemas.raw import PROGRESS_KEY
from streams.admit.cleaning import SPELT, Cleaner
from streams.admit.compiled import step
from streams.admit.memory import Bools, Ints
from streams.admit.normalise import spell
from streams.admit.redact import redact_bytes
from streams.admit.samples import SAMPLE_BYTES, Said
from streams.admit.spelling import Spelt

if TYPE_CHECKING:
    from streams.admit._quick import Quick

_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(str).decode
_REMEMBERED = 100_000
_ANY = 2**31 - 1
# The fields that a usual contact may have, in the order in which a record has them: kind, longest, whether required.
_KINDS = {
    "event_id": ("i", 200, True),
    "workspace": ("w", 120, True),
    "occurred_at": ("t", 40, True),
    "source": ("o", 120, True),
    "contact": ("i", 200, True),
    "event": ("e", 10, False),
    "customer": ("c", _ANY, False),
    "schema_version": ("v", 0, False),
    "subject": ("x", 1_000_000, False),
    "text": ("x", 1_000_000, False),
}
_SPELT = frozenset(SPELT) - {"source"}


def _json(text: str) -> bytes:
    return _ENCODE(text)[1:-1]


def _plain(raw: bytes) -> str:
    """The text of a JSON string's bytes."""
    return _DECODE(b'"%b"' % raw) if b"\\" in raw else raw.decode()


class Taken:
    """Contacts of one batch that the compiled step has read; :mod:`_quick.pyi` says what the arrays hold."""

    def __init__(self, columns: Iterable[tuple[Any, ...]], fields: int) -> None:
        _, self.stamps, self.keys, self.values = columns
        count = len(self.values)
        self.spans = np.empty((count, fields, 2), np.int32)
        self.message = np.empty(count, np.int64)
        self.book = np.empty(count, np.int64)
        self.at_ms = np.empty(count, np.int64)
        self.updated = np.empty(count, np.bool_)
        self.rank = np.empty(count, np.uint64)
        self.key = np.empty(count, np.uint64)
        self.content = np.empty(0, np.uint64)
        self.ids: list[bytes] = []
        self.contacts: list[bytes] = []
        self.customers: list[str] = []
        self.spelt = Spelt(np.empty(0, np.int64), [], ())
        self.texts: list[bytes] = []
        self.news: list[tuple[int, bytes]] = []

    def cut(self, count: int) -> None:
        """Forget the room that was not needed."""
        for name in ("spans", "message", "book", "at_ms", "updated", "rank", "key"):
            setattr(self, name, getattr(self, name)[:count])

    def left(self) -> list[int]:
        """The messages that were not read, by their places."""
        if self.message.size == len(self.values):
            return []
        left = np.ones(len(self.values), bool)
        left[self.message] = False
        return np.flatnonzero(left).tolist()


class _Customers(dict[bytes, str]):
    """Hashes of customers by the bytes of their names."""

    def __init__(self, cleaner: Cleaner) -> None:
        super().__init__()
        self._cleaner = cleaner

    def __missing__(self, raw: bytes) -> str:
        hashed = self[raw] = self._cleaner.keyed(_plain(raw)) if raw else ""
        return hashed


@lru_cache(maxsize=64)
def way(kind: type[Struct], cleaner: Cleaner, books: tuple[str, ...], max_bytes: int) -> Way | None:
    """The quick way that all partitions of a kind share; None where there is none."""
    conversation = {"event_id", "contact", "customer", "subject", "text"} <= set(kind.__struct_fields__)
    compiled = step()
    if compiled is None or not conversation:
        return None
    numbers = {name: number for number, name in enumerate(books)}
    return Way(compiled.Quick, kind.__struct_fields__, cleaner, numbers, max_bytes)


class Way:
    """The quick way of a kind of contacts. What it learns is kept for as long as there is room for it."""

    def __init__(
        self, quick: type[Quick], fields: Sequence[str], cleaner: Cleaner, books: Mapping[str, int], max_bytes: int
    ) -> None:
        self._names = [name for name in fields if name in _KINDS or name in _SPELT]
        self._watched = cleaner.watched
        rules = [_KINDS.get(name, ("o", _ANY, False)) for name in self._names]
        kinds = ["d" if name in self._watched.names else rule[0] for name, rule in zip(self._names, rules, strict=True)]
        self._dimensions = [name for name, kind in zip(self._names, kinds, strict=True) if kind == "d"]
        self._known: tuple[dict[bytes, int], ...] = tuple({} for _ in kinds)
        self._pieces: list[bytes] = []
        self._rows: dict[bytes, int] = {}
        self._fragments: list[tuple[bytes, ...] | None] = []
        self._values: list[tuple[str, ...]] = []
        self._customers = _Customers(cleaner)
        self._step = quick(
            openings=tuple(f',"{name}":"'.encode() for name in self._names),
            kinds="".join(kinds).encode(),
            limits=tuple(longest for _, longest, _ in rules),
            required=bytes(required for _, _, required in rules),
            known=self._known,
            books={_json(name): number for name, number in books.items()},
            mark=PROGRESS_KEY,
            max_bytes=max_bytes,
        )

    def read(self, columns: Iterable[tuple[Any, ...]]) -> Taken:
        """Read the messages that are usual contacts; ``columns`` are their offsets, time stamps, keys and values."""
        taken = Taken(columns, len(self._names))
        buffers = (taken.spans, taken.message, taken.book, taken.at_ms, taken.updated, taken.rank, taken.key)
        count, taken.ids, taken.contacts, customers, rows, texts, places, news = self._step.scan(
            taken.values, taken.keys, taken.stamps, *buffers
        )
        taken.cut(count)
        if len(self._customers) > _REMEMBERED:
            self._customers.clear()
        taken.customers = list(map(self._customers.__getitem__, customers))
        taken.spelt = Spelt(self._rows_of(rows), self._values, self._watched.names)
        if texts:
            taken.texts = _redacted(texts)
            at = np.array(places)
            taken.spans[at // len(self._names), at % len(self._names), 1] = -1 - len(self._pieces) - np.arange(at.size)
        taken.news = news
        return taken

    def write(self, taken: Taken, endings: list[bytes], wanted: Bools, sample_chars: int) -> tuple[list[bytes], Said]:
        """The records of the contacts read, and what is kept of those wanted as samples."""
        taken.content = np.empty(len(endings), np.uint64)
        begins, cuts, ends, sizes = (np.empty(np.count_nonzero(wanted), np.int64) for _ in range(4))
        learnt = len(self._pieces)
        self._pieces += taken.texts
        records, packed = self._step.write(
            taken.values,
            taken.message,
            taken.spans,
            taken.at_ms,
            taken.spelt.rows,
            self._fragments,
            self._pieces,
            taken.customers,
            endings,
            wanted,
            sample_chars,
            begins,
            cuts,
            ends,
            sizes,
            taken.content,
        )
        del self._pieces[learnt:]
        self._learn(taken.news)
        return records, Said(packed, begins, cuts, ends, sizes + SAMPLE_BYTES)

    def _rows_of(self, combinations: list[bytes]) -> Ints:
        """Where the dimensions' spellings are, in the order of the watched ones."""
        found: list[Any] = list(map(self._rows.get, combinations)) if self._values is self._watched.values else [None]
        if None in found:
            self._learn_rows(set(combinations))
            found = list(map(self._rows.__getitem__, combinations))
        return np.array(found, np.int64)

    def _learn_rows(self, combinations: set[bytes]) -> None:
        new = list(combinations.difference(self._rows))
        rows = self._watched.rows_of(list(map(self._given, new)))
        if self._values is not self._watched.values:
            # All rows were numbered anew, be it now or since the last time.
            self._rows, self._fragments, new = {}, [], list(combinations)
            rows = self._watched.rows_of(list(map(self._given, new)))
            self._values = self._watched.values
        self._fragments += [None] * (len(self._values) - len(self._fragments))
        for raw, row in zip(new, rows, strict=True):
            spelt = dict(zip(self._watched.names, self._values[row], strict=True))
            self._fragments[row] = tuple(_json(spelt[name]) for name in self._dimensions)
            self._rows[raw] = row

    def _given(self, raw: bytes) -> tuple[str, ...]:
        given = dict(zip(self._dimensions, map(_plain, raw.split(b"\0")), strict=False))
        return tuple(given.get(name, "") for name in self._watched.names)

    def _learn(self, news: list[tuple[int, bytes]]) -> None:
        """Learn the spelling of values that were met for the first time; their contacts went the other way."""
        if len(self._pieces) + sum(map(len, self._known)) > _REMEMBERED:
            self._pieces.clear()
            for known in self._known:
                known.clear()
        for field, raw in news:
            right = _json(spell(self._names[field], _plain(raw)))
            if raw in self._known[field]:
                continue
            self._known[field][raw] = -1 if right == raw else len(self._pieces)
            if right != raw:
                self._pieces.append(right)


def _redacted(texts: list[bytes]) -> list[bytes]:
    """Words as JSON has them, redacted."""
    escaped = [i for i, text in enumerate(texts) if b"\\" in text]
    for i in escaped:
        texts[i] = _plain(texts[i]).encode()
    clean = redact_bytes(texts)
    for i in escaped:
        clean[i] = _json(clean[i].decode())
    return clean
