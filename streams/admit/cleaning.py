"""Opened contacts as everything right of admit may see them: one spelling, redacted, customers hashed, times in UTC.

Columns, not objects: values that repeat (platforms, teams …) are looked up, long texts of a whole batch are redacted
in one pass, and an event is touched only where something changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from streams.admit.normalise import plain
from streams.admit.opening import Opened
from streams.admit.redact import redact, redact_all, redactions
from streams.admit.spelling import Column, Columns, Dimensions, Spelt

SPELT = (
    "product",
    "platform",
    "version",
    "topic",
    "region",
    "language",
    "segment",
    "team",
    "source",
    "agent",
    "status",
)
_REMEMBERED = 100_000


@lru_cache(maxsize=64)
def cleaner(kind: type[Struct], customer_key: bytes, dimensions: frozenset[str]) -> Cleaner:
    """The cleaner that all partitions of a kind share."""
    return Cleaner(kind, customer_key, dimensions)


class Cleaner:
    """Cleans contacts of one kind. Holds nothing but caches of bounded size, so results never depend on the past.

    ``dimensions`` are those of all workspaces: an event's values there are looked up in one go.
    """

    def __init__(self, kind: type[Struct], customer_key: bytes, dimensions: Iterable[str]) -> None:
        names = [name for name in SPELT if name in kind.__struct_fields__]
        self.watched = Dimensions(tuple(name for name in names if name in dimensions))
        self._others = tuple(Column(name) for name in names if name not in dimensions)
        self._keyed = blake2b(key=customer_key[:64], digest_size=12)
        self._customers: dict[str, str] = {"": ""}
        self._ids = tuple(name for name in ("event_id", "contact", "about") if name in kind.__struct_fields__)
        self._texts = tuple(name for name in ("subject", "text") if name in kind.__struct_fields__)
        self._talks = "turns" in kind.__struct_fields__

    def clean(self, events: Sequence[Opened], columns: Columns) -> Spelt:
        """Change the events in place, and with them the columns of ids, moments and customers."""
        spelt = self.watched.spell(events, columns)
        for column in self._others:
            column.spell(events, columns)
        self._hash_customers(events, columns)
        for name in self._ids:
            self._conceal(name, events, columns)
        _in_utc(events, columns)
        self._redact_texts(events, columns)
        if self._talks:
            _clean_conversations(events, columns)
        if any(columns.get("extra", ())):
            _clean_extra(events)
        return spelt

    def _hash_customers(self, events: Sequence[Opened], columns: Columns) -> None:
        if "customer" not in columns:
            columns["customer"] = [""] * len(events)
            return
        known = self._customers
        if len(known) > _REMEMBERED:
            known.clear()
            known[""] = ""
        hashed: list[Any] = list(map(known.get, columns["customer"]))
        if None in hashed:
            hashed = list(map(self._remembered, columns["customer"]))
        for event, customer in zip(events, hashed, strict=True):
            event.customer = customer
        columns["customer"] = hashed

    def _remembered(self, customer: str) -> str:
        hashed = self._customers.get(customer)
        if hashed is None:
            hashed = self._customers[customer] = self.keyed(customer)
        return hashed

    def keyed(self, text: str) -> str:
        """A keyed hash: the same customer gives the same 24 characters, and nobody without the key can try names."""
        hashing = self._keyed.copy()
        hashing.update(text.encode())
        return hashing.hexdigest()

    def _conceal(self, name: str, events: Sequence[Opened], columns: Columns) -> None:
        # Ids are often long numbers, which only look like phones or cards; addresses in them are personal.
        if "@" in "".join(columns.get(name, ())):
            columns[name] = [
                f"{redact(value)[:100]}#{self.keyed(value)[:12]}" if "@" in value else value for value in columns[name]
            ]
            for event, value in zip(events, columns[name], strict=True):
                setattr(event, name, value)

    def _redact_texts(self, events: Sequence[Opened], columns: Columns) -> None:
        size, names = len(events), [name for name in self._texts if name in columns]
        for place, text in redactions([text for name in names for text in columns[name]]):
            setattr(events[place % size], names[place // size], text)


_ZONE = attrgetter("tzinfo")
_MICROSECOND = attrgetter("microsecond")


def _in_utc(events: Sequence[Opened], columns: Columns) -> None:
    moments = columns["occurred_at"]
    if set(map(_ZONE, moments)) != {UTC} or any(micro % 1000 for micro in set(map(_MICROSECOND, moments))):
        columns["occurred_at"] = list(map(in_utc, moments))
        for event, at in zip(events, columns["occurred_at"], strict=True):
            event.occurred_at = at


def _clean_conversations(events: Sequence[Opened], columns: Columns) -> None:
    if any(columns.get("turns", ())):
        talking = [event for event in events if event.turns]
        said = iter(redact_all([turn.text for event in talking for turn in event.turns]))
        for event in talking:
            event.turns = tuple(replace(turn, text=next(said), at=turn.at and in_utc(turn.at)) for turn in event.turns)
    if any(columns.get("tags", ())):
        for event in events:
            event.tags = tuple(map(plain, event.tags))
    if any(columns.get("exposed", ())):
        for event in events:
            event.exposed = {plain(change): value for change, value in event.exposed.items()}


def _clean_extra(events: Sequence[Opened]) -> None:
    """Redact the unknown fields of the whole batch in one pass: gather their strings, then put them back."""
    having = [event for event in events if event.extra]
    strings: list[str] = []
    for event in having:
        _gather(event.extra, strings)
    clean = iter(redact_all(strings))
    for event in having:
        event.extra = _put_back(event.extra, clean)


def _gather(value: Any, strings: list[str]) -> None:
    if isinstance(value, str):
        strings.append(value)
    elif isinstance(value, dict):
        strings.extend(value)
        for inner in value.values():
            _gather(inner, strings)
    elif isinstance(value, list):
        for inner in value:
            _gather(inner, strings)


def _put_back(value: Any, clean: Iterator[str]) -> Any:
    if isinstance(value, str):
        return next(clean)
    if isinstance(value, dict):
        names = [next(clean) for _ in value]
        return dict(zip(names, [_put_back(inner, clean) for inner in value.values()], strict=True))
    return [_put_back(inner, clean) for inner in value] if isinstance(value, list) else value


def in_utc(moment: datetime) -> datetime:
    """The moment in UTC, cut to milliseconds."""
    moment = moment.astimezone(UTC)
    return moment - timedelta(microseconds=moment.microsecond % 1000)


def redact_tree(value: Any) -> Any:
    """Every string inside, keys included, redacted; every moment in UTC."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, datetime):
        return in_utc(value)
    if isinstance(value, dict):
        return {redact(str(name)): redact_tree(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(redact_tree(inner) for inner in value)
    if isinstance(value, Struct):
        return replace(value, **{name: redact_tree(getattr(value, name)) for name in value.__struct_fields__})
    return value
