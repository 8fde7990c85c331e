"""What can be done with a few hundred messages before any memory of others is asked: open, clean, encode, hash.

An event's objects take about two kilobytes. A few hundred events' fit the processor's own memory, and only what
:class:`Prepared` names outlives them, so that repeats and counts can then be looked up for a whole batch in one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain, repeat
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from xxhash import xxh3_64_intdigest

from schemas.catalog import SURVEYS
from schemas.raw import Exposure
from streams.admit.fates import COUNTED, LATE, STORED, Tails
from streams.admit.memory import Bools, Ints, Keys, Prints, prints
from streams.admit.opening import Opened
from streams.admit.quick import Taken, Way
from streams.admit.reading import Aside, Opening, read
from streams.admit.samples import SAMPLE_BYTES, Said, said_of, together
from streams.admit.spelling import Columns, Spelt
from streams.admit.state import PartitionState, RawMessage, columns_of

_ENCODE = msgspec.json.Encoder(order="deterministic").encode
_CONTACT_SEED = 1
_SAID = ("event_id", "occurred_at", "customer", "language", "subject", "text")
_AT_ONCE = 600


class Prepared(NamedTuple):
    """Events of a batch by columns, and the asides between them.

    ``message``: places among the messages. ``book``: numbers of the workspaces. ``at_ms``: when they occurred.
    ``rank``, ``content``, ``key``: hashes of event id, body (half of it) and contact. ``opens``: whether it opens a contact.
    ``records``: contacts as they are written if they come to what is ``expected``; ``tails`` can correct them.
    ``said``: what is kept of those that may be sampled; ``said_at``: their places in it, -1 for the others.
    """

    asides: list[Aside]
    ids: list[bytes]
    contacts: list[bytes]
    records: list[bytes]
    customers: list[str]
    handle_s: list[float | None]
    message: Ints
    book: Ints
    at_ms: Ints
    rank: Keys
    content: Prints
    key: Keys
    leaf: Ints
    opens: Bools
    expected: Ints
    said_at: Ints
    said: Said
    tails: Tails


def prepare(state: PartitionState, batch: Sequence[RawMessage]) -> Prepared:
    """Open a batch and bring it into columns."""
    tails = Tails(state.channel)
    if state.way is None:
        return _joined([_some(state, batch[at : at + _AT_ONCE], at, tails) for at in range(0, len(batch), _AT_ONCE)])
    taken = state.way.read(columns_of(batch))
    parts = [_quickly(state, state.way, taken, tails)]
    left = taken.left()
    for at in range(0, len(left), _AT_ONCE):
        places = left[at : at + _AT_ONCE]
        parts.append(_placed(_some(state, [batch[place] for place in places], 0, tails), places))
    return _in_order(_joined(parts)) if left else parts[0]


def _placed(part: Prepared, places: list[int]) -> Prepared:
    """The part with its messages' places in the batch, which it has taken for a batch of its own."""
    asides = [aside._replace(message=places[aside.message]) for aside in part.asides]
    return part._replace(asides=asides, message=np.array(places, np.int64)[part.message])


def _in_order(given: Prepared) -> Prepared:
    """Events and asides in the order of their messages."""
    order = np.argsort(given.message)
    message = given.message[order]
    asides = sorted(given.asides, key=lambda aside: aside.message)
    before = np.searchsorted(message, [aside.message for aside in asides]).tolist()
    asides = [aside._replace(place=place) for aside, place in zip(asides, before, strict=True)]
    events = Prepared._make(_ordered(column, order) for column in given._replace(asides=[]))
    return events._replace(asides=asides)


def _ordered(column: Any, order: Ints) -> Any:
    """The column of events in this order; what is no such column as it is."""
    if isinstance(column, np.ndarray):
        return column[order]
    return [column[place] for place in order.tolist()] if isinstance(column, list) and column else column


def _quickly(state: PartitionState, way: Way, taken: Taken, tails: Tails) -> Prepared:
    leaf, late, wanted = _places(state, taken.book, taken.at_ms, taken.rank, taken.spelt)
    opens = ~taken.updated
    wanted &= opens & ~late
    expected = np.where(late, LATE, np.where(opens, COUNTED, STORED))
    arrived_ms = map(taken.stamps.__getitem__, taken.message.tolist())
    endings = list(map(tails.__getitem__, zip(arrived_ms, expected.tolist(), strict=True)))
    records, said = way.write(taken, endings, wanted, state.settings.sample_chars)
    return Prepared(
        asides=[],
        ids=taken.ids,
        contacts=taken.contacts,
        records=records,
        customers=taken.customers,
        handle_s=[None] * len(records),
        message=taken.message,
        book=taken.book,
        at_ms=taken.at_ms,
        rank=taken.rank,
        content=prints(taken.content),
        key=taken.key,
        leaf=leaf,
        opens=opens,
        expected=expected,
        said_at=np.where(wanted, np.cumsum(wanted) - 1, -1),
        said=said,
        tails=tails,
    )


def _places(state: PartitionState, book: Ints, at_ms: Ints, rank: Keys, spelt: Spelt) -> tuple[Ints, Bools, Bools]:
    """Leaves, which contacts come too late, and which may be samples."""
    leaf, late, wanted = np.zeros(book.size, np.int64), np.zeros(book.size, bool), np.zeros(book.size, bool)
    numbers = np.unique(book).tolist()
    for number in numbers:
        mine = book == number if len(numbers) > 1 else slice(None)
        leaf[mine] = state.book(number).leaf_numbers(spelt.rows[mine], spelt, state.channel)
        late[mine] = state.book(number).buckets(at_ms[mine]) < state.book(number).until
        wanted[mine] = state.book(number).wants(at_ms[mine], leaf[mine], rank[mine])
    return leaf, late, wanted


def _joined(parts: list[Prepared]) -> Prepared:
    if len(parts) == 1:
        return parts[0]
    events = said = 0
    for i, part in enumerate(parts):
        asides = [aside._replace(place=aside.place + events) for aside in part.asides]
        said_at = part.said_at + np.where(part.said_at >= 0, said, 0)
        parts[i] = part._replace(asides=asides, said_at=said_at)
        events, said = events + len(part.records), said + part.said.sizes.size
    return Prepared._make(map(_one_after_another, zip(*parts, strict=True)))


def _one_after_another(columns: Sequence[Any]) -> Any:
    if isinstance(columns[0], np.ndarray):
        return np.concatenate(columns)
    if isinstance(columns[0], Tails):
        return columns[0]
    if isinstance(columns[0], Said):
        return together(columns)
    return list(chain.from_iterable(columns))


def _some(state: PartitionState, batch: Sequence[RawMessage], first: int, tails: Tails) -> Prepared:
    opening = read(state, batch)
    events, columns = opening.events, opening.columns
    spelt = state.cleaner.clean(events, columns)
    survey = state.topic is SURVEYS
    ids = list(map(str.encode, columns["event_id"]))
    # A survey has no contact of its own; as one it goes by its event_id.
    contacts = ids if survey else list(map(str.encode, columns["contact"]))
    bodies = list(map(_ENCODE, events))
    if survey:
        names = map(_ENCODE, columns["event_id"])
        bodies = [b'%b,"contact":%b}' % (body[:-1], name) for body, name in zip(bodies, names, strict=True)]
    book = _books(state, columns["workspace"])
    at_ms = np.rint(1000 * np.array(list(map(datetime.timestamp, columns["occurred_at"])))).astype(np.int64)
    rank = np.array(list(map(xxh3_64_intdigest, ids)), np.uint64)
    leaf, late, wanted = _places(state, book, at_ms, rank, spelt)
    opens = _opens(state, columns)
    wanted &= opens & ~late
    expected = np.where(late, LATE, np.where(opens, COUNTED, STORED))
    arrived_ms = [batch[index].timestamp_ms for index in opening.indexes]
    return Prepared(
        asides=[aside._replace(message=aside.message + first) for aside in opening.asides],
        ids=ids,
        contacts=contacts,
        records=tails.ended(bodies, arrived_ms, expected.tolist()),
        customers=list(columns["customer"]),
        handle_s=list(columns.get("handle_s", (None,) * len(events))),
        message=np.array(opening.indexes, np.int64) + first,
        book=book,
        at_ms=at_ms,
        rank=rank,
        content=prints(np.array(list(map(xxh3_64_intdigest, bodies)), np.uint64)),
        key=np.array(list(map(xxh3_64_intdigest, contacts, repeat(_CONTACT_SEED))), np.uint64),
        leaf=leaf,
        opens=opens,
        expected=expected,
        said_at=np.where(wanted, np.cumsum(wanted) - 1, -1),
        said=_said(state, opening, wanted),
        tails=tails,
    )


def _books(state: PartitionState, workspaces: Sequence[str]) -> Ints:
    if len(set(workspaces)) == 1:
        return np.full(len(workspaces), state.numbers[workspaces[0]], np.int64)
    return np.array([state.numbers[name] for name in workspaces], np.int64)


def _opens(state: PartitionState, columns: Columns) -> Bools:
    if state.topic is not SURVEYS:
        kinds = columns.get("event", ())
        if "updated" not in kinds:
            return np.ones(len(columns["workspace"]), bool)
        return np.array([kind == "opened" for kind in kinds], bool)
    rows = zip(columns["workspace"], columns["score"], columns["scale_max"], strict=True)
    return np.array([score <= state.books[name].workspace.low_score_share * top for name, score, top in rows], bool)


def _said(state: PartitionState, opening: Opening, wanted: Bools) -> Said:
    events: list[Opened] = [opening.events[place] for place in np.flatnonzero(wanted).tolist()]
    if not events:
        return said_of((), (), ())
    ids, moments, customers, languages, subjects, texts = (_field(events, name) for name in _SAID)
    said = texts if state.topic is SURVEYS else [f"{one} {two}" for one, two in zip(subjects, texts, strict=True)]
    if "turns" in opening.columns:
        for i, spoken in enumerate(_field(events, "turns")):
            if spoken:
                said[i] = " ".join([said[i], *(turn.text for turn in spoken if turn.who == "customer")])
    size = state.settings.sample_chars
    said = [text[:size].strip() for text in said]
    exposed = _field(events, "exposed", {})
    rests = [b"," + _ENCODE(rest)[1:] for rest in map(_Rest, moments, customers, languages, said, exposed)]
    return said_of(list(map(_ENCODE, ids)), rests, _sizes(ids, languages, said, exposed))


class _Rest(Struct, omit_defaults=True):
    """What follows the leaf in a :class:`schemas.frame.Sample`."""

    occurred_at: datetime
    customer: str = ""
    language: str = ""
    text: str = ""
    exposed: dict[str, Exposure] = {}


def _sizes(ids: list[str], languages: list[str], texts: list[str], exposed: list[dict[str, Exposure]]) -> list[int]:
    """Bytes that each sample takes in a frame at most; cheaper where all words are written as they are."""
    words = list(map("".join, zip(ids, languages, texts, strict=True)))
    joined = "".join(words)
    if '"' in joined or "\\" in joined or not (joined.isascii() and joined.isprintable()):
        sizes = [SAMPLE_BYTES - 2 + len(_ENCODE(word)) for word in words]
    else:
        sizes = [SAMPLE_BYTES + len(word) for word in words]
    if any(exposed):
        sizes = [size + len(_ENCODE(some)) + 1 if some else size for size, some in zip(sizes, exposed, strict=True)]
    return sizes


def _field(events: Sequence[Opened], name: str, default: Any = "") -> list[Any]:
    """One field of every event; the default where they have none such."""
    return list(map(attrgetter(name), events)) if hasattr(events[0], name) else [default] * len(events)
