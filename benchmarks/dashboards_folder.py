"""Every panel on real exports: ``python -m benchmarks.dashboards_folder FOLDER [--mapping examples/firefox.toml]``.

The folder runs through admit, detect, attribute and alert as in a back-test, and everything lands in a store of its own (chDB, in a
folder that is deleted afterwards). Then every panel of every view is asked over all time, a spike's and a release's views for the
largest ones, and told with its rows; one without rows with the reason that it gives its reader.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from dashboards.answers import Asked, answer
from dashboards.panels import VIEWS
from dashboards.query import Query, from_client
from dashboards.spans import ALL
from schemas.base import Sequenced
from schemas.catalog import FRAMES, TIMELINE, Topic
from schemas.frame import Frame
from schemas.spike import Spike
from schemas.timeline import TimelineEntry
from schemas.workspace import Workspace
from sinks.insert import insert_contacts, insert_rows
from sinks.migrate import migrate
from sinks.rows import Row, rows
from sinks.store import StoreSettings, connect
from sinks.tables import TABLE
from streams.admit.settings import AdmitSettings
from streams.chain import Chain
from whence.input import events_of, mapping_of
from whence.line import AdmitLine

MAPPING = Path(__file__).parent.parent / "examples" / "firefox.toml"
BATCH = 50_000


class StoredLine(AdmitLine):
    """The whole chain, with all that it writes put into a store."""

    def __init__(self, workspace: Workspace, settings: StoreSettings) -> None:
        super().__init__(workspace, AdmitSettings(customer_key=b"a benchmark's key"))
        self.largest: Spike | None = None
        self._chain = Chain(workspace)
        self._settings = settings
        self._client = connect(settings)
        self._contacts: list[bytes] = []
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._version = 0

    def hear(self, contacts: list[tuple[bytes, bytes]]) -> None:
        self._contacts.extend(value for _, value in contacts)

    def follow(self, record: Frame | TimelineEntry) -> None:
        self._hold(TIMELINE if isinstance(record, TimelineEntry) else FRAMES, record)
        for topic, written in self._chain.feed(record):
            self._hold(topic, written)
            if isinstance(written, Spike) and (self.largest is None or written.excess > self.largest.excess):
                self.largest = written

    def land(self) -> None:
        """Insert what is still held."""
        insert_contacts(self._client, self._settings, self._contacts)
        for table, found in self._rows.items():
            for begin in range(0, len(found), BATCH):
                insert_rows(self._client, self._settings, TABLE[table], found[begin : begin + BATCH])

    def _hold(self, topic: Topic, record: Sequenced) -> None:
        self._version += 1
        for table, row in rows(topic, record, self._version):
            self._rows[table].append(row)


def asked(query: Query, workspace: str, spike: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every panel of every view with what it answered."""
    for view in VIEWS:
        said = answer(
            query, view, Asked(workspace=workspace, span=ALL, spike=spike if view == "spike" else ""), hour_cost=40.0
        )
        panels = said["panels"]
        assert isinstance(panels, dict)
        for panel in panels.values():
            yield view, panel


def main() -> None:
    """Fill a store from a folder and ask everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mapping", type=Path, default=MAPPING)
    options = parser.parse_args()
    mapping = mapping_of(options.mapping)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        settings = StoreSettings(path=place, database="folder")
        migrate(connect(settings))
        line = StoredLine(mapping.workspace, settings)
        line.run(events_of(options.folder, mapping))
        line.land()
        largest = line.largest.spike_id if line.largest is not None else ""
        table = Table("view", "panel", "rows", "empty because")
        filled = total = 0
        for view, panel in asked(from_client(connect(settings)), mapping.workspace.name, largest):
            total += 1
            filled += bool(panel["rows"])
            why = "" if panel["rows"] else str(panel.get("error") or panel["empty"])
            table.add_row(view, panel["title"], str(len(panel["rows"])), why)
        Console(width=200).print(table)
        print(f"{filled} of {total} panels have rows; {line.events:,} events, the largest spike is {largest}")


if __name__ == "__main__":
    main()
