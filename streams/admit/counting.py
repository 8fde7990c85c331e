"""Contacts taken one after another: repeats dropped, buckets counted and closed, contacts written onward.

The events between two marks go through column by column, workspace by workspace; the few that need a look at one
another (repeats, contacts opened twice) are then taken in the order of the log. That the result does not depend on
where a batch ends is what the tests of batch boundaries show.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.dead_letter import DeadLetter
from schemas.errors import RejectedEvent
from schemas.raw import Progress
from streams.admit.buckets import EPOCH, Book, Cell
from streams.admit.fates import COUNTED, DROPPED, LATE, STORED
from streams.admit.frames import FINE, frames_of
from streams.admit.memory import Ints, Keys, Prints
from streams.admit.preparing import prepare
from streams.admit.reading import letter
from streams.admit.state import Admitted, PartitionState, RawMessage


def take_contacts(state: PartitionState, batch: Sequence[RawMessage], out: Admitted) -> None:
    """Apply a batch of a contact topic, in the order of the log."""
    for book in state.books.values():
        book.renumber()
    run = _Run(state, batch, out)
    done = 0
    for aside in run.given.asides:
        run.events(done, aside.place)
        done = aside.place
        if isinstance(aside.item, Progress):
            run.mark(aside.item)
        else:
            out.letters.append(letter(state, batch[aside.message], aside.item.refusal, aside.item.workspace))
    run.events(done, len(run.given.records))
    run.write()


class _Rows(NamedTuple):
    """Events of one workspace between two marks: their places among the run's events, and what is known of each by
    columns: bucket, hashes of id, content (half of it) and contact, leaf."""

    place: Ints
    bucket: Ints
    rank: Keys
    content: Prints
    key: Keys
    leaf: Ints

    def where(self, chosen: npt.NDArray[Any]) -> _Rows:
        """Those that a mask or an array of places chooses."""
        return _Rows._make(column[chosen] for column in self)


class _Before(NamedTuple):
    """Which events' ids nobody had before; of the others the content that came first."""

    fresh: npt.NDArray[np.bool_]
    content: Prints


class _Run:
    """One batch on its way: what is given of it, and what becomes of each event."""

    def __init__(self, state: PartitionState, batch: Sequence[RawMessage], out: Admitted) -> None:
        self._state, self._batch, self._out = state, batch, out
        self.given = prepare(state, batch)
        self._handled = not {None}.issuperset(self.given.handle_s)
        self._fates = np.zeros(len(self.given.records), np.int64)

    def mark(self, mark: Progress) -> None:
        """Close what the mark closes; one that moves nothing says nothing."""
        book = self._state.books[mark.workspace]
        until = (mark.until - EPOCH) // book.width
        if until <= book.until and (book.final or not mark.final):
            return
        closed = book.advance(max(until, book.until))
        book.final = mark.final
        self._out.written_frames.extend(frames_of(book, self._state.place, closed, final=mark.final))

    def events(self, first: int, end: int) -> None:
        """Take a run of events without a mark between them."""
        letters: list[tuple[int, DeadLetter]] = []
        books = self.given.book[first:end]
        numbers = np.unique(books).tolist()
        for number in numbers:
            places = np.arange(first, end) if len(numbers) == 1 else first + np.flatnonzero(books == number)
            letters += self._take(self._state.book(number), places)
        self._out.letters += [told for _, told in sorted(letters, key=lambda pair: pair[0])]

    def write(self) -> None:
        """Write the contacts onward, in the order of the log."""
        given, fates = self.given, self._fates
        for i in np.flatnonzero((fates != given.expected) & (fates != DROPPED)).tolist():
            arrived_ms = self._batch[given.message[i]].timestamp_ms
            given.records[i] = given.tails.corrected(
                given.records[i], arrived_ms, int(given.expected[i]), int(fates[i])
            )
        self._out.contacts += compress(zip(given.contacts, given.records, strict=True), fates.tolist())
        self._out.counters.admitted = len(self._out.contacts)

    def _take(self, book: Book, places: Ints) -> list[tuple[int, DeadLetter]]:
        """Take events of one workspace; letters about those whose id had other content before."""
        if book.skip_before:
            places = np.array([place for place in places.tolist() if self._offset(place) >= book.skip_before], int)
        if not places.size:
            return []
        rows = _Rows(
            place=places,
            bucket=book.buckets(self.given.at_ms[places]),
            rank=self.given.rank[places],
            content=self.given.content[places],
            key=self.given.key[places],
            leaf=self.given.leaf[places],
        )
        before = self._before(book, rows)
        self._fates[places[before.fresh]] = STORED
        if before.fresh.all():
            self._count(book, rows)
            return []
        self._count(book, rows.where(before.fresh))
        return self._again(book, rows.where(~before.fresh), before.content[~before.fresh])

    def _offset(self, place: int) -> int:
        message: RawMessage = self._batch[self.given.message[place]]
        return message.offset

    def _before(self, book: Book, rows: _Rows) -> _Before:
        """Which events have an id that none had before, and what the first one's content was; the new are remembered."""
        memory = book.seen.find(rows.rank)
        fresh, content = memory < 0, book.seen.columns["content"][memory] if book.seen.expires.size else rows.content
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

    def _again(self, book: Book, rows: _Rows, content: Prints) -> list[tuple[int, DeadLetter]]:
        """Count repeats; remember for longer, and refuse, what has a known id and other content."""
        same = content == rows.content
        self._out.counters.repeats += int(np.count_nonzero(same))
        letters = []
        for i in np.flatnonzero(~same).tolist():
            place = int(rows.place[i])
            message = self._batch[self.given.message[place]]
            known = int(book.seen.find(rows.rank[i : i + 1])[0])
            book.outlive(book.seen, known, int(rows.bucket[i]), message.offset)
            letters.append(
                (place, letter(self._state, message, conflict(self.given.ids[place].decode()), book.workspace.name))
            )
        return letters

    def _count(self, book: Book, rows: _Rows) -> None:
        """Count those new events that open a contact in an open bucket."""
        if rows.bucket.size and rows.bucket.min() < book.until:
            late = rows.bucket < book.until
            self._late(book, rows.where(late))
            rows = rows.where(~late)
        self._handle(book, rows)
        opens = self.given.opens[rows.place]
        rows = rows if opens.all() else rows.where(opens)
        if not rows.place.size:
            return
        placed = book.placed.find(rows.key)
        _, first = np.unique(rows.key, return_index=True)
        new = np.zeros(rows.place.size, bool)
        new[first] = True
        new &= placed < 0
        self._put(book, rows.where(new) if not new.all() else rows)
        for i in np.flatnonzero(~new).tolist():
            self._move(book, rows.where(np.array([i])))

    def _late(self, book: Book, rows: _Rows) -> None:
        self._fates[rows.place] = LATE
        book.late += rows.place.size
        book.backfilled += int(np.count_nonzero(rows.bucket < book.floor))
        late = self._out.counters.late
        late[book.workspace.name] = late.get(book.workspace.name, 0) + rows.place.size

    def _handle(self, book: Book, rows: _Rows) -> None:
        """Sum handle times, which usually come with events that open nothing."""
        times = self.given.handle_s
        for place, bucket in zip(rows.place.tolist(), rows.bucket.tolist(), strict=True) if self._handled else ():
            time = times[place]
            if time is not None:
                book.cells[bucket].handle += round(time * FINE)
                book.cells[bucket].handled += 1

    def _put(self, book: Book, rows: _Rows) -> None:
        """Count contacts that were not counted before."""
        book.placed.add(rows.key, rows.bucket)
        book.open.add(rows.key, rows.bucket, rank=rows.rank, leaf=rows.leaf)
        self._fates[rows.place] = COUNTED
        buckets = np.unique(rows.bucket).tolist()
        for bucket in buckets:
            here = rows.where(rows.bucket == bucket) if len(buckets) > 1 else rows
            self._tally(book.cells[bucket], here)

    def _tally(self, cell: Cell, rows: _Rows) -> None:
        if cell.tally is None:
            return
        customers = self.given.customers
        cell.tally.count(rows.leaf, [customers[place] for place in rows.place.tolist()])
        wanted = np.flatnonzero(cell.tally.wanted(rows.leaf, rows.rank))
        if wanted.size:
            said = self.given.said.where(self.given.said_at[rows.place[wanted]])
            cell.tally.keep(rows.leaf[wanted], rows.rank[wanted], said)

    def _move(self, book: Book, one: _Rows) -> None:
        """A contact opened twice counts where it opened first, which may be here."""
        placed, counted = int(book.placed.find(one.key)[0]), int(book.open.find(one.key)[0])
        here, place = int(one.bucket[0]), int(one.place[0])
        if counted < 0 or _stands(book, counted) < (here, int(one.rank[0]), int(one.leaf[0])):
            book.cells[here].repeats += 1
            book.outlive(book.placed, placed, here, self._offset(place))
            return
        there, rank, leaf = _stands(book, counted)
        cell = book.cells[there]
        cell.repeats += 1
        if cell.tally is not None:
            cell.tally.drop(leaf, rank, self.given.customers[place])
        book.open.expires[counted] = here
        book.open.columns["rank"][counted], book.open.columns["leaf"][counted] = one.rank[0], one.leaf[0]
        if here < there == book.placed.expires[placed]:
            book.inherit(here, there, self._offset(place))
        self._fates[place] = COUNTED
        self._tally(book.cells[here], one)


def _stands(book: Book, row: int) -> tuple[int, int, int]:
    """Where a contact is counted that is counted in an open bucket: bucket, rank, leaf."""
    columns = book.open.columns
    return int(book.open.expires[row]), int(columns["rank"][row]), int(columns["leaf"][row])


def conflict(event_id: str) -> RejectedEvent:
    """Why an event is refused whose id had other content before."""
    return RejectedEvent(
        "conflicting_repeat", field="event_id", value=event_id, allowed="the content first sent under this id"
    )
