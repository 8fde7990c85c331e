"""Answers to the page: a view's panels, run over one stretch of story time, as plain JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import structlog
from msgspec import Struct

from dashboards.panel import Panel, needed
from dashboards.panels import CHOICES, VIEWS, WORKSPACES, ViewName
from dashboards.query import Query, Row
from dashboards.spans import ALL, SPANS, Stretch, around, default_span, stretch
from dashboards.spike import SPIKE_NOW
from schemas.errors import WhenceError
from schemas.slices import parse_slice

log = structlog.get_logger()


class Asked(Struct, frozen=True, kw_only=True):
    """What the address asks for; empty means the default."""

    workspace: str = ""
    span: str = ""
    stream: str = ""
    slice: str = ""
    spike: str = ""
    change: str = ""


class StoreAway(Exception):
    """The store does not answer; its text is for a person."""


class _Place(Struct, frozen=True, kw_only=True):
    """One workspace and how far it is, in story time."""

    workspace: str
    first: datetime
    now: datetime
    bucket_s: int
    streams: tuple[str, ...]


def answer(
    query: Query,
    view: ViewName,
    asked: Asked,
    hour_cost: float = 0.0,
    progress: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """Everything that a view shows, in JSON values; times are epoch milliseconds.

    Args:
        query: Reaches the store.
        view: Which one.
        asked: What the address says.
        hour_cost: What an hour of handling costs, in the reader's own currency; 0 where nobody has said.
        progress: Whose time is the ``clock``'s and whose the ``input``'s, by workspace, where that is known.

    Raises:
        StoreAway: nothing could be asked at all.
    """
    places = _places(query)
    place = _chosen(places, asked.workspace)
    frame: dict[str, object] = {"workspaces": [{"workspace": one.workspace, "now": _plain(one.now)} for one in places]}
    if place is None:
        return frame | _nowhere(view)
    span = asked.span if asked.span in SPANS or asked.span == ALL else default_span(place.bucket_s)
    spike = (
        _first_row(query, SPIKE_NOW, {"workspace": place.workspace, "spike": asked.spike}) if view == "spike" else None
    )
    shown = _stretch(place, span, spike)
    parameters = {**_parameters(place, shown, asked, spike), "hour_cost": hour_cost, "change": asked.change}
    answers: dict[str, object] = {}
    if view in CHOICES:
        listed = panel_answer(query, CHOICES[view], parameters)
        answers[CHOICES[view].id] = listed
        parameters["change"] = asked.change or _telling(cast("list[Row]", listed["rows"]))
    return frame | {
        "workspace": place.workspace,
        "progress": (progress or {}).get(place.workspace, ""),
        "now": _plain(place.now),
        "first": _plain(place.first),
        "since": _plain(shown.since),
        "until": _plain(shown.until),
        "step_s": shown.step_s,
        "bucket_s": place.bucket_s,
        "span": span,
        "slice": asked.slice,
        "stream": parameters["stream"],
        "streams": list(place.streams),
        "change": parameters["change"],
        "panels": {panel.id: answers.get(panel.id) or panel_answer(query, panel, parameters) for panel in VIEWS[view]},
    }


def _telling(rows: Sequence[Row]) -> str:
    """The change to show at first: the one with the most contacts, or where none has any, the latest."""
    dearest = max(rows, key=lambda row: float(str(row["contacts"] or 0)), default=None)
    return "" if dearest is None else str(dearest["key"])


def panel_answer(query: Query, panel: Panel, parameters: Mapping[str, object]) -> dict[str, object]:
    """One panel with its rows, or with the reason why it has none; a panel that fails fails alone."""
    said = _described(panel)
    try:
        rows = query(panel.sql, needed(panel, parameters))
    except Exception as error:
        log.warning("panel_failed", panel=panel.id, error=str(error))
        return {**said, "rows": [], "error": f"This could not be read from the store: {reason(error)}"}
    return {**said, "rows": [{name: _plain(row[name]) for name in panel.columns} for row in rows]}


def _described(panel: Panel) -> dict[str, object]:
    columns = [{"name": one.name, "label": one.label, "kind": one.kind} for one in panel.described]
    return {"id": panel.id, "title": panel.title, "unit": panel.unit, "empty": panel.empty, "columns": columns}


def reason(error: Exception) -> str:
    """The first line of an error, short enough for a page."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line if len(line) <= 300 else f"{line[:299]}…"


def _places(query: Query) -> list[_Place]:
    try:
        rows = query(WORKSPACES.sql, {})
    except Exception as error:
        log.warning("store_away", error=str(error))
        said = "" if isinstance(error, WhenceError) else "ClickHouse does not answer: "
        raise StoreAway(f"{said}{reason(error).rstrip('.')}. Trying again.") from error
    return [
        _Place(workspace=str(row["workspace"]), first=_moment(row["first"]), now=_moment(row["now"]), bucket_s=int(str(row["bucket_s"])),
            streams=tuple(cast("list[str]", row["streams"])))
        for row in rows
    ]  # fmt: skip


def _chosen(places: Sequence[_Place], workspace: str) -> _Place | None:
    return next((one for one in places if one.workspace == workspace), places[0] if places else None)


def _nowhere(view: ViewName) -> dict[str, object]:
    panels = {panel.id: {**_described(panel), "rows": []} for panel in VIEWS[view]}
    nothing = dict.fromkeys(("workspace", "now", "first", "since", "until", "step_s", "bucket_s", "span"))
    return {**nothing, "progress": "", "slice": "", "stream": "contacts", "streams": [], "change": "", "panels": panels}


def _first_row(query: Query, panel: Panel, parameters: Mapping[str, object]) -> Row | None:
    try:
        return next(iter(query(panel.sql, parameters)), None)
    except Exception as error:
        log.warning("panel_failed", panel=panel.id, error=str(error))
        return None


def _stretch(place: _Place, span: str, spike: Row | None) -> Stretch:
    if spike is None:
        return stretch(place.first, place.now, span, place.bucket_s)
    end = place.now if spike["end"] is None else _moment(spike["end"])
    return around(_moment(spike["onset"]), end, first=place.first, now=place.now, bucket_s=int(str(spike["bucket_s"])))


def _parameters(place: _Place, shown: Stretch, asked: Asked, spike: Row | None) -> dict[str, object]:
    slice_ = asked.slice if spike is None else str(spike["slice"])
    pairs = parse_slice(slice_) if all("=" in pair for pair in slice_.split(", ")) else {}
    return {
        "workspace": place.workspace,
        "stream": asked.stream or "contacts" if spike is None else str(spike["stream"]),
        "slice": slice_,
        "spike": asked.spike,
        "since": _asked_time(shown.since),
        "until": _asked_time(shown.until),
        "step": shown.step_s,
        "names": list(pairs),
        "values": list(pairs.values()),
    }


def _asked_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def _moment(value: object) -> datetime:
    """ClickHouse's times come without a zone and are UTC."""
    if not isinstance(value, datetime):
        raise TypeError(f"{value!r} is not a time")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return round(_moment(value).timestamp() * 1000)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
