"""Opened contacts as everything right of admit may see them: one spelling, redacted, customers hashed, times in UTC.

Columns, not objects: values that repeat (platforms, teams …) are looked up, long texts of a whole batch are redacted
in one pass, and an event is touched only where something changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from streams.admit.normalise import plain, spell
from streams.admit.opening import Opened
from streams.admit.redact import redact, redact_all

_OFTEN = ("product", "platform", "version", "topic")
_SELDOM = ("source", "region", "language", "segment", "agent", "team", "status")
_REMEMBERED = 100_000


class Cleaner:
    """Cleans contacts of one kind. Holds nothing but caches of bounded size, so results never depend on the past."""

    def __init__(self, kind: type[Struct], customer_key: bytes) -> None:
        names = {field.name for field in msgspec.structs.fields(kind)}
        self._key = customer_key[:64]
        self._customers: dict[str, str] = {"": ""}
        present = [tuple(name for name in group if name in names) for group in (_OFTEN, _SELDOM)]
        self._groups = tuple(_Group(group) for group in present if group)
        self._ids = tuple(name for name in ("event_id", "contact", "about") if name in names)
        self._texts = tuple(name for name in ("subject", "text") if name in names)
        self._talks = "turns" in names

    def clean(self, events: Sequence[Opened]) -> None:
        """Change the events in place."""
        for group in self._groups:
            group.spell(events)
        self._hash_customers(events)
        self._conceal_ids(events)
        for event in events:
            _to_utc(event)
            if event.extra:
                event.extra = redact_tree(event.extra)
        self._redact_texts(events)
        if self._talks:
            _clean_conversations(events)

    def _hash_customers(self, events: Sequence[Opened]) -> None:
        known = self._customers
        if len(known) > _REMEMBERED:
            known.clear()
            known[""] = ""
        for event in events:
            hashed = known.get(event.customer)
            if hashed is None:
                hashed = known[event.customer] = self.keyed(event.customer)
            event.customer = hashed

    def keyed(self, text: str) -> str:
        """A keyed hash: the same customer gives the same 24 characters, and nobody without the key can try names."""
        return blake2b(text.encode("utf-8", "replace"), key=self._key, digest_size=12).hexdigest()

    def _conceal_ids(self, events: Sequence[Opened]) -> None:
        # Ids are often long numbers, which only look like phones or cards; addresses in them are personal.
        for name in self._ids:
            column = [getattr(event, name) for event in events]
            if "@" in "".join(column):
                for event, value in zip(events, column, strict=True):
                    if "@" in value:
                        setattr(event, name, f"{redact(value)[:100]}#{self.keyed(value)[:12]}")

    def _redact_texts(self, events: Sequence[Opened]) -> None:
        for name in self._texts:
            column = list(map(attrgetter(name), events))
            for event, before, after in zip(events, column, redact_all(column), strict=True):
                if before is not after:
                    setattr(event, name, after)


class _Group:
    """Fields whose values repeat together."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._get = attrgetter(*names)
        self._known: dict[tuple[str, ...], tuple[tuple[str, str], ...]] = {}

    def spell(self, events: Sequence[Opened]) -> None:
        known = self._known
        if len(known) > _REMEMBERED:
            known.clear()
        for event, values in zip(events, map(self._get, events), strict=True):
            changes = known.get(values)
            if changes is None:
                changes = known[values] = tuple(self._changes(values))
            for name, value in changes:
                setattr(event, name, value)

    def _changes(self, values: tuple[str, ...]) -> Iterable[tuple[str, str]]:
        for name, value in zip(self._names, values, strict=True):
            spelt = spell(name, value)
            if spelt != value:
                yield name, spelt


def _clean_conversations(events: Sequence[Opened]) -> None:
    talking = [event for event in events if event.turns]
    said = iter(redact_all([turn.text for event in talking for turn in event.turns]))
    for event in talking:
        event.turns = tuple(replace(turn, text=next(said), at=turn.at and in_utc(turn.at)) for turn in event.turns)
    for event in events:
        if event.tags:
            event.tags = tuple(plain(tag) for tag in event.tags)
        if event.exposed:
            event.exposed = {plain(change): value for change, value in event.exposed.items()}


def _to_utc(event: Opened) -> None:
    at = event.occurred_at
    if at.tzinfo is not UTC or at.microsecond % 1000:
        event.occurred_at = in_utc(at)


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
