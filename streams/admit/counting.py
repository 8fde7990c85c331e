"""Contacts taken one after another: repeats dropped, buckets counted and closed, contacts written onward.

The loop over a run of events is one long function on purpose: it is what every event of every customer goes through,
and each call in it costs as much as the work. All that is rare is told apart in it and done elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

import msgspec
from xxhash import xxh3_64_intdigest

from schemas.catalog import SURVEYS
from schemas.errors import RejectedEvent
from schemas.raw import Progress
from streams.admit.buckets import EPOCH, NEVER, SPARE, Book, Kept, LeafCount
from streams.admit.frames import FINE, frames_of
from streams.admit.opening import Opened
from streams.admit.reading import Opening, letter
from streams.admit.state import Admitted, PartitionState, RawMessage

_ENCODE = msgspec.json.Encoder(order="deterministic").encode
_CONTACT_SEED = 1
_RANK = (1 << 64) - 1
_LEAF = (1 << 32) - 1
_EVENT_ID = attrgetter("event_id")
_CONTACT = attrgetter("contact")


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


class _Run:
    """One batch on its way: the cleaned events and their columns."""

    def __init__(self, state: PartitionState, batch: Sequence[RawMessage], opening: Opening, out: Admitted) -> None:
        self._state, self._batch, self._out = state, batch, out
        self._survey = state.topic is SURVEYS
        self._events = events = opening.events
        self._indexes = opening.indexes
        self._combinations = state.cleaner.clean(events)
        self._bodies = list(map(_ENCODE, events))
        names = list(map(str.encode, map(_EVENT_ID, events)))
        self._ranks = list(map(xxh3_64_intdigest, names))
        self._contacts = names if self._survey else list(map(str.encode, map(_CONTACT, events)))
        if self._survey:
            # A survey has no contact of its own; as one it goes by its event_id.
            ids = map(_ENCODE, map(_EVENT_ID, events))
            self._bodies = [
                b'%b,"contact":%b}' % (body[:-1], name) for body, name in zip(self._bodies, ids, strict=True)
            ]

    def mark(self, mark: Progress) -> None:
        """Close what the mark closes; one that moves nothing says nothing."""
        book = self._state.books[mark.workspace]
        until = (mark.until - EPOCH) // book.width
        if until <= book.until and (book.final or not mark.final):
            return
        closed = book.advance(max(until, book.until))
        book.final = mark.final
        self._out.frames.extend(frames_of(book, self._state.place, closed, final=mark.final))

    def events(self, first: int, end: int) -> None:  # noqa: PLR0912, PLR0915 - see above
        """Take a run of events without a mark between them."""
        batch, survey, channel = self._batch, self._survey, self._state.channel
        write = self._out.contacts.append
        columns: tuple[Sequence[Any], ...] = (
            self._events,
            self._bodies,
            self._ranks,
            self._contacts,
            self._combinations,
            self._indexes,
        )
        if end - first < len(self._events):
            columns = tuple(column[first:end] for column in columns)
        name, stamp, cell_bucket = None, None, NEVER
        for event, body, rank, contact, combination, index in zip(*columns, strict=True):
            offset, arrived, _, _ = batch[index]
            if event.workspace != name:
                name, cell_bucket = event.workspace, NEVER
                book = self._state.books[name]
                seen, placed, until, floor = book.seen, book.placed, book.until, book.floor
                share, crowd = book.workspace.low_score_share, 2 * (book.workspace.sample_k + SPARE)
            if offset < book.skip_before:
                continue
            bucket = (event.occurred_at - EPOCH) // book.width
            content = bucket << 64 | xxh3_64_intdigest(body)
            known = seen.setdefault(rank, content) if bucket >= floor else seen.get(rank, content)
            if known is not content:
                self._again(book, event, index, rank=rank, known=known, content=content)
                continue
            if bucket != cell_bucket and bucket >= floor:
                cell_bucket, cell = bucket, book.remember(bucket, offset)
                leaves = cell.leaves
            if bucket >= floor:
                cell.events.append(rank)
            if arrived != stamp:
                stamp = arrived
                tail, counted_tail, late_tail = self._tails_at(arrived)
            if bucket < until:
                self._late(book, bucket)
                write((contact, body[:-1] + late_tail))
                continue
            if survey:
                counts = event.score <= share * event.scale_max
            else:
                counts = event.event == "opened"
                if event.handle_s is not None:
                    cell.handle += round(event.handle_s * FINE)
                    cell.handled += 1
            if counts:
                leaf = combination.leaves.get(book.numbering)
                if leaf is None:
                    leaf = combination.leaves[book.numbering] = book.leaf_number(event, channel)
                key = xxh3_64_intdigest(contact, _CONTACT_SEED)
                place = (bucket << 64 | rank) << 32 | leaf
                other = placed.setdefault(key, place)
                if other is not place and not self._moves(book, event, offset, key=key, earlier=other, place=place):
                    counts = False
            if counts:
                cell.contacts.append(key)
                cell.customers.append(event.customer)
                counted = leaves.get(leaf)
                if counted is None:
                    counted = leaves[leaf] = LeafCount()
                counted.count += 1
                if rank < counted.bar:
                    counted.kept.append(self._sample(rank, event))
                    if len(counted.kept) >= crowd:
                        counted.thin(book.workspace.sample_k)
            write((contact, body[:-1] + (counted_tail if counts else tail)))
        self._out.counters.admitted = len(self._out.contacts)

    def _again(self, book: Book, event: Opened, index: int, *, rank: int, known: int, content: int) -> None:
        if known == content:
            self._out.counters.repeats += 1
            return
        message = self._batch[index]
        book.outlive(rank, known >> 64, content >> 64, message.offset)
        refusal = RejectedEvent(
            "conflicting_repeat", field="event_id", value=event.event_id, allowed="the content first sent under this id"
        )
        self._out.letters.append(letter(self._state, message, refusal, event.workspace))

    def _late(self, book: Book, bucket: int) -> None:
        book.late += 1
        book.backfilled += bucket < book.floor
        late = self._out.counters.late
        late[book.workspace.name] = late.get(book.workspace.name, 0) + 1

    def _moves(self, book: Book, event: Opened, offset: int, *, key: int, earlier: int, place: int) -> bool:
        """A contact opened twice counts where it opened first; whether that is here."""
        there, here = earlier >> 96, place >> 96
        if there < book.until or earlier < place:
            book.cells[here].repeats += 1
            book.outlive(key, there, here, offset)
            return False
        cell = book.cells[there]
        cell.repeats += 1
        leaf = cell.leaves[earlier & _LEAF]
        leaf.drop(earlier >> 32 & _RANK)
        if leaf.count == 0:
            del cell.leaves[earlier & _LEAF]
        if event.customer in cell.customers:
            cell.customers.remove(event.customer)
        book.placed[key] = place
        book.outlive(key, here, there, offset)
        return True

    def _sample(self, rank: int, event: Opened) -> Kept:
        size = self._state.settings.sample_chars
        if self._survey:
            said, exposed = event.text, {}
        else:
            said, exposed = f"{event.subject} {event.text}", event.exposed
            if event.turns:
                said = " ".join([said, *(turn.text for turn in event.turns if turn.who == "customer")])
        return rank, event.event_id, event.occurred_at, event.customer, event.language, said[:size].strip(), exposed

    def _tails_at(self, arrived_ms: int) -> tuple[bytes, bytes, bytes]:
        """What a contact has beyond its event, as the end of its JSON object: plain, counted, late."""
        common = {
            "channel": self._state.channel,
            "ingested_at": datetime.fromtimestamp(max(0, arrived_ms) / 1000, UTC),
        }
        plain: bytes = b"," + _ENCODE(common)[1:]
        return plain, plain[:-1] + b',"counted":true}', plain[:-1] + b',"late":true}'
