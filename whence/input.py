"""Folders of exports as events, with what is wrong with them told as refused data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from schemas.catalog import Topic
from schemas.errors import FatalError
from schemas.raw import RawEvent
from sources.files import RejectLog, read_events
from sources.mapping import Mapping, load_mapping
from whence.errors import DataRefused
from whence.show import say


def mapping_of(path: Path) -> Mapping:
    """A mapping file, checked.

    Raises:
        DataRefused: it cannot be used; the sentence says where and why.
    """
    try:
        return load_mapping(path)
    except FatalError as error:
        raise DataRefused(str(error)) from error


def events_of(folder: Path, mapping: Mapping) -> Iterator[tuple[Topic, RawEvent]]:
    """The folder's events in order of time; at the end the refused rows are counted aloud.

    Raises:
        DataRefused: a file is missing, lacks a column or is mostly refused, or there is no event at all.
    """
    rejects, some = RejectLog(), False
    try:
        for event in read_events(folder, mapping, rejects=rejects):
            some = True
            yield event
    except FatalError as error:
        raise DataRefused(str(error)) from error
    for name, count in sorted(rejects.counts.items()):
        say(f"{count:,} row(s) of {name} were refused; the first: {_first(rejects, name)}")
    if not some:
        raise DataRefused(f"There is no event in {folder}: its files hold no rows, or the mapping's where takes none")


def _first(rejects: RejectLog, name: str) -> str:
    return next((str(row) for row in rejects.first if row.file == name), "see the log")
