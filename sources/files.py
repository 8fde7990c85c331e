"""A folder of exports as one stream of events in order of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog

from schemas.catalog import Topic
from schemas.errors import FatalError, RejectedEvent
from schemas.raw import RawEvent
from sources.lines import fingerprint
from sources.mapping import TOPIC_BY_NAME, FileMap, Mapping
from sources.rejects import RejectedRow, Rejects
from sources.rows import Row, read_csv, read_jsonl
from sources.shaping import shaper
from sources.sorting import in_order

_SOME_ROWS = 20
_LOGGED = 20
log = structlog.get_logger()


class RejectLog:
    """The default for refused rows: the first ones are logged, all are counted by file, the first hundred kept."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.first: list[RejectedRow] = []

    def __call__(self, row: RejectedRow) -> None:
        self.counts[row.file] += 1
        if len(self.first) < 100:
            self.first.append(row)
        if self.counts.total() <= _LOGGED:
            log.warning("row_rejected", told=str(row))


def read_events(
    folder: Path, mapping: Mapping, *, rejects: Rejects | None = None, now: datetime | None = None
) -> Iterator[tuple[Topic, RawEvent]]:
    """Every event of the folder's exports in order of ``occurred_at``, ties by topic and ``event_id``.

    All files are read before the first event comes; beyond some hundred thousand events the rest waits, sorted, in
    temporary files, so memory stays bounded. A row that cannot be used is handed to ``rejects`` (by default logged
    and counted) and holds nothing up.

    Args:
        folder: Where the exports lie.
        mapping: From :func:`sources.mapping.load_mapping`.
        rejects: Told of every refused row.
        now: Nothing may have occurred more than a day after it; by default the present.

    Raises:
        FatalError: a file that the mapping names is not there, lacks a column, or is mostly refused.
    """
    told = RejectLog() if rejects is None else rejects
    moment = datetime.now(UTC) if now is None else now
    if not folder.is_dir():
        raise FatalError(f"{folder} is no folder", remedy="Name the folder that holds the exports.")
    found = _found(folder, mapping, told)
    return in_order(
        pair
        for path, file in found
        for pair in _file_events(path, str(path.relative_to(folder)), file, mapping=mapping, rejects=told, now=moment)
    )


def _found(folder: Path, mapping: Mapping, rejects: Rejects) -> list[tuple[Path, FileMap]]:
    """Files to read, each content once per topic."""
    found: list[tuple[Path, FileMap]] = []
    known: dict[tuple[str, bytes], str] = {}
    for file in mapping.files:
        paths = sorted(path for path in folder.glob(file.glob) if path.is_file())
        if not paths and not file.optional:
            there = ", ".join(sorted(path.name for path in folder.iterdir())[:12]) or "nothing"
            raise FatalError(
                f"No file in {folder} is called {file.glob}; there is {there}",
                remedy="Correct the mapping's glob, or set optional = true.",
            )
        for path in paths:
            content, name = (file.topic, fingerprint(path)), str(path.relative_to(folder))
            if content in known and path.stat().st_size:
                rejects(
                    RejectedRow(
                        file=name,
                        line=0,
                        reason="bad_value",
                        value=f"the file has the same content as {known[content]} and was read once",
                        allowed="each file once",
                        remedy="Remove the copy.",
                    )
                )
            else:
                known[content] = name
                found.append((path, file))
    return found


def _file_events(
    path: Path, name: str, file: FileMap, *, mapping: Mapping, rejects: Rejects, now: datetime
) -> Iterator[tuple[Topic, RawEvent]]:
    topic = TOPIC_BY_NAME[file.topic]
    shape = shaper(file, workspace=mapping.workspace.name, source=file.source or path.name.split(".")[0], now=now)
    refused: list[RejectedRow] = []

    def refuse(row: RejectedRow) -> None:
        refused.append(row)
        rejects(row)

    used = 0
    for line, row in _rows(path, name, file, refuse):
        if any(str(row.get(column, "")).strip() not in allowed for column, allowed in file.where.items()):
            continue
        try:
            event = shape(row)
        except RejectedEvent as error:
            refuse(
                RejectedRow(
                    file=name,
                    line=line,
                    reason=error.reason,
                    column=error.field,
                    value=error.value,
                    allowed=error.allowed,
                    remedy="Correct the export, or the mapping of this column.",
                )
            )
        else:
            used += 1
            yield topic, event
        _stop_when_mostly_refused(name, refused, used, mapping.rejected_share)
    _stop_when_mostly_refused(name, refused, used, mapping.rejected_share)


def _stop_when_mostly_refused(name: str, refused: list[RejectedRow], used: int, share: float) -> None:
    if len(refused) >= _SOME_ROWS and len(refused) > share * (len(refused) + used):
        raise FatalError(
            f"{len(refused)} of the first {len(refused) + used} rows of {name} cannot be used; the first: {refused[0]}",
            remedy="Correct the mapping, or raise rejected_share in it.",
        )


def _rows(path: Path, name: str, file: FileMap, rejects: Rejects) -> Iterator[tuple[int, Row]]:
    form = file.format or ("csv" if ".csv" in path.name.lower() else "jsonl")
    if form == "jsonl":
        return read_jsonl(path, name, encoding=file.encoding, rejects=rejects)
    columns = {one.column for one in file.field_maps().values() if one.column is not None}
    needed = frozenset(columns | set(file.where) | set(file.extra))
    return partial(read_csv, path, name, delimiter=file.delimiter, encoding=file.encoding)(
        needed=needed, rejects=rejects
    )
