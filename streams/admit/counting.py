"""Contacts taken one after another: repeats dropped, buckets counted and closed, contacts written onward.

The events between two marks go through column by column, workspace by workspace; the few that need a look at one
another (repeats, contacts opened twice) are then taken in the order of the log. That the result does not depend on
where a batch ends is what the tests of batch boundaries show.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import compress, repeat
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

from schemas.catalog import SURVEYS
from schemas.dead_letter import DeadLetter
from schemas.errors import RejectedEvent
from schemas.raw import Progress
from streams.admit.buckets import EPOCH, Book, Cell
from streams.admit.frames import FINE, frames_of
from streams.admit.memory import Ints, Keys
from streams.admit.opening import Opened
from streams.admit.reading import Opening, letter
from streams.admit.samples import Said
from streams.admit.state import Admitted, PartitionState, RawMessage

_ENCODE = msgspec.json.Encoder(order="deterministic").encode
_CONTACT_SEED = 1
# What becomes of an event.
_DROPPED, _STORED, _COUNTED, _LATE = range(4)
_FLAGS: dict[int, dict[str, bool]] = {_STORED: {}, _COUNTED: {"counted": True}, _LATE: {"late": True}}
_SAID = attrgetter("event_id", "occurred_at", "customer", "language", "subject", "text", "turns", "exposed")
_SURVEYED = attrgetter("event_id", "occurred_at", "customer", "language", "text")


def take_contacts(state: PartitionState, batch: Sequence[RawMessage], opening: Opening, out: Admitted) -> None:
    """Apply a batch of a contact topic, in the order of the log."""
    run = _Run(state, batch, opening, out)
    done = 0
    for aside in opening.asides:
        run.events(done, aside.place)
        done = aside.place
        if isinstance(aside.item, Progress):
            run.mark(aside.item)
        else:
            out.letters.append(letter(state, batch[aside.message], aside.item.refusal, aside.item.workspace))
    run.events(done, len(opening.events))


class _Rows(NamedTuple):
    """Events of one workspace between two marks: their places among the run's events, and what is known of each by
    columns: bucket, hashes of id, content and contact, leaf."""

    place: Ints
    bucket: Ints
    rank: Keys
    content: Keys
    contact: Keys
    leaf: Ints

    def where(self, chosen: npt.NDArray[Any]) -> _Rows:
        """Those that a mask or an array of places chooses."""
        return _Rows._make(column[chosen] for column in self)


class _Before(NamedTuple):
    """Which events' ids nobody had before; of the others the content that came first."""

    fresh: npt.NDArray[np.bool_]
    content: Keys


class _Run:
    """One batch on its way: the cleaned events and their columns."""

    def __init__(self, state: PartitionState, batch: Sequence[RawMessage], opening: Opening, out: Admitted) -> None:
        self._state, self._batch, self._out = state, batch, out
        self._survey = state.topic is SURVEYS
        self._events, self._columns, self._indexes = opening.events, opening.columns, opening.indexes
        self._spelt = state.cleaner.clean(self._events, self._columns)
        bodies = list(map(_ENCODE, self._events))
        names = list(map(str.encode, self._columns["event_id"]))
        if self._survey:
            # A survey has no contact of its own; as one it goes by its event_id.
            ids = map(_ENCODE, self._columns["event_id"])
            bodies = [b'%b,"contact":%b}' % (body[:-1], name) for body, name in zip(bodies, ids, strict=True)]
        self._bodies = bodies
        self._contacts = names if self._survey else list(map(str.encode, self._columns["contact"]))
        self._at_ms = np.rint(1000 * np.array(list(map(datetime.timestamp, self._columns["occurred_at"])))).astype(int)
        self._ranks = np.array(list(map(xxh3_64_intdigest, names)), np.uint64)
        self._contents = np.array(list(map(xxh3_64_intdigest, bodies)), np.uint64)
        self._keys = np.array(list(map(xxh3_64_intdigest, self._contacts, repeat(_CONTACT_SEED))), np.uint64)
        self._fates = np.zeros(len(bodies), np.int64)
        self._tails = _Tails(state.channel)
        self._stamps = [message[1] for message in batch]

    def mark(self, mark: Progress) -> None:
        """Close what the mark closes; one that moves nothing says nothing."""
        book = self._state.books[mark.workspace]
        until = (mark.until - EPOCH) // book.width
        if until <= book.until and (book.final or not mark.final):
            return
        closed = book.advance(max(until, book.until))
        book.final = mark.final
        self._out.frames.extend(frames_of(book, self._state.place, closed, final=mark.final))

    def events(self, first: int, end: int) -> None:
        """Take a run of events without a mark between them."""
        letters: list[tuple[int, DeadLetter]] = []
        workspaces = self._columns["workspace"][first:end]
        names = dict.fromkeys(workspaces)
        for name in names:
            places = np.arange(first, end)
            if len(names) > 1:
                places = np.array(list(compress(range(first, end), map(name.__eq__, workspaces))))
            letters += self._take(self._state.books[name], places)
        self._out.letters += [told for _, told in sorted(letters, key=lambda pair: pair[0])]
        self._write(first, end)

    def _write(self, first: int, end: int) -> None:
        tails, stamps = self._tails, self._stamps
        rows = zip(
            self._fates[first:end].tolist(),
            self._contacts[first:end],
            self._bodies[first:end],
            self._indexes[first:end],
            strict=True,
        )
        self._out.contacts += [
            (contact, body[:-1] + tails[stamps[index], fate]) for fate, contact, body, index in rows if fate != _DROPPED
        ]
        self._out.counters.admitted = len(self._out.contacts)

    def _take(self, book: Book, places: Ints) -> list[tuple[int, DeadLetter]]:
        """Take events of one workspace; letters about those whose id had other content before."""
        if book.skip_before:
            places = np.array([place for place in places.tolist() if self._offset(place) >= book.skip_before], np.int64)
        if not places.size:
            return []
        rows = _Rows(
            place=places,
            bucket=self._at_ms[places] // (1_000 * book.workspace.bucket_s),
            rank=self._ranks[places],
            content=self._contents[places],
            contact=self._keys[places],
            leaf=book.leaf_numbers(self._spelt.rows[places], self._spelt, self._state.channel),
        )
        before = self._before(book, rows)
        self._fates[places[before.fresh]] = _STORED
        if before.fresh.all():
            self._count(book, rows)
            return []
        self._count(book, rows.where(before.fresh))
        return self._again(book, rows.where(~before.fresh), before.content[~before.fresh])

    def _offset(self, place: int) -> int:
        return self._batch[self._indexes[place]].offset

    def _before(self, book: Book, rows: _Rows) -> _Before:
        """Which events have an id that none had before, and what the first one's content was; the new are remembered."""
        memory = book.seen.find(rows.rank)
        fresh, content = memory < 0, book.seen.columns["content"][memory] if len(book.seen) else rows.content
        new = np.flatnonzero(fresh & (rows.bucket >= book.floor))
        if new.size:
            ids, first = np.unique(rows.rank[new], return_index=True)
            first = new[first]
            if first.size < np.count_nonzero(fresh):
                fresh, content = fresh.copy(), content.copy()
                # Ids that came twice in this very run: known to all that come after the first remembered one.
                at = np.minimum(np.searchsorted(ids, rows.rank), ids.size - 1)
                after = (ids[at] == rows.rank) & (np.arange(rows.rank.size) > first[at])
                fresh[after], content[after] = False, rows.content[first[at[after]]]
            first.sort()
            self._remember(book, rows, first)
            book.seen.add(rows.rank[first], rows.bucket[first], content=rows.content[first])
        return _Before(fresh, content)

    def _remember(self, book: Book, rows: _Rows, first: Ints) -> None:
        buckets, begins = np.unique(rows.bucket[first], return_index=True)
        for bucket, begin in zip(buckets.tolist(), begins.tolist(), strict=True):
            book.remember(bucket, self._offset(int(rows.place[first[begin]])))

    def _again(self, book: Book, rows: _Rows, content: Keys) -> list[tuple[int, DeadLetter]]:
        """Count repeats; remember for longer, and refuse, what has a known id and other content."""
        same = content == rows.content
        self._out.counters.repeats += int(np.count_nonzero(same))
        letters = []
        for i in np.flatnonzero(~same).tolist():
            place = int(rows.place[i])
            message, event = self._batch[self._indexes[place]], self._events[place]
            known = int(book.seen.find(rows.rank[i : i + 1])[0])
            book.outlive(book.seen, known, int(rows.bucket[i]), message.offset)
            letters.append((place, letter(self._state, message, conflict(event), event.workspace)))
        return letters

    def _count(self, book: Book, rows: _Rows) -> None:
        """Count those new events that open a contact in an open bucket."""
        if rows.bucket.size and rows.bucket.min() < book.until:
            late = rows.bucket < book.until
            self._late(book, rows.where(late))
            rows = rows.where(~late)
        self._handle(book, rows)
        rows = rows.where(self._opening(book, rows.place))
        if not rows.place.size:
            return
        placed = book.placed.find(rows.contact)
        _, first = np.unique(rows.contact, return_index=True)
        new = np.zeros(rows.place.size, bool)
        new[first] = True
        new &= placed < 0
        self._put(book, rows.where(new) if not new.all() else rows)
        for i in np.flatnonzero(~new).tolist():
            self._move(book, rows.where(np.array([i])))

    def _late(self, book: Book, rows: _Rows) -> None:
        self._fates[rows.place] = _LATE
        book.late += rows.place.size
        book.backfilled += int(np.count_nonzero(rows.bucket < book.floor))
        late = self._out.counters.late
        late[book.workspace.name] = late.get(book.workspace.name, 0) + rows.place.size

    def _handle(self, book: Book, rows: _Rows) -> None:
        """Sum handle times, which usually come with events that open nothing."""
        times = self._columns.get("handle_s", ())
        if any(time is not None for time in set(times)):
            for place, bucket in zip(rows.place.tolist(), rows.bucket.tolist(), strict=True):
                if times[place] is not None:
                    book.cells[bucket].handle += round(times[place] * FINE)
                    book.cells[bucket].handled += 1

    def _opening(self, book: Book, places: Ints) -> npt.NDArray[np.bool_]:
        if self._survey:
            low = book.workspace.low_score_share
            scores, tops = self._columns["score"], self._columns["scale_max"]
            return np.array([scores[place] <= low * tops[place] for place in places.tolist()], bool)
        kinds = self._columns["event"]
        return np.array([kinds[place] == "opened" for place in places.tolist()], bool)

    def _put(self, book: Book, rows: _Rows) -> None:
        """Count contacts that were not counted before."""
        book.placed.add(rows.contact, rows.bucket, bucket=rows.bucket, rank=rows.rank, leaf=rows.leaf)
        self._fates[rows.place] = _COUNTED
        buckets = np.unique(rows.bucket).tolist()
        for bucket in buckets:
            here = rows.where(rows.bucket == bucket) if len(buckets) > 1 else rows
            self._tally(book.cells[bucket], here)

    def _tally(self, cell: Cell, rows: _Rows) -> None:
        if cell.tally is None:
            return
        customers = self._columns["customer"]
        cell.tally.count(rows.leaf, [customers[place] for place in rows.place.tolist()])
        wanted = cell.tally.wanted(rows.leaf, rows.rank)
        if wanted.size:
            said = self._said([self._events[place] for place in rows.place[wanted].tolist()])
            cell.tally.keep(rows.leaf[wanted], rows.rank[wanted], said)

    def _said(self, events: Sequence[Opened]) -> Said:
        size = self._state.settings.sample_chars
        if self._survey:
            ids, moments, customers, languages, texts = zip(*map(_SURVEYED, events), strict=True)
            return Said(ids, moments, customers, languages, [text[:size].strip() for text in texts], [{}] * len(ids))
        ids, moments, customers, languages, subjects, texts, turns, exposed = zip(*map(_SAID, events), strict=True)
        said = [f"{subject} {text}" for subject, text in zip(subjects, texts, strict=True)]
        for i, spoken in enumerate(turns) if any(turns) else ():
            said[i] = " ".join([said[i], *(turn.text for turn in spoken if turn.who == "customer")])
        return Said(ids, moments, customers, languages, [text[:size].strip() for text in said], exposed)

    def _move(self, book: Book, one: _Rows) -> None:
        """A contact opened twice counts where it opened first, which may be here."""
        row = int(book.placed.find(one.contact)[0])
        placed = book.placed.columns
        there, here = int(placed["bucket"][row]), int(one.bucket[0])
        rank, leaf = int(placed["rank"][row]), int(placed["leaf"][row])
        place = int(one.place[0])
        if there < book.until or (there, rank, leaf) < (here, int(one.rank[0]), int(one.leaf[0])):
            book.cells[here].repeats += 1
            book.outlive(book.placed, row, here, self._offset(place))
            return
        cell = book.cells[there]
        cell.repeats += 1
        if cell.tally is not None:
            cell.tally.drop(leaf, rank, self._columns["customer"][place])
        placed["bucket"][row], placed["rank"][row], placed["leaf"][row] = here, one.rank[0], one.leaf[0]
        if here < there == book.placed.expires[row]:
            book.inherit(here, there, self._offset(place))
        self._fates[place] = _COUNTED
        self._tally(book.cells[here], one)


def conflict(event: Opened) -> RejectedEvent:
    """Why an event is refused whose id had other content before."""
    return RejectedEvent(
        "conflicting_repeat", field="event_id", value=event.event_id, allowed="the content first sent under this id"
    )


class _Tails(dict[tuple[int, int], bytes]):
    """What a contact has beyond its event, as the end of its JSON object, by time of arrival and what became of it."""

    def __init__(self, channel: str) -> None:
        super().__init__()
        self._channel = channel

    def __missing__(self, key: tuple[int, int]) -> bytes:
        arrived_ms, fate = key
        arrived = datetime.fromtimestamp(max(0, arrived_ms) / 1000, UTC)
        tail = self[key] = b"," + _ENCODE({"channel": self._channel, "ingested_at": arrived, **_FLAGS[fate]})[1:]
        return tail
