"""The timeline as attribute keeps it: every version of every change, its words, and who knew of it when."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from schemas.timeline import Change
from stats.words import SLOTS, slot, words
from streams.attribute.voices import voice_slots

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
START = datetime.min.replace(tzinfo=UTC)
TEXT_LENGTH = 100_000
DAY = timedelta(days=1)
_SEGMENT = re.compile(r"\|\||\n|(?<=[.!?])\s+(?=[A-Z*-])")
_FIX = re.compile(r"^\W*(fix(?:ed|es)?|resolved|behoben|corrig\w+|réparé)\b", re.IGNORECASE)


class ChangeWords(NamedTuple):
    """Word slots of a change with the weight of each (title and code count more, what it fixes less);
    ``fixing`` and ``code`` are the slots of what it says it fixes and of its code."""

    slots: Ids
    weights: Floats
    fixing: Ids
    code: Ids


class Version(NamedTuple):
    """One record of a change: ``arrived`` is when the stream of records had it. ``remarks`` say what about it is odd."""

    arrived: datetime
    change: Change
    words: ChangeWords
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class Book:
    """All versions by key."""

    versions: dict[str, list[Version]] = field(default_factory=dict)


def change_words(change: Change) -> ChangeWords:
    """The words of a change, with weights. Numbers alone carry nothing: customers name the last version they saw.

    What a change says it fixes is kept apart: it tells what had been wrong before. How people write of its kind
    (:mod:`~streams.attribute.voices`) is left out but in its code: that is held against contacts by itself, and tells
    one price change from another as little as the word "price" does.
    """
    weights: dict[int, float] = {}
    fixing: set[int] = set()
    of_kind = frozenset(voice_slots(change.kind).tolist()) - {slot(word) for word in words(change.code)}
    for text, weight in _texts(change):
        is_fix = weight < 0
        for place in [slot(word) for word in words(text)]:
            if place < 0 or place in of_kind:
                continue
            weights[place] = weights.get(place, 0.0) + abs(weight)
            if is_fix:
                fixing.add(place)
    slots = np.array(sorted(weights), dtype=np.int64)
    return ChangeWords(
        slots,
        np.log1p([weights[int(place)] for place in slots]),
        np.array(sorted(fixing), dtype=np.int64),
        np.array([place for word in words(change.code) if (place := slot(word)) >= 0], dtype=np.int64),
    )


def _texts(change: Change) -> list[tuple[str, float]]:
    """Texts with weights; negative for what is fixed (which counts a third)."""
    found = [(change.title, 2.0), (change.code, 6.0), *((claim, 2.0) for claim in change.claims)]
    segments = _SEGMENT.split(change.text[:TEXT_LENGTH])
    found.extend((segment, -0.3 if _FIX.match(segment) else 1.0) for segment in segments)
    found.extend((fixed, -0.3) for fixed in change.fixes)
    return found


def add(book: Book, change: Change, *, before: datetime | None) -> datetime:
    """Keep a version; return when it arrived: its own time, but never before what its input had already closed."""
    arrived = change.recorded_at if before is None else max(change.recorded_at, before)
    sound, remarks = _sound(change)
    version = Version(arrived, sound, change_words(sound), remarks)
    kept = [*book.versions.get(change.key, []), version]
    kept.sort(key=lambda one: (one.change.recorded_at, one.arrived, repr(one.change)))
    book.versions[change.key] = kept
    return arrived


def _sound(change: Change) -> tuple[Change, tuple[str, ...]]:
    """The change as it can be used, and what was put right or is missing."""
    remarks = []
    if change.ends_at is not None and change.ends_at < change.starts_at:
        remarks.append(f"its end ({change.ends_at:%Y-%m-%d %H:%M}) is before its start and is not used")
        change = replace(change, ends_at=None)
    if not (change.title or change.text or change.code or change.claims):
        remarks.append("it has no words to compare")
    elif len(change.text) > TEXT_LENGTH:
        remarks.append(f"of its text of {len(change.text):,} characters the first {TEXT_LENGTH:,} are read")
    if not any((change.scope.products, change.scope.platforms, change.scope.regions, change.scope.segments)):
        remarks.append("it has no scope: it may touch everything")
    return change, tuple(remarks)


def without_twins(versions: list[Version]) -> list[Version]:
    """The versions with changes that were recorded under several keys once, under the one recorded first.

    Twins have kind, scope, title and text in common and begin within a day of each other; one without words has none.
    """
    first: dict[tuple[object, ...], Version] = {}
    other: dict[str, list[str]] = {}
    order = sorted(versions, key=lambda one: (one.change.recorded_at, one.change.key))
    for version in order:
        change = version.change
        like = (change.kind, change.scope, change.title, change.text, change.code)
        twin = first.get(like)
        if change.text and twin is not None and abs(change.starts_at - twin.change.starts_at) <= DAY:
            other.setdefault(twin.change.key, []).append(change.key)
        else:
            first[like] = version
    twins = {key for keys in other.values() for key in keys}
    return [
        version._replace(remarks=(*version.remarks, f"also recorded as {', '.join(other[version.change.key])}"))
        if version.change.key in other
        else version
        for version in versions
        if version.change.key not in twins
    ]


def visible(book: Book, at: datetime, *, final: bool) -> list[Version]:
    """The newest version of every change that may be used at a moment, by key.

    A live decision uses what had arrived and was available before it; the final one all that has arrived.
    """
    found: list[Version] = []
    for key in sorted(book.versions):
        usable = [v for v in book.versions[key] if v.arrived < at and (final or v.change.available_at < at)]
        if usable:
            found.append(usable[-1] if len(usable) == 1 else _edited(usable))
    return without_twins(found)


def _edited(versions: list[Version]) -> Version:
    """The last version of a change that was recorded again with another content."""
    last = versions[-1]
    if replace(versions[-2].change, recorded_at=last.change.recorded_at) == last.change:
        return last
    return last._replace(remarks=(*last.remarks, f"as edited {last.change.recorded_at:%Y-%m-%d %H:%M}"))


def document_frequency(versions: list[Version]) -> Floats:
    """In how many changes each slot occurs."""
    slots = [version.words.slots for version in versions]
    return np.bincount(np.concatenate(slots), minlength=SLOTS).astype(float) if slots else np.zeros(SLOTS)
