"""Counts by day, counted from a change's own moment, from the store or from a folder of exports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import numpy as np
from clickhouse_connect.driver.client import Client
from numpy.typing import NDArray

from schemas.frame import Frame
from schemas.timeline import Change, Scope, TimelineEntry
from schemas.workspace import Dimension, Workspace
from sinks.migrate import require_current
from streams.admit.settings import AdmitSettings
from streams.cost import DAY, HISTORY_D, Cells, Watched
from whence.errors import DataRefused, SettingsError
from whence.input import events_of, mapping_of
from whence.line import AdmitLine
from whence.settings import Settings
from whence.store import store_client

Floats = NDArray[np.float64]
_DIMENSIONS: tuple[str, ...] = get_args(Dimension)
_SHOWN = ", ".join(_DIMENSIONS)
_COUNTS = f"""
SELECT intDiv(toInt64(toUnixTimestamp(bucket_start)) - {{origin:Int64}}, 86400) AS day, {_SHOWN}, sum(contacts) AS n
FROM counts_now
WHERE workspace = {{workspace:String}} AND stream = 'contacts'
    AND bucket_start >= fromUnixTimestamp({{origin:Int64}}) AND bucket_start < fromUnixTimestamp({{until:Int64}})
GROUP BY ALL"""  # noqa: S608 - our own names
_ENDS = """
SELECT toUnixTimestamp(min(bucket_start)), toUnixTimestamp(max(bucket_start)) + max(bucket_s)
FROM counts_now WHERE workspace = {workspace:String} AND stream = 'contacts'"""
_CHANGES = """
SELECT workspace, change, kind, starts_at, ends_at, available_at, recorded_at, products, platforms, versions, regions,
    segments, owner, title, expected_contacts
FROM changes_now"""


def from_folder(folder: Path, mapping_path: Path, key: str, settings: AdmitSettings) -> Watched:
    """Count a folder of exports, cleaned as admit cleans them.

    Raises:
        DataRefused: the folder or mapping cannot be used, has no contact, or does not know the change.
    """
    mapping = mapping_of(mapping_path)
    line = _Counting(mapping.workspace, settings)
    line.run(events_of(folder, mapping))
    if not line.counts:
        raise DataRefused(f"{folder} holds no contact")
    moments = [moment for moment, _ in line.counts]
    return Watched(
        workspace=mapping.workspace.name,
        change=_named(key, line.changes),
        others=tuple(line.changes.values()),
        first=min(moments),
        last=max(moments) + timedelta(seconds=mapping.workspace.bucket_s),
        cells=line.cells,
    )


class _Counting(AdmitLine):
    """Keeps counts per bucket and leaf, and the last record of every change."""

    def __init__(self, workspace: Workspace, settings: AdmitSettings) -> None:
        super().__init__(workspace, settings)
        self.counts: Counter[tuple[datetime, tuple[str, ...]]] = Counter()
        self.changes: dict[str, Change] = {}

    def follow(self, record: Frame | TimelineEntry) -> None:
        """Add a frame's counts, or take a change's record."""
        if isinstance(record, Frame):
            if record.stream == "contacts":
                for leaf, count in zip(record.leaves, record.counts, strict=True):
                    self.counts[record.bucket_start, leaf] += count
        elif record.change is not None:
            self.changes[record.change.key] = record.change

    def cells(self, origin: datetime, until: datetime) -> Cells:
        """Counts by day since ``origin``."""
        found = [(moment, leaf, n) for (moment, leaf), n in self.counts.items() if origin <= moment < until]
        return Cells(
            self.workspace.dimensions,
            np.array([(moment - origin) // DAY for moment, _, _ in found], dtype=np.int64),
            [leaf for _, leaf, _ in found],
            np.array([n for _, _, n in found], dtype=float),
        )


def from_store(settings: Settings, key: str, workspace: str | None) -> Watched:
    """Count what the store holds.

    Raises:
        DataRefused: the change is not known, or several workspaces know it, or none of its contacts are stored.
        FatalError: the store is away.
    """
    with store_client(settings.store) as client:
        require_current(client)
        known = [(str(row["workspace"]), _change(row)) for row in client.query(_CHANGES).named_results()]
        name = workspace if workspace is not None else _only_workspace(key, known)
        changes = {change.key: change for space, change in known if space == name}
        change = _named(key, changes)
        first, last = client.query(_ENDS, parameters={"workspace": name}).result_rows[0]
        if not last:
            raise DataRefused(f"The store holds no contact of workspace {name}")
        cells = _stored(client, name, change.starts_at, int(first), int(last))
    return Watched(
        workspace=name,
        change=change,
        others=tuple(changes.values()),
        first=datetime.fromtimestamp(first, UTC),
        last=datetime.fromtimestamp(last, UTC),
        cells=cells,
    )


def _stored(
    client: Client, workspace: str, start: datetime, first_s: int, last_s: int
) -> Callable[[datetime, datetime], Cells]:
    """All counts that may be asked for, read while the store is open."""
    origin_s = max(first_s, int(start.timestamp()) - HISTORY_D * 86_400)
    origin_s += (int(start.timestamp()) - origin_s) % 86_400
    asked = {"workspace": workspace, "origin": origin_s, "until": last_s}
    rows = client.query(_COUNTS, parameters=asked).result_rows
    begin = datetime.fromtimestamp(origin_s, UTC)
    days = np.array([row[0] for row in rows], dtype=np.int64)
    counts = np.array([row[-1] for row in rows], dtype=float)

    def cells(origin: datetime, until: datetime) -> Cells:
        low, high = (origin - begin) // DAY, (until - begin) // DAY
        kept = np.flatnonzero((days >= low) & (days < high))
        return Cells(_DIMENSIONS, days[kept] - low, [tuple(rows[int(i)][1:-1]) for i in kept], counts[kept])

    return cells


def _change(row: Mapping[str, Any]) -> Change:
    names = ("products", "platforms", "versions", "regions", "segments")
    return Change(
        key=row["change"],
        kind=row["kind"],
        starts_at=_zoned(row["starts_at"]),
        ends_at=_zoned(row["ends_at"]) if row["ends_at"] is not None else None,
        available_at=_zoned(row["available_at"]),
        recorded_at=_zoned(row["recorded_at"]),
        scope=Scope(**{name: tuple(row[name]) for name in names}),
        owner=row["owner"],
        title=row["title"],
        expected_contacts=row["expected_contacts"],
    )


def _zoned(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _only_workspace(key: str, known: Sequence[tuple[str, Change]]) -> str:
    """The one workspace that knows the change; the only one there is, where none does."""
    having = sorted({space for space, change in known if key in (change.key, change.title)})
    spaces = sorted({space for space, _ in known})
    if len(having) > 1:
        raise SettingsError(f"Several workspaces know {key!r}: {', '.join(having)}. Name one with --workspace")
    if not spaces:
        raise DataRefused("The store knows no change yet")
    return (having or spaces)[0]


def _named(key: str, changes: Mapping[str, Change]) -> Change:
    """The change with this key, else the only one with this title or whose key ends so."""
    if key in changes:
        return changes[key]
    wanted = key.casefold()
    alike = [one for one in changes.values() if wanted == one.title.casefold() or one.key.casefold().endswith(wanted)]
    if len(alike) == 1:
        return alike[0]
    near = sorted(changes, key=lambda one: (wanted not in one.casefold(), one))[:5]
    if alike:
        raise DataRefused(f"{key!r} may be {', '.join(one.key for one in alike[:5])}. Give the whole key")
    raise DataRefused(f"No change is called {key!r}; known are {', '.join(near) or 'none'}")
