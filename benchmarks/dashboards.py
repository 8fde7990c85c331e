"""How long the page and every panel take on many stored contacts: ``python -m benchmarks.dashboards --contacts 10000000``.

The store is filled by ClickHouse itself, a year of one workspace in five-minute buckets with its counts, expectations,
spikes, attributions and changes, in a folder that is deleted afterwards (``--keep`` keeps it, ``--folder`` names it).
The median and the slowest of some askings, by the page's own client and parameters: by the wall clock, and as CPU time
of all threads, which a busy machine does not change.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from clickhouse_connect.driver.client import Client
from msgspec import Struct
from playwright.sync_api import Browser
from rich.console import Console
from rich.table import Table

from benchmarks.dashboards_fill import DAYS, WORKSPACE, fill
from dashboards.answers import Asked, answer
from dashboards.page import create_app
from dashboards.panels import VIEWS, WORKSPACES, ViewName
from dashboards.query import Parameters, Query, Row, from_client
from sinks.migrate import migrate
from sinks.store import StoreSettings, connect
from tools.screenshot import READY, Look, browser, chromium, new_page
from whence.serve import HttpPart, listen

PANEL_MS, PAGE_MS = 300.0, 1_000.0
OUT = Console()


class Timed(Struct, frozen=True):
    """One panel's or page's times, in milliseconds."""

    view: str
    name: str
    median_ms: float
    worst_ms: float
    cpu_ms: float
    rows: int


def _timed(view: str, name: str, took: list[tuple[float, float]], rows: int = 0) -> Timed:
    walls, cpus = zip(*took, strict=True)
    return Timed(view, name, statistics.median(walls), max(walls), statistics.median(cpus), rows)


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(began: tuple[float, float]) -> tuple[float, float]:
    """Milliseconds of the wall clock, and of all threads' CPU time."""
    wall, cpu = _clocks()
    return (wall - began[0]) * 1000, (cpu - began[1]) * 1000


class Watch:
    """A query that notes how long each SQL text took and how many rows it gave."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self.times: dict[str, list[tuple[float, float]]] = {}
        self.rows: dict[str, int] = {}

    def __call__(self, sql: str, parameters: Parameters) -> list[Row]:
        began = _clocks()
        rows = list(self._query(sql, parameters))
        self.times.setdefault(sql, []).append(_since(began))
        self.rows[sql] = len(rows)
        return rows


def _asks(spans: tuple[str, ...]) -> Iterator[tuple[ViewName, Asked]]:
    """Every view as a reader opens it, and those with a span over each of them."""
    for view in VIEWS:
        for span in spans if view in ("now", "bill", "pipeline") else spans[:1]:
            yield view, Asked(workspace=WORKSPACE, span=span, spike=f"spike-{DAYS - 3}" if view == "spike" else "")


def measure(client: Client, spans: tuple[str, ...], times: int) -> tuple[list[Timed], list[Timed]]:
    """Pages, and panels, each asked ``times`` times after one to warm up."""
    pages, panels = [], []
    for view, asked in _asks(spans):
        watch, lasted = Watch(from_client(client)), []
        for turn in range(times + 1):
            began = _clocks()
            answer(watch, view, asked, 40.0)
            lasted.append(_since(began))
            if turn == 0:
                watch.times.clear()
                lasted.clear()
        name = f"{view}, {asked.span}" if asked.span else view
        pages.append(_timed(name, "page", lasted))
        known = {panel.sql: panel.id for panel in (*VIEWS[view], WORKSPACES)}
        panels += [
            _timed(name, known.get(sql, "the spike's place"), took, watch.rows[sql])
            for sql, took in watch.times.items()
        ]
    return pages, panels


def loaded(client: Client, times: int) -> list[Timed]:
    """From the address to a page that is drawn, in a real Chromium, of every view; none where there is no Chromium."""
    program = chromium()
    if program is None:
        return []
    opened, stop = listen("127.0.0.1", 0, setting="web"), threading.Event()
    part = HttpPart("web", create_app(from_client(client), list, hour_cost=40.0), opened)
    server = threading.Thread(target=part.run, args=(stop,), daemon=True)
    server.start()
    found = []
    with browser(program) as chrome:
        for view in VIEWS:
            address = part.url + (f"/spikes/spike-{DAYS - 3}" if view == "spike" else f"/{view}")
            took = [_load(chrome, address) for _ in range(times + 1)][1:]
            found.append(_timed(view, "in Chromium", took))
    stop.set()
    server.join(10)
    return found


def _load(chrome: Browser, address: str) -> tuple[float, float]:
    page = new_page(chrome, Look(sharpness=1))
    began = _clocks()
    page.goto(address)
    page.wait_for_selector(READY)
    took = _since(began)
    page.context.close()
    return took


def _shown(title: str, found: list[Timed], limit_ms: float) -> None:
    table = Table("view", "panel", "median ms", "slowest ms", "CPU ms", "rows", title=title)
    for one in sorted(found, key=lambda one: -one.median_ms):
        mark = " !" if one.median_ms > limit_ms else ""
        table.add_row(
            one.view, one.name, f"{one.median_ms:.0f}{mark}", f"{one.worst_ms:.0f}", f"{one.cpu_ms:.0f}", str(one.rows)
        )
    OUT.print(table)
    slowest = max(found, key=lambda one: one.median_ms)
    over = sum(one.median_ms > limit_ms for one in found)
    OUT.print(f"{title}: the slowest is {slowest.name} of {slowest.view} at {slowest.median_ms:.0f} ms, {slowest.cpu_ms:.0f} ms of CPU; {over} of {len(found)} beyond {limit_ms:.0f} ms.")  # fmt: skip


def main() -> None:
    """Fill, ask, and show the slowest first."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboards", description=__doc__)
    parser.add_argument("--contacts", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--spans", default="1d,4w,1y")
    parser.add_argument("--folder", type=Path, help="where the store is; filled if it is not there yet")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="whence-dashboards-") as temporary:
        folder = asked.folder or Path(temporary) / "store"
        there = folder.exists()
        client = connect(StoreSettings(path=str(folder)))
        if not there:
            migrate(client)
            began = time.perf_counter()
            fill(client, asked.contacts)
            OUT.print(f"filled in {time.perf_counter() - began:.0f} s")
        for name in ("contacts", "counts", "expectations"):
            OUT.print(f"{name}: {client.query(f'SELECT count() FROM {name}').result_rows[0][0]:,} rows")
        pages, panels = measure(client, tuple(asked.spans.split(",")), asked.times)
        _shown("Panels", panels, PANEL_MS)
        _shown("Answers of whole pages", pages, PAGE_MS)
        if views := loaded(client, asked.times):
            _shown("Pages in Chromium", views, PAGE_MS)
        client.close()


if __name__ == "__main__":
    main()
