"""House taste: how Grafana draws a panel of each shape, and a column of each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders.barchart import Panel as BarChart
from grafana_foundation_sdk.builders.common import ReduceDataOptions
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.timeseries import Panel as Timeseries
from grafana_foundation_sdk.builders.trend import Panel as Trend
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import VizOrientation
from grafana_foundation_sdk.models.dashboard import DataSourceRef, DynamicConfigValue, Threshold, ThresholdsMode
from grafana_foundation_sdk.models.dashboard import Panel as Built

from dashboards.columns import DECIMALS, UNITS, Column
from dashboards.grafana_sql import OF_SLICE, grafana_sql
from dashboards.panel import Panel

PLUGIN = "grafana-clickhouse-datasource"
PLUGIN_VERSION = "4.20.0"
SOURCE = DataSourceRef(type_val=PLUGIN, uid="whence-clickhouse")
COLOURS = {"calm": "green", "look": "yellow", "act": "orange"}
# Okabe and Ito's colours: told apart by the colour-blind too.
BLUE, GREY, HAZE, ORANGE, GREEN = "#0072B2", "#7A828B", "#9DB7C9", "#D55E00", "#009E73"

Drawn = Builder[Built]
Places = Mapping[str, str]


class ClickHouseQuery(Dataquery, Builder[Dataquery]):
    """One query to the official ClickHouse plugin."""

    def __init__(self, sql: str, *, curve: bool = False) -> None:
        self.sql = sql
        self.curve = curve

    def build(self) -> Dataquery:
        return self

    def to_json(self) -> dict[str, object]:
        return {
            "datasource": SOURCE,
            "editorType": "sql",
            "format": 0 if self.curve else 1,
            "pluginVersion": PLUGIN_VERSION,
            "queryType": "timeseries" if self.curve else "table",
            "rawSql": self.sql,
            "refId": "A",
        }


def _how(name: str, **properties: object) -> Callable[[Any], Any]:
    """How one column is drawn, by Grafana's own names of field options."""
    values = [DynamicConfigValue(id_val=key.replace("__", "."), value=value) for key, value in properties.items()]
    return lambda drawn: drawn.override_by_name(name, values)


def _read(column: Column, **more: object) -> Callable[[Any], Any]:
    """A column's heading, unit and decimals, and what else is said of it."""
    said: dict[str, object] = {"displayName": column.label}
    if column.kind in UNITS:
        said["unit"] = UNITS[column.kind]
    if column.kind in DECIMALS:
        said["decimals"] = DECIMALS[column.kind]
    return _how(column.name, **said, **more)


def _with(drawn: Any, steps: Iterable[Callable[[Any], Any]]) -> Any:
    for step in steps:
        drawn = step(drawn)
    return drawn


def _levels(panel: Panel) -> ThresholdsConfig:
    steps = [Threshold(value=one.value, color=COLOURS[one.level]) for one in panel.thresholds]
    first = [Threshold(value=None, color=steps[0].color if steps else "text")]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(first + steps[1:])


def _begun(drawn: Any, panel: Panel, places: Places, *, title: str, span: int, height: int, curve: bool = False) -> Any:
    drawn = drawn.title(title or panel.title).description(panel.empty).datasource(SOURCE).no_value(panel.empty)
    drawn = drawn.with_target(ClickHouseQuery(grafana_sql(panel.sql, places), curve=curve))
    return drawn.thresholds(_levels(panel)).span(span).height(height)


_LINES: dict[str, dict[str, object]] = {
    "observed": {"color": {"mode": "fixed", "fixedColor": BLUE}, "custom__lineWidth": 2},
    "contacts": {"color": {"mode": "fixed", "fixedColor": BLUE}, "custom__lineWidth": 2},
    "expected": {"color": {"mode": "fixed", "fixedColor": GREY}, "custom__lineStyle": {"fill": "dash", "dash": [6, 4]}},
    "usual": {"color": {"mode": "fixed", "fixedColor": GREY}, "custom__lineStyle": {"fill": "dash", "dash": [6, 4]}},
    "previous": {"color": {"mode": "fixed", "fixedColor": ORANGE}},
    "high": {"color": {"mode": "fixed", "fixedColor": HAZE}, "custom__lineWidth": 0, "custom__fillBelowTo": "low", "custom__fillOpacity": 18},
    "low": {"color": {"mode": "fixed", "fixedColor": HAZE}, "custom__lineWidth": 0},
    "gap": {"custom__hideFrom": {"viz": True, "legend": True, "tooltip": True}},
    "handed_over": {"custom__axisPlacement": "right", "max": 1, "color": {"mode": "fixed", "fixedColor": ORANGE}},
}  # fmt: skip
# Grafana finds the line to fill down to by its name, so the band keeps the names of its columns.
_NAMED_AS_IS = ("low", "high")


def curve(panel: Panel, places: Places = OF_SLICE, *, title: str = "", span: int = 24, height: int = 9) -> Drawn:
    """Lines over time; counts come with their expectation and its band."""
    drawn = _begun(Timeseries(), panel, places, title=title, span=span, height=height, curve=True)
    drawn = drawn.max_data_points(200).unit("short").min(0).line_width(1)
    for column in panel.described[1:]:
        more = {"displayName": column.name} if column.name in _NAMED_AS_IS else {}
        step = _how(column.name, **_LINES[column.name]) if more else _read(column, **_LINES.get(column.name, {}))
        drawn = step(drawn)
    return drawn  # type: ignore[no-any-return]


def stacked(panel: Panel, places: Places, *, span: int = 24, height: int = 9) -> Drawn:
    """One bar per time, stacked by the panel's word."""
    drawn = _begun(Timeseries(), panel, places, title="", span=span, height=height, curve=True)
    drawn = drawn.unit("short").decimals(0)
    return _with(drawn, [_how_all(custom__drawStyle="bars", custom__fillOpacity=70, custom__stacking={"mode": "normal", "group": "A"})])  # type: ignore[no-any-return]  # fmt: skip


def _how_all(**properties: object) -> Callable[[Any], Any]:
    values = [DynamicConfigValue(id_val=key.replace("__", "."), value=value) for key, value in properties.items()]
    return lambda drawn: drawn.override_by_regexp(".*", values)


def aligned(panel: Panel, places: Places, *, span: int = 24, height: int = 9) -> Drawn:
    """Lines over the hours since a start."""
    drawn = _begun(Trend(), panel, places, title="", span=span, height=height)
    drawn = drawn.x_field("hour").unit("short").decimals(0).min(0)
    return _with(drawn, [_read(column, **_LINES.get(column.name, {})) for column in panel.described[1:]])  # type: ignore[no-any-return]


def bars(panel: Panel, places: Places, *, span: int = 12, height: int = 9) -> Drawn:
    """One group of bars per word."""
    drawn = _begun(BarChart(), panel, places, title="", span=span, height=height)
    drawn = drawn.x_field(panel.columns[0]).orientation(VizOrientation.HORIZONTAL)
    return _with(drawn, [_read(column) for column in panel.described])  # type: ignore[no-any-return]


def table(panel: Panel, places: Places = OF_SLICE, *, hidden: Sequence[str] = (), links: Mapping[str, tuple[str, str]] | None = None,
          title: str = "", span: int = 24, height: int = 8) -> Drawn:  # fmt: skip
    """Rows as they are, without the columns that only serve links; ``links`` has (title, address) by column."""
    drawn = _begun(Table(), panel, places, title=title, span=span, height=height)
    for column in panel.described:
        more: dict[str, object] = {}
        if column.kind == "id" or column.name in hidden:
            more["custom__hidden"] = True
        if column.kind == "share":
            more |= {"min": 0, "max": 1, "custom__cellOptions": {"type": "gauge", "mode": "basic"}}
        if column.kind == "text":
            more["custom__cellOptions"] = {"type": "auto", "wrapText": True}
        if links and column.name in links:
            said, address = links[column.name]
            more["links"] = [{"title": said, "url": address}]
        drawn = _read(column, **more)(drawn)
    return drawn  # type: ignore[no-any-return]


def stat(
    panel: Panel, places: Places = OF_SLICE, *fields: str, title: str = "", span: int = 6, height: int = 4
) -> Drawn:
    """The panel's one row as numbers: those of ``fields``, in the columns' order."""
    drawn = _begun(Stat(), panel, places, title=title, span=span, height=height)
    chosen = "|".join(fields or panel.columns)
    drawn = drawn.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).fields(f"/^({chosen})$/"))
    return _with(drawn, [_read(column) for column in panel.described if column.name in fields])  # type: ignore[no-any-return]


def count(panel: Panel, places: Places, title: str, select: str, *, span: int = 6) -> Drawn:
    """One number made of a panel's rows; ``select`` is SQL over its columns."""
    drawn = _begun(Stat(), panel, places, title=title, span=span, height=4)
    return drawn.targets([ClickHouseQuery(f"SELECT {select} FROM ({grafana_sql(panel.sql, places)})")]).no_value("0").decimals(0)  # type: ignore[no-any-return]  # fmt: skip
