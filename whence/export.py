"""What the store holds, written as CSV or JSONL for others to use."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal

import msgspec
from clickhouse_connect.driver.client import Client
from msgspec import Struct

from sinks.migrate import require_current
from sinks.tables import VIEW
from whence.errors import SettingsError
from whence.results import ATTRIBUTION_COLUMNS, written_number, written_time
from whence.settings import Settings
from whence.show import progress, say
from whence.store import store_client

What = Literal["spikes", "attributions", "impacts", "contacts"]
_ATTRIBUTIONS = """
SELECT a.spike_id AS spike_id, a.slice AS slice, a.onset AS onset, a.end AS end, a.expected AS expected,
    a.observed AS observed, c.kind AS cause_kind, c.change AS cause_key, c.probability AS probability,
    c.excess AS excess, c.excess_low AS excess_low, c.excess_high AS excess_high
FROM attributions_now AS a
INNER JOIN candidates_now AS c ON c.workspace = a.workspace AND c.spike_id = a.spike_id
WHERE a.state != 'merged' AND {filters}
ORDER BY a.onset, a.spike_id, c.rank"""


class Source(Struct, frozen=True):
    """Where an export reads: its columns, its statement with a place for filters, and the column of its time."""

    columns: tuple[str, ...]
    sql: str
    time: str
    workspace: str = "workspace"


def _whole(view: str, time: str) -> Source:
    columns = tuple(column.name for column in VIEW[view].columns)
    listed = ", ".join(f"`{name}`" for name in columns)
    return Source(columns, f"SELECT {listed} FROM {view} WHERE {{filters}} ORDER BY {time}", time)  # noqa: S608 - our own names


SOURCES: dict[What, Source] = {
    "spikes": _whole("spikes_now", "onset"),
    "attributions": Source(ATTRIBUTION_COLUMNS, _ATTRIBUTIONS, "a.onset", "a.workspace"),
    "impacts": _whole("impacts_now", "first"),
    "contacts": _whole("contacts_now", "occurred_at"),
}


def run_export(
    settings: Settings,
    what: What,
    form: Literal["csv", "jsonl"],
    *,
    out: Path | None,
    workspace: str | None,
    since: str | None,
    until: str | None,
    final: bool,
) -> None:
    """Write one kind of thing, by its last revision, in order of time.

    Raises:
        SettingsError: ``since`` or ``until`` is no time.
        FatalError: the store is away, or its schema is another version's.
    """
    if final and what != "attributions":
        raise SettingsError(f"--final is for attributions; {what} have no final revision")
    filters, parameters = _filters(SOURCES[what], workspace, _moment("--since", since), _moment("--until", until))
    with store_client(settings.store) as client, _opened(out) as file, progress() as shown:
        require_current(client)
        task = shown.add_task(what, total=None)
        filters += " AND a.final" if final else ""
        rows = _rows(client, SOURCES[what].sql.replace("{filters}", filters), parameters)
        write = _write_csv if form == "csv" else _write_jsonl
        count = write(file, SOURCES[what].columns, _counted(rows, lambda n: shown.update(task, completed=n)))
    if out is not None:
        say(f"{count:,} row(s) of {what} written to {out}.")


def _moment(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(
            f"{option} is {text!r}; allowed is a time such as 2026-03-01 or 2026-03-01T12:00:00Z"
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _filters(
    source: Source, workspace: str | None, since: datetime | None, until: datetime | None
) -> tuple[str, dict[str, Any]]:
    asked = {
        f"{source.workspace} = {{workspace:String}}": ("workspace", workspace),
        f"{source.time} >= {{since:DateTime64(3, 'UTC')}}": ("since", since),
        f"{source.time} < {{until:DateTime64(3, 'UTC')}}": ("until", until),
    }
    given = {condition: pair for condition, pair in asked.items() if pair[1] is not None}
    return " AND ".join(given) or "true", dict(given.values())


@contextmanager
def _opened(out: Path | None) -> Iterator[IO[str]]:
    if out is None:
        yield sys.stdout
    else:
        with out.open("w", newline="", encoding="utf-8") as file:
            yield file


def _rows(client: Client, sql: str, parameters: dict[str, Any]) -> Iterator[Sequence[Any]]:
    with client.query_rows_stream(sql, parameters=parameters) as stream:
        yield from stream


def _counted(rows: Iterable[Sequence[Any]], told: Any) -> Iterator[Sequence[Any]]:
    for count, row in enumerate(rows, start=1):
        yield row
        if count % 1_000 == 0:
            told(count)


def _write_csv(file: IO[str], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([_cell(value) for value in row])
        count += 1
    return count


def _write_jsonl(file: IO[str], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    count = 0
    for row in rows:
        file.write(msgspec.json.encode(dict(zip(columns, row, strict=True))).decode() + "\n")
        count += 1
    return count


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return written_time(value if value.tzinfo is not None else value.replace(tzinfo=UTC))
    if isinstance(value, float):
        return written_number(value)
    if isinstance(value, Mapping | list | tuple):
        return msgspec.json.encode(value).decode()
    return "" if value is None else value
