"""The same panels as Grafana dashboards, rendered to sorted JSON: ``python -m dashboards.grafana deploy/grafana/dashboards``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery as AnnotationBuilder
from grafana_foundation_sdk.builders.dashboard import CustomVariable, Dashboard, QueryVariable, ThresholdsConfig
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.timeseries import Panel as Timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import (
    AnnotationTarget,
    DataSourceRef,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

from dashboards import now, pipeline
from dashboards.panel import PARAMETERS, Panel

PLUGIN = "grafana-clickhouse-datasource"
PLUGIN_VERSION = "4.20.0"
SOURCE = DataSourceRef(type_val=PLUGIN, uid="whence-clickhouse")
EVERYWHERE = "everywhere"
COLOURS = {"calm": "green", "look": "yellow", "act": "orange"}

# A step is a whole number of buckets, so that no bucket is counted half here and half there.
_BUCKET_S = "(SELECT greatest(1, max(bucket_s)) FROM judged_now WHERE workspace = ${workspace:sqlstring})"
GRAFANA = {
    "workspace": "${workspace:sqlstring}",
    "stream": "${stream:sqlstring}",
    "slice": f"if(${{slice:sqlstring}} = '{EVERYWHERE}', '', ${{slice:sqlstring}})",
    "since": "$__fromTime_ms",
    "until": "$__toTime_ms",
    "step": f"toUInt32(ceil($__interval_s / {_BUCKET_S}) * {_BUCKET_S})",
}


def grafana_sql(sql: str) -> str:
    """A panel's SQL with Grafana's variables and macros in the places of its parameters.

    Raises:
        KeyError: the panel asks for something that a dashboard does not know, such as one spike.
    """
    named = re.compile("|".join(re.escape(f"{{{name}:{kind}}}") for name, kind in PARAMETERS.items()))
    return named.sub(lambda found: GRAFANA[found[0][1:].split(":", 1)[0]], sql).strip()


class ClickHouseQuery(Dataquery, Builder[Dataquery]):
    """One query to the official ClickHouse plugin."""

    def __init__(self, sql: str, *, curve: bool = False) -> None:
        self.sql = grafana_sql(sql)
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


class _AnnotationSql(AnnotationTarget):
    """What the ClickHouse plugin reads of an annotation: the same as of a panel."""

    def __init__(self, sql: str) -> None:
        super().__init__()
        self._query = ClickHouseQuery(sql)

    def to_json(self) -> dict[str, object]:
        return self._query.to_json()


def _drawn(name: str, **properties: object) -> Callable[[Any], Any]:
    """How one column is drawn, by Grafana's own names of field options."""
    values = [DynamicConfigValue(id_val=key.replace("__", "."), value=value) for key, value in properties.items()]
    return lambda panel: panel.override_by_name(name, values)


def _levels(panel: Panel) -> ThresholdsConfig:
    steps = [Threshold(value=one.value, color=COLOURS[one.level]) for one in panel.thresholds]
    first = [Threshold(value=None, color=steps[0].color if steps else "text")]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(first + steps[1:])


def curve(panel: Panel, *, height: int = 9) -> Timeseries:
    """Counts against their expectation and its band."""
    drawn = Timeseries().title(panel.title).description(panel.empty).datasource(SOURCE).no_value(panel.empty)
    drawn = drawn.with_target(ClickHouseQuery(panel.sql, curve=True)).height(height).span(24)
    drawn = drawn.max_data_points(200).unit("short").min(0).line_width(1)
    for one in (
        _drawn("observed", color={"mode": "fixed", "fixedColor": "#0072B2"}, custom__lineWidth=2),
        _drawn("expected", color={"mode": "fixed", "fixedColor": "#7A828B"}, custom__lineStyle={"fill": "dash", "dash": [6, 4]}),
        _drawn("high", color={"mode": "fixed", "fixedColor": "#9DB7C9"}, custom__lineWidth=0, custom__fillBelowTo="low", custom__fillOpacity=18),
        _drawn("low", color={"mode": "fixed", "fixedColor": "#9DB7C9"}, custom__lineWidth=0),
        _drawn("gap", custom__hideFrom={"viz": True, "legend": True, "tooltip": True}),
    ):  # fmt: skip
        drawn = one(drawn)
    return drawn


def table(panel: Panel, *hidden: str, span: int = 24, height: int = 8) -> Table:
    """Rows as they are, without the columns that only serve links and joins."""
    drawn = Table().title(panel.title).description(panel.empty).datasource(SOURCE).no_value(panel.empty)
    drawn = drawn.with_target(ClickHouseQuery(panel.sql)).height(height).span(span).thresholds(_levels(panel))
    for name in hidden:
        drawn = _drawn(name, custom__hidden=True)(drawn)
    if "probability" in panel.columns:
        share = {"type": "gauge", "mode": "basic"}
        drawn = _drawn("probability", unit="percentunit", min=0, max=1, custom__cellOptions=share)(drawn)
    for name in panel.columns:
        if name.startswith(("excess", "contacts")):
            drawn = _drawn(name, decimals=0)(drawn)
    return drawn


def stat(panel: Panel, title: str, select: str, *, span: int = 6) -> Stat:
    """One number made of a panel's rows; ``select`` is SQL over its columns."""
    drawn = Stat().title(title).description(panel.empty).datasource(SOURCE).no_value("0").height(4).span(span)
    sql = f"SELECT {select} FROM ({panel.sql.strip()})"
    return drawn.with_target(ClickHouseQuery(sql)).thresholds(_levels(panel)).decimals(0)


def _annotation(name: str, panel: Panel, select: str, colour: str) -> AnnotationBuilder:
    sql = f"SELECT {select} FROM ({panel.sql.strip()})"
    return AnnotationBuilder().name(name).datasource(SOURCE).enable(True).icon_color(colour).target(_target(sql))


class _target(Builder[AnnotationTarget]):  # noqa: N801 - reads as the function it is
    def __init__(self, sql: str) -> None:
        self._sql = sql

    def build(self) -> AnnotationTarget:
        return _AnnotationSql(self._sql)


def _variables(dashboard: Dashboard) -> Dashboard:
    workspaces = "SELECT DISTINCT workspace FROM progress_now ORDER BY workspace"
    slices = f"SELECT if(slice = '', '{EVERYWHERE}', slice) FROM ({now.SLICES.sql.strip()})"
    return (
        dashboard.with_variable(_query_variable("workspace", "Workspace", workspaces))
        .with_variable(CustomVariable("stream").label("Stream").values("contacts,low_scores"))
        .with_variable(_query_variable("slice", "Slice", grafana_sql(slices)))
    )


def _query_variable(name: str, label: str, sql: str) -> QueryVariable:
    query = QueryVariable(name).label(label).datasource(SOURCE).query(sql)
    return query.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)


def now_dashboard() -> Dashboard:
    """*Now*, for operations: what comes in, what is open, what was changed, and whether to believe it."""
    dashboard = Dashboard("Whence: now").uid("whence-now").tags(["whence"]).refresh("30s").time("now-24h", "now")
    dashboard = (
        dashboard.timezone("browser").readonly().description("Contacts against expectation, spikes and their causes.")
    )
    dashboard = _variables(dashboard)
    spikes = "onset AS time, coalesce(end, $__toTime_ms) AS timeEnd, concat(title, ' ', slice) AS text, kind AS tags"
    changes = "starts_at AS time, concat(kind, ': ', if(title = '', key, title)) AS text, kind AS tags"
    dashboard = dashboard.annotation(_annotation("Spikes", now.SPIKES, spikes, "orange"))
    dashboard = dashboard.annotation(_annotation("Changes", now.CHANGES, changes, "blue"))
    panels: tuple[Stat | Timeseries | Table, ...] = (
        stat(now.SPIKES, "Open spikes", "countIf(state = 'open') AS open"),
        stat(now.SPIKES, "Excess contacts of open spikes", "sumIf(excess, state = 'open') AS excess"),
        stat(now.TOTALS, "Contacts in this span", "observed"),
        stat(pipeline.LETTERS, "Refused messages", "sum(letters) AS letters"),
        curve(now.VOLUME),
        table(now.SPIKES, "spike_id", "stream", "key", "final"),
        table(now.CHANGES, "key", "spikes", "contacts_low", "contacts_high", span=12),
        table(pipeline.PROGRESS, span=12),
    )
    for number, panel in enumerate(panels, start=1):
        dashboard = dashboard.with_panel(panel.id(number))
    return dashboard


DASHBOARDS = {"whence-now.json": now_dashboard}


def rendered(dashboard: Dashboard) -> str:
    """A dashboard as sorted JSON, the same for the same panels."""
    return json.dumps(dashboard.build(), cls=JSONEncoder, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def main(folder: Path) -> None:
    """Write every dashboard into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in DASHBOARDS.items():
        (folder / name).write_text(rendered(make()), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
