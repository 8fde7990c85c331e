"""Opened contacts as everything right of admit may see them: one spelling, redacted, customers hashed, times in UTC.

Columns, not objects: values that repeat (platforms, teams …) are looked up, long texts of a whole batch are redacted
in one pass, and an event is touched only where something changes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from streams.admit.normalise import plain, spell
from streams.admit.opening import Opened
from streams.admit.redact import redact, redact_all, redactions

_SPELT = (
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
        names = {field.name for field in msgspec.structs.fields(kind)}
        self.dimensions = tuple(name for name in _SPELT if name in names and name in dimensions)
        self._watched = tuple(map(_Column, self.dimensions))
        self._others = tuple(_Column(name) for name in _SPELT if name in names and name not in dimensions)
        self._key = customer_key[:64]
        self._customers: dict[str, str] = {"": ""}
        self._ids = tuple(attrgetter(name) for name in ("event_id", "contact", "about") if name in names)
        self._texts = tuple((name, attrgetter(name)) for name in ("subject", "text") if name in names)
        self._talks = "turns" in names

    def clean(self, events: Sequence[Opened]) -> list[tuple[str, ...]]:
        """Change the events in place; return each one's values in :attr:`dimensions`."""
        values = list(zip(*(column.spelt(events) for column in self._watched), strict=True))
        for column in self._others:
            column.spell(events)
        self._hash_customers(events)
        self._conceal_ids(events)
        moments = list(map(_MOMENT, events))
        if {at.tzinfo for at in moments} != {UTC} or any(at.microsecond % 1000 for at in moments):
            for event, at in zip(events, moments, strict=True):
                event.occurred_at = in_utc(at)
        self._redact_texts(events)
        if self._talks:
            _clean_conversations(events)
        _clean_extra(events)
        return values if self._watched else [()] * len(events)

    def _hash_customers(self, events: Sequence[Opened]) -> None:
        known = self._customers
        if len(known) > _REMEMBERED:
            known.clear()
            known[""] = ""
        for event, customer in zip(events, map(_CUSTOMER, events), strict=True):
            hashed = known.get(customer)
            if hashed is None:
                hashed = known[customer] = self.keyed(customer)
            event.customer = hashed

    def keyed(self, text: str) -> str:
        """A keyed hash: the same customer gives the same 24 characters, and nobody without the key can try names."""
        return blake2b(text.encode(), key=self._key, digest_size=12).hexdigest()

    def _conceal_ids(self, events: Sequence[Opened]) -> None:
        # Ids are often long numbers, which only look like phones or cards; addresses in them are personal.
        for get in self._ids:
            if "@" in "".join(map(get, events)):
                for event in events:
                    self._conceal(event)

    def _conceal(self, event: Opened) -> None:
        for name in ("event_id", "contact", "about"):
            value = getattr(event, name, "")
            if "@" in value:
                setattr(event, name, f"{redact(value)[:100]}#{self.keyed(value)[:12]}")

    def _redact_texts(self, events: Sequence[Opened]) -> None:
        for name, get in self._texts:
            column = list(map(get, events))
            for place, text in redactions(column):
                setattr(events[place], name, text)


_MOMENT = attrgetter("occurred_at")
_CUSTOMER = attrgetter("customer")
_TURNS = attrgetter("turns")
_TAGS = attrgetter("tags")
_EXPOSED = attrgetter("exposed")
_EXTRA = attrgetter("extra")


class _Column:
    """One field whose values repeat. Of equal values one object is kept, which makes looking them up cheap."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._get = attrgetter(name)
        self._known: dict[str, str] = {}
        self._misspelt: set[str] = set()

    def spelt(self, events: Sequence[Opened]) -> list[str]:
        """Spell the field of every event; the values."""
        found = list(map(self._get, events))
        known = self._known
        if len(known) > _REMEMBERED:
            known.clear()
            self._misspelt.clear()
        if not known.keys() >= (values := set(found)):
            self._learn(values - known.keys())
        right = [known[value] for value in found]
        if not self._misspelt.isdisjoint(values):
            for event, value in zip(events, right, strict=True):
                setattr(event, self._name, value)
        return right

    def spell(self, events: Sequence[Opened]) -> None:
        """Spell the field of every event."""
        values = set(map(self._get, events))
        if not self._known.keys() >= values or not self._misspelt.isdisjoint(values):
            self.spelt(events)

    def _learn(self, values: set[str]) -> None:
        for value in values:
            right = self._known[value] = sys.intern(spell(self._name, value))
            if right != value:
                self._misspelt.add(value)


def _clean_conversations(events: Sequence[Opened]) -> None:
    if any(map(_TURNS, events)):
        talking = [event for event in events if event.turns]
        said = iter(redact_all([turn.text for event in talking for turn in event.turns]))
        for event in talking:
            event.turns = tuple(replace(turn, text=next(said), at=turn.at and in_utc(turn.at)) for turn in event.turns)
    if any(map(_TAGS, events)):
        for event in events:
            event.tags = tuple(map(plain, event.tags))
    if any(map(_EXPOSED, events)):
        for event in events:
            event.exposed = {plain(change): value for change, value in event.exposed.items()}


def _clean_extra(events: Sequence[Opened]) -> None:
    """Redact the unknown fields of the whole batch in one pass: gather their strings, then put them back."""
    if any(map(_EXTRA, events)):
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
