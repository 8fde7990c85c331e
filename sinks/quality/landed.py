"""What landed in a window, and what landed before it: read from the store's views."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from clickhouse_connect.driver.client import Client
from msgspec import Struct

from schemas.workspace import Workspace
from sinks.quality import questions
from sinks.quality.settings import QualitySettings

WEEK_S = 604_800
Row = dict[str, Any]


class Window(Struct, frozen=True, kw_only=True):
    """A window of event time of one workspace, with the time of its history."""

    workspace: Workspace
    start: datetime
    end: datetime
    history_start: datetime

    @property
    def length_s(self) -> float:
        return (self.end - self.start).total_seconds()


class Landed(Struct, frozen=True, kw_only=True):
    """Rows by frame (a table, or ``contacts.volume`` and the like), and what was usual before.

    ``volumes``: contacts in the same hours of earlier weeks (or, in a young workspace, days). ``missing``: share of
    contacts without a value, by dimension. ``seen``: values by dimension. ``languages``: contacts by language.
    ``repeats``: share of contacts whose text the same customer had sent before. ``length``: median length of a text.
    """

    frames: dict[str, list[Row]]
    volumes: tuple[int, ...] = ()
    missing: dict[str, float] = {}
    seen: dict[str, tuple[str, ...]] = {}
    languages: dict[str, int] = {}
    repeats: float | None = None
    length: float | None = None


def window_of(workspace: Workspace, now: datetime, settings: QualitySettings) -> Window:
    """The newest whole window that was closed at ``now``: of so many buckets, ending with one."""
    bucket = timedelta(seconds=workspace.bucket_s)
    end = now - timedelta(seconds=now.timestamp() % workspace.bucket_s)
    start = end - settings.buckets * bucket
    return Window(
        workspace=workspace,
        start=start,
        end=end,
        history_start=start - timedelta(days=settings.history_days),
    )


def read(client: Client, window: Window, settings: QualitySettings) -> Landed:
    """Everything that the suites look at."""
    ask = _Asking(client, window, settings)
    frames = {name: ask.rows(query) for name, query in questions.FRAMES.items()}
    contacts, missing, seen = _dimensions(ask)
    usual = ask.rows(questions.USUAL)[0]
    languages = {row["language"]: row["total"] for row in ask.rows(questions.LANGUAGES)}
    enough = usual["texts"] >= 200
    return Landed(
        frames=frames,
        volumes=_volumes(ask, contacts),
        missing=missing,
        seen=seen,
        languages=languages if sum(languages.values()) >= 200 else {},
        repeats=usual["repeats"] if enough else None,
        length=usual["length"] if enough else None,
    )


class _Asking:
    """One client, and the parameters that every question has."""

    def __init__(self, client: Client, window: Window, settings: QualitySettings) -> None:
        self.client = client
        self.window = window
        self.settings = settings
        self.parameters = {
            "workspace": window.workspace.name,
            "start": window.start,
            "end": window.end,
            "history": window.history_start,
            "rows": settings.rows,
        }

    def rows(self, query: str, **more: object) -> list[Row]:
        """The answer to a question, by column name."""
        return list(self.client.query(query, parameters={**self.parameters, **more}).named_results())


def _volumes(ask: _Asking, contacts: int) -> tuple[int, ...]:
    """Contacts in the same hours of earlier weeks, or where these are too few, of earlier days; a period without a
    single contact in the day around it (before the beginning, an outage of our own) says nothing."""
    if contacts == 0:
        return ()
    weeks = ask.rows(questions.VOLUMES, period=WEEK_S, most=ask.settings.weeks)
    found = weeks if len(weeks) >= 3 else ask.rows(questions.VOLUMES, period=86_400, most=7)
    return tuple(row["total"] for row in found)


def _dimensions(ask: _Asking) -> tuple[int, dict[str, float], dict[str, tuple[str, ...]]]:
    """Contacts in the history, the share without a value, and the values seen, by watched dimension."""
    watched: tuple[str, ...] = ask.window.workspace.dimensions
    (row,) = ask.rows(questions.counted(watched))
    (raw,) = ask.rows(questions.seen(watched))
    total = int(row["total"])
    if total < 100:
        return total, {}, {}
    seen = {name: tuple(sorted({*row[f"seen_{name}"], *raw[f"seen_{name}"]} - {""})) for name in watched}
    return total, {name: row[f"without_{name}"] / total for name in watched}, seen


def only(rows: Sequence[Row], name: str) -> list[Any]:
    """The values of a column that are there."""
    return [row[name] for row in rows if row[name] is not None]
