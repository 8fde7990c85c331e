"""Contacts taken one after another: repeats dropped, buckets counted and closed, contacts written onward."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from xxhash import xxh3_64_intdigest

from schemas.catalog import SURVEYS
from schemas.errors import RejectedEvent
from schemas.raw import Progress
from streams.admit.buckets import EPOCH, Book, LeafCount
from streams.admit.frames import FINE, frames_of
from streams.admit.opening import Opened
from streams.admit.reading import Item, Refused, letter
from streams.admit.state import Admitted, PartitionState, RawMessage

_ENCODE = msgspec.json.Encoder(order="deterministic").encode
_CONTACT_SEED = 1


def take_contacts(state: PartitionState, batch: Sequence[RawMessage], items: list[Item], out: Admitted) -> None:
    """Apply a batch of a contact topic, in the order of the log."""
    events = [item for item in items if type(item) is not Progress and type(item) is not Refused]
    state.cleaner.clean(events)
    bodies = iter(map(_ENCODE, events))
    taker = _Taker(state, out)
    for message, item in zip(batch, items, strict=True):
        if type(item) is Progress:
            taker.mark(item)
        elif type(item) is Refused:
            out.letters.append(letter(state, message, item.refusal, item.workspace))
        else:
            taker.event(message, item, next(bodies))


class _Taker:
    def __init__(self, state: PartitionState, out: Admitted) -> None:
        self.state = state
        self.out = out
        self.survey = state.topic is SURVEYS
        self.tails: dict[tuple[int, bool, bool], bytes] = {}

    def mark(self, mark: Progress) -> None:
        """Close what the mark closes; one that moves nothing says nothing."""
        book = self.state.books[mark.workspace]
        until = (mark.until - EPOCH) // book.width
        if until <= book.until and (book.final or not mark.final):
            return
        closed = book.advance(max(until, book.until))
        book.final = mark.final
        self.out.frames.extend(frames_of(book, self.state.place, closed, final=mark.final))

    def event(self, message: RawMessage, event: Opened, body: bytes) -> None:
        """Drop a repeat, refuse a contradiction; write and, where it counts, count the rest."""
        book = self.state.books[event.workspace]
        if message.offset < book.skip_before:
            return
        bucket = (event.occurred_at - EPOCH) // book.width
        rank = xxh3_64_intdigest(event.event_id.encode())
        print_ = bucket << 64 | xxh3_64_intdigest(body)
        known = book.seen.get(rank)
        if known is not None:
            self._again(message, event, book, rank=rank, known=known, print_=print_)
            return
        if bucket >= book.floor:
            cell = book.remember(bucket, message.offset)
            cell.events.append(rank)
            book.seen[rank] = print_
        late = bucket < book.until
        counted = False
        if late:
            self._late(book, bucket)
        else:
            counted = self._count(book, bucket, rank, event, message.offset)
        self._write(message, event, body, late=late, counted=counted)

    def _again(self, message: RawMessage, event: Opened, book: Book, *, rank: int, known: int, print_: int) -> None:
        if known == print_:
            self.out.counters.repeats += 1
            return
        book.outlive(rank, known >> 64, print_ >> 64, message.offset)
        refusal = RejectedEvent(
            "conflicting_repeat", field="event_id", value=event.event_id, allowed="the content first sent under this id"
        )
        self.out.letters.append(letter(self.state, message, refusal, event.workspace))

    def _late(self, book: Book, bucket: int) -> None:
        book.late += 1
        book.backfilled += bucket < book.floor
        late = self.out.counters.late
        late[book.workspace.name] = late.get(book.workspace.name, 0) + 1

    def _count(self, book: Book, bucket: int, rank: int, event: Opened, offset: int) -> bool:
        cell = book.cells[bucket]
        if self.survey:
            if event.score > book.workspace.low_score_share * event.scale_max:
                return False
            contact = rank
        else:
            if event.handle_s is not None:
                cell.handle += round(event.handle_s * FINE)
                cell.handled += 1
            if event.event != "opened":
                return False
            contact = xxh3_64_intdigest(event.contact.encode(), _CONTACT_SEED)
        leaf = book.leaf_number(book.values(event, self.state.channel))
        place = (bucket << 64 | rank) << 32 | leaf
        earlier = book.placed.get(contact)
        if earlier is not None and not self._moves(book, event, offset, contact=contact, earlier=earlier, place=place):
            return False
        book.placed[contact] = place
        cell.contacts.append(contact)
        self._add(book, cell.leaves, leaf, rank, event)
        if event.customer:
            cell.customers.append(event.customer)
        return True

    def _moves(self, book: Book, event: Opened, offset: int, *, contact: int, earlier: int, place: int) -> bool:
        """A contact opened twice counts where it opened first; whether that is here."""
        there, here = earlier >> 96, place >> 96
        if there < book.until or earlier < place:
            book.cells[here].repeats += 1
            book.outlive(contact, there, here, offset)
            return False
        cell = book.cells[there]
        cell.repeats += 1
        rank, number = earlier >> 32 & (1 << 64) - 1, earlier & (1 << 32) - 1
        cell.leaves[number].drop(rank)
        if cell.leaves[number].count == 0:
            del cell.leaves[number]
        if event.customer in cell.customers:
            cell.customers.remove(event.customer)
        book.outlive(contact, here, there, offset)
        return True

    def _add(self, book: Book, leaves: dict[int, LeafCount], number: int, rank: int, event: Opened) -> None:
        leaf = leaves.get(number)
        if leaf is None:
            leaf = leaves[number] = LeafCount()
        leaf.count += 1
        if rank < leaf.bar:
            leaf.keep(
                (
                    rank,
                    event.event_id,
                    event.occurred_at,
                    event.customer,
                    event.language,
                    _words(event, self.state.settings.sample_chars, survey=self.survey),
                    {} if self.survey else event.exposed,
                ),
                book.workspace.sample_k,
            )

    def _write(self, message: RawMessage, event: Opened, body: bytes, *, late: bool, counted: bool) -> None:
        key = (message.timestamp_ms, late, counted)
        tail = self.tails.get(key)
        if tail is None:
            tail = self.tails[key] = self._tail(*key)
        contact = event.event_id if self.survey else event.contact
        if self.survey:
            tail = b',"contact":' + _ENCODE(contact) + tail
        self.out.contacts.append((contact.encode(), body[:-1] + tail))
        self.out.counters.admitted += 1

    def _tail(self, timestamp_ms: int, late: bool, counted: bool) -> bytes:
        """What a contact has beyond its event, as the end of its JSON object."""
        fields: dict[str, Any] = {
            "channel": self.state.channel,
            "ingested_at": datetime.fromtimestamp(max(0, timestamp_ms) / 1000, UTC),
        }
        if late:
            fields["late"] = True
        if counted:
            fields["counted"] = True
        return b"," + _ENCODE(fields)[1:]


def _words(event: Opened, size: int, *, survey: bool) -> str:
    if survey:
        return " ".join(event.text[: 2 * size].split())[:size]
    said = [event.subject, event.text, *(turn.text for turn in event.turns if turn.who == "customer")]
    return " ".join(" ".join(part[: 2 * size] for part in said if part).split())[:size]
