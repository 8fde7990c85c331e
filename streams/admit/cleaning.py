"""Opened contacts as everything right of admit may see them: one spelling, redacted, customers hashed, times in UTC.

Columns, not objects: values that repeat (platforms, teams …) are looked up, long texts of a whole batch are redacted
in one pass, and an event is touched only where something changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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


class Combination:
    """Values that occur together in an event's dimensions: how to spell them, and the leaf that they are, by book."""

    __slots__ = ("changes", "leaves")

    def __init__(self, changes: tuple[tuple[str, str], ...]) -> None:
        self.changes = changes
        self.leaves: dict[object, int] = {}


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
        spelt = [name for name in _SPELT if name in names]
        watched = {*dimensions, "product"}
        self._key = customer_key[:64]
        self._customers: dict[str, str] = {"": ""}
        self._watched = _Group(tuple(name for name in spelt if name in watched))
        self._others = _Group(tuple(name for name in spelt if name not in watched))
        self._ids = tuple(attrgetter(name) for name in ("event_id", "contact", "about") if name in names)
        self._texts = tuple((name, attrgetter(name)) for name in ("subject", "text") if name in names)
        self._talks = "turns" in names

    def clean(self, events: Sequence[Opened]) -> list[Combination]:
        """Change the events in place; what each one's dimensions are."""
        combinations = self._watched.spell(events)
        self._others.spell(events)
        self._hash_customers(events)
        self._conceal_ids(events)
        moments = list(map(_MOMENT, events))
        if any(at.tzinfo is not UTC or at.microsecond % 1000 for at in moments):
            for event, at in zip(events, moments, strict=True):
                event.occurred_at = in_utc(at)
        self._redact_texts(events)
        if self._talks:
            _clean_conversations(events)
        _clean_extra(events)
        return combinations

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


def _nothing(_: Opened) -> object:
    return ()


class _Group:
    """Fields whose values repeat together."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._get: Callable[[Opened], object] = attrgetter(*names) if names else _nothing
        self._known: dict[object, Combination] = {}

    def spell(self, events: Sequence[Opened]) -> list[Combination]:
        known = self._known
        if len(known) > _REMEMBERED:
            known.clear()
        keys = list(map(self._get, events))
        found = list(map(known.get, keys))
        if None in found:
            found = [known.get(key) or self._learn(key) for key in keys]
        if any(map(_CHANGES, found)):
            for event, combination in zip(events, found, strict=True):
                for name, value in combination.changes:  # type: ignore[union-attr]
                    setattr(event, name, value)
        return found  # type: ignore[return-value]

    def _learn(self, key: object) -> Combination:
        values = key if isinstance(key, tuple) else (key,)
        pairs = ((name, value, spell(name, value)) for name, value in zip(self._names, values, strict=True))
        found = self._known[key] = Combination(tuple((name, spelt) for name, value, spelt in pairs if spelt != value))
        return found


_CHANGES = attrgetter("changes")


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
