"""Contacts taken one after another: repeats dropped, buckets counted and closed, contacts written onward.

Runs of one workspace whose buckets are all open, which is nearly everything, go through column by column; the rest
one by one, by the same functions. That both come to the same is what the tests of batch boundaries show.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import compress, repeat
from operator import attrgetter, is_
from typing import Any, NamedTuple

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
_WORKSPACE = attrgetter("workspace")
_MOMENT = attrgetter("occurred_at")
_EVENT = attrgetter("event")
_HANDLE_S = attrgetter("handle_s")


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


class _Columns(NamedTuple):
    """Events and what goes with each: its encoded body, the hash of its id, its contact, its values in the
    dimensions, and its place in the batch."""

    events: Sequence[Opened]
    bodies: Sequence[bytes]
    ranks: Sequence[int]
    contacts: Sequence[bytes]
    values: Sequence[tuple[str, ...]]
    indexes: Sequence[int]


class _Run:
    """One batch on its way: the cleaned events and their columns."""

    def __init__(self, state: PartitionState, batch: Sequence[RawMessage], opening: Opening, out: Admitted) -> None:
        self._state, self._batch, self._out = state, batch, out
        self._survey = state.topic is SURVEYS
        self._tails = _Tails(state.channel)
        events = opening.events
        values = state.cleaner.clean(events)
        bodies = list(map(_ENCODE, events))
        names = list(map(str.encode, map(_EVENT_ID, events)))
        contacts = names if self._survey else list(map(str.encode, map(_CONTACT, events)))
        if self._survey:
            # A survey has no contact of its own; as one it goes by its event_id.
            ids = map(_ENCODE, map(_EVENT_ID, events))
            bodies = [b'%b,"contact":%b}' % (body[:-1], name) for body, name in zip(bodies, ids, strict=True)]
        self._columns = _Columns(events, bodies, list(map(xxh3_64_intdigest, names)), contacts, values, opening.indexes)

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
        columns = self._columns
        if end - first < len(columns.events):
            columns = _Columns._make(column[first:end] for column in columns)
        if columns.events and not (len(set(map(_WORKSPACE, columns.events))) == 1 and self._at_once(columns)):
            self._one_by_one(columns)
        self._out.counters.admitted = len(self._out.contacts)

    def _at_once(self, columns: _Columns) -> bool:
        """Take a run of one workspace whose buckets are all open, column by column; False where it is not such a run.

        It comes to the same as :meth:`_one_by_one`, in half the time.
        """
        events, bodies, ranks, contacts, values, indexes = columns
        batch, book = self._batch, self._state.books[events[0].workspace]
        buckets = [(at - EPOCH) // book.width for at in map(_MOMENT, events)]
        if self._survey or min(buckets) < max(book.until, book.floor) or batch[indexes[0]].offset < book.skip_before:
            return False
        contents = [bucket << 64 | body for bucket, body in zip(buckets, map(xxh3_64_intdigest, bodies), strict=True)]
        known = list(map(book.seen.setdefault, ranks, contents))
        fresh = list(map(is_, known, contents))
        again: list[tuple[Any, ...]] = []
        if not all(fresh):
            rows = zip(fresh, events, indexes, ranks, known, contents, strict=True)
            again = [row[1:] for row in rows if not row[0]]
            events, bodies, ranks, contacts, values, indexes = (list(compress(column, fresh)) for column in columns)
            buckets = list(compress(buckets, fresh))
        self._remember(book, buckets, ranks, indexes)
        counted = self._count(book, buckets, _Columns(events, bodies, ranks, contacts, values, indexes))
        tails = self._tails
        self._out.contacts += [
            (contact, body[:-1] + tails[batch[index][1], counts])
            for contact, body, index, counts in zip(contacts, bodies, indexes, counted, strict=True)
        ]
        for event, index, rank, first, content in again:
            self._again(book, event, index, rank=rank, known=first, content=content)
        return True

    def _remember(self, book: Book, buckets: list[int], ranks: Sequence[int], indexes: Sequence[int]) -> None:
        last, batch = NEVER, self._batch
        for bucket, rank, index in zip(buckets, ranks, indexes, strict=True):
            if bucket != last:
                last, remember = bucket, book.remember(bucket, batch[index][0]).events.append
            remember(rank)

    def _count(self, book: Book, buckets: list[int], columns: _Columns) -> list[bool]:
        """Count those of new events that open a contact; which they are."""
        events, _, ranks, contacts, values, indexes = columns
        keys = list(map(xxh3_64_intdigest, contacts, repeat(_CONTACT_SEED)))
        counted = [True] * len(events) if self._survey else self._opened(book, buckets, events)
        numbers: list[Any] = list(map(book.numbers.get, values))
        if None in numbers:
            numbers = [book.leaf_number(some, self._state.cleaner.dimensions, self._state.channel) for some in values]
        places = [(b << 64 | r) << 32 | n for b, r, n in zip(buckets, ranks, numbers, strict=True)]
        crowd, last = 2 * (book.workspace.sample_k + SPARE), NEVER
        placed = book.placed.setdefault
        for i, (event, bucket, rank, number, key, place) in enumerate(
            zip(events, buckets, ranks, numbers, keys, places, strict=True)
        ):
            if not counted[i]:
                continue
            earlier = placed(key, place)
            if earlier is not place and not self._moves(
                book, event, self._batch[indexes[i]].offset, key=key, earlier=earlier, place=place
            ):
                counted[i] = False
                continue
            if bucket != last:
                last, cell = bucket, book.cells[bucket]
                leaves, add_contact, add_customer = cell.leaves, cell.contacts.append, cell.customers.append
            add_contact(key)
            add_customer(event.customer)
            leaf = leaves.get(number)
            if leaf is None:
                leaf = leaves[number] = LeafCount()
            leaf.count += 1
            if rank < leaf.bar:
                leaf.kept.append(self._sample(rank, event))
                if len(leaf.kept) >= crowd:
                    leaf.thin(book.workspace.sample_k)
        return counted

    def _opened(self, book: Book, buckets: list[int], events: Sequence[Opened]) -> list[bool]:
        """Which events open a contact; handle times, which usually come with the others, are summed on the way."""
        for bucket, handle_s in zip(buckets, map(_HANDLE_S, events), strict=True):
            if handle_s is not None:
                book.cells[bucket].handle += round(handle_s * FINE)
                book.cells[bucket].handled += 1
        return [kind == "opened" for kind in map(_EVENT, events)]

    def _one_by_one(self, columns: _Columns) -> None:
        """Take events as they come, late ones, surveys and those of many workspaces among them."""
        for row in zip(*columns, strict=True):
            self._one(_Columns(*row))

    def _one(self, one: Any) -> None:
        event, body, rank, contact, values, index = one
        message, book = self._batch[index], self._state.books[event.workspace]
        if message.offset < book.skip_before:
            return
        bucket = (event.occurred_at - EPOCH) // book.width
        content = bucket << 64 | xxh3_64_intdigest(body)
        known = book.seen.setdefault(rank, content) if bucket >= book.floor else book.seen.get(rank, content)
        if known is not content:
            self._again(book, event, index, rank=rank, known=known, content=content)
            return
        if bucket >= book.floor:
            self._remember(book, [bucket], [rank], [index])
        counts = False
        if bucket < book.until:
            self._late(book, bucket)
        elif not self._survey or event.score <= book.workspace.low_score_share * event.scale_max:
            (counts,) = self._count(book, [bucket], _Columns([event], [body], [rank], [contact], [values], [index]))
        tail = (
            self._tails.late(message.timestamp_ms) if bucket < book.until else self._tails[message.timestamp_ms, counts]
        )
        self._out.contacts.append((contact, body[:-1] + tail))

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


class _Tails(dict[tuple[int, bool], bytes]):
    """What a contact has beyond its event, as the end of its JSON object, by time of arrival and whether it counts."""

    def __init__(self, channel: str) -> None:
        super().__init__()
        self._channel = channel

    def __missing__(self, key: tuple[int, bool]) -> bytes:
        arrived_ms, counts = key
        tail = self[key] = self._tail(arrived_ms, {"counted": True} if counts else {})
        return tail

    def late(self, arrived_ms: int) -> bytes:
        """The end of a late contact."""
        return self._tail(arrived_ms, {"late": True})

    def _tail(self, arrived_ms: int, flags: dict[str, bool]) -> bytes:
        arrived = datetime.fromtimestamp(max(0, arrived_ms) / 1000, UTC)
        return b"," + _ENCODE({"channel": self._channel, "ingested_at": arrived, **flags})[1:]
