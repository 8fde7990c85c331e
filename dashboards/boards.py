"""Six dashboards for three audiences: which panels each shows, in which order, and where a click leads."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery as AnnotationBuilder
from grafana_foundation_sdk.builders.dashboard import (
    CustomVariable,
    Dashboard,
    DashboardLink,
    QueryVariable,
    TextBoxVariable,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import AnnotationTarget, DashboardLinkType, VariableModel, VariableRefresh

from dashboards import bill, campaigns, now, pipeline, releases, spike
from dashboards.drawing import SOURCE, ClickHouseQuery, Drawn, aligned, bars, count, curve, stacked, stat, table
from dashboards.grafana_sql import EVERYWHERE, GRAFANA, OF_CHANGE, OF_COST, OF_SLICE, OF_SPIKE, grafana_sql
from dashboards.panel import Panel

PAGE = "http://127.0.0.1:8750"
HOUR_COST = "40"

_HERE = "${workspace:queryparam}"
_TO_SPIKE = (
    "See this spike",
    f"/d/whence-spike?{_HERE}&var-spike=${{__data.fields.spike_id}}&from=${{__data.fields.shown_from.numeric}}&to=${{__data.fields.shown_to.numeric}}",
)
_TO_UNOWNED = ("See this spike", f"/d/whence-spike?{_HERE}&var-spike=${{__data.fields.spike_id}}")
_TO_RELEASE = ("See its impact", f"/d/whence-releases?{_HERE}&var-change=${{__data.fields.key}}")
_TO_PROMOTION = ("See this promotion", f"/d/whence-campaigns?{_HERE}&var-change=${{__data.fields.key}}")
_TO_CHANGE = (
    "See it on Whence's page",
    "${page}/changes?workspace=${workspace:percentencode}#${__data.fields.key}",
)
_TO_PAGE = ("Confirm, reject or take it", "${page}/spikes/${spike:percentencode}?workspace=${workspace:percentencode}")


class _AnnotationSql(AnnotationTarget):
    """What the ClickHouse plugin reads of an annotation: the same as of a panel."""

    def __init__(self, sql: str) -> None:
        super().__init__()
        self._query = ClickHouseQuery(sql)

    def to_json(self) -> dict[str, object]:
        return self._query.to_json()


class _Target(Builder[AnnotationTarget]):
    def __init__(self, sql: str) -> None:
        self._sql = sql

    def build(self) -> AnnotationTarget:
        return _AnnotationSql(self._sql)


def _annotation(name: str, panel: Panel, select: str, colour: str) -> AnnotationBuilder:
    sql = f"SELECT {select} FROM ({grafana_sql(panel.sql, GRAFANA)})"
    return AnnotationBuilder().name(name).datasource(SOURCE).enable(True).icon_color(colour).target(_Target(sql))


def _asked(name: str, label: str, sql: str) -> QueryVariable:
    query = QueryVariable(name).label(label).datasource(SOURCE).query(sql)
    return query.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)


def _workspace() -> QueryVariable:
    return _asked("workspace", "Workspace", "SELECT DISTINCT workspace FROM progress_now ORDER BY workspace")


def _chosen(name: str, label: str, panel: Panel, key: str, text: str) -> QueryVariable:
    """One row of a panel, by its key; the plugin takes the first column as the value and the second as what is shown."""
    sql = grafana_sql(panel.sql, OF_COST | {"hour_cost": "0."})
    return _asked(name, label, f"SELECT {key}, {text} FROM ({sql})")


def _typed(name: str, label: str, value: str) -> TextBoxVariable:
    return TextBoxVariable(name).label(label).default_value(value)


def _board(uid: str, title: str, about: str, *, since: str, variables: Iterable[Builder[VariableModel]], panels: Iterable[Drawn], refresh: str = "1m") -> Dashboard:  # fmt: skip
    board = Dashboard(f"Whence: {title}").uid(f"whence-{uid}").tags(["whence"]).refresh(refresh).time(since, "now")
    board = board.timezone("browser").readonly().description(about)
    board = board.link(
        DashboardLink("Whence")
        .type(DashboardLinkType.DASHBOARDS)
        .tags(["whence"])
        .as_dropdown(True)
        .include_vars(False)
    )
    for variable in (_workspace(), *variables):
        board = board.with_variable(variable)
    spikes = "onset AS time, coalesce(end, $__toTime_ms) AS timeEnd, concat(title, ' ', slice) AS text, kind AS tags"
    changes = "starts_at AS time, concat(kind, ': ', if(title = '', key, title)) AS text, kind AS tags"
    board = board.annotation(_annotation("Spikes", now.SPIKES, spikes, "orange"))
    board = board.annotation(_annotation("Changes", now.CHANGES, changes, "blue"))
    for number, panel in enumerate(panels, start=1):
        board = board.with_panel(panel.id(number))  # type: ignore[attr-defined]
    return board


def now_board() -> Dashboard:
    """For operations: what comes in, what is open, what was changed, who waits, and whether to believe it."""
    slices = f"SELECT if(slice = '', '{EVERYWHERE}', slice) FROM ({now.SLICES.sql.strip()})"
    variables = (
        CustomVariable("stream").label("Stream").values("contacts,low_scores"),
        _asked("slice", "Slice", grafana_sql(slices)),
        _typed("page", "Page", PAGE),
    )
    panels = (
        count(now.SPIKES, OF_SLICE, "Open spikes", "countIf(state = 'open') AS open", span=5),
        count(
            now.SPIKES, OF_SLICE, "Excess contacts of open spikes", "sumIf(excess, state = 'open') AS excess", span=5
        ),
        stat(now.TOTALS, OF_SLICE, "observed", "expected", title="Contacts in this span", span=6),
        count(pipeline.LETTERS, OF_SLICE, "Refused messages", "sum(letters) AS letters", span=4),
        stat(now.FRESHNESS, OF_SLICE, "behind_s", title="Behind the clock", span=4),
        curve(now.VOLUME),
        table(now.SPIKES, hidden=("stream", "final", "sentence"), links={"title": _TO_SPIKE}, height=9),
        table(now.CHANGES, hidden=("spikes", "contacts_low", "contacts_high"), links={"title": _TO_CHANGE}, span=12),
        curve(now.WAITS, span=12, height=8),
    )
    about = "Contacts against expectation, spikes and their causes, what changed today, waits and hand-overs."
    return _board("now", "now", about, since="now-24h", variables=variables, panels=panels, refresh="30s")


def spike_board() -> Dashboard:
    """One spike: what caused it, how sure that is, who is hit, and what it has cost."""
    shown = "concat(formatDateTime(onset, '%F %R'), ' ', if(title = '', if(kind = '', 'not attributed', kind), title), ' ', slice)"
    variables = (
        _chosen("spike", "Spike", now.ALL_SPIKES, "spike_id", shown),
        _typed("hour_cost", "Cost of an hour", HOUR_COST),
        _typed("page", "Page", PAGE),
    )
    panels = (
        table(spike.ATTRIBUTION, OF_SPIKE, hidden=("revision", "as_of", "kind", "key", "title"), links={"sentence": _TO_PAGE, "owner": _TO_PAGE}, height=4),
        stat(spike.SPIKE_NOW, OF_SPIKE, "excess", "excess_low", "excess_high", title="Excess contacts", span=8),
        stat(spike.COST, OF_SPIKE, "contacts", "hours", "cost", "customers", span=16),
        curve(spike.CURVE, OF_SPIKE),
        table(spike.CANDIDATES, OF_SPIKE, hidden=("rank", "key"), links={"title": _TO_CHANGE}),
        table(spike.EVIDENCE, OF_SPIKE, height=10),
        bars(spike.TERMS, OF_SPIKE),
        table(spike.QUOTES, OF_SPIKE, span=12, height=9),
        table(spike.HIT, OF_SPIKE, span=12),
        table(spike.NEAR, OF_SPIKE, links={"title": _TO_CHANGE}, span=12),
        table(spike.REVISIONS, OF_SPIKE, span=12),
        table(spike.PEOPLE, OF_SPIKE, links={"who": _TO_PAGE}, span=12),
    )  # fmt: skip
    about = "One spike: its curve, its candidates with their evidence, words, quotes, who is hit and what it has cost."
    return _board("spike", "a spike", about, since="now-7d", variables=variables, panels=panels)


def releases_board() -> Dashboard:
    """For product teams: what a release brought, against the ones before it."""
    shown = "concat(formatDateTime(starts_at, '%F '), if(title = '', key, concat(key, ' ', title)), if(contacts > 0, concat(' +', toString(round(contacts))), ''))"
    variables = (
        _chosen("change", "Release", releases.RELEASES, "key", shown),
        _typed("hour_cost", "Cost of an hour", HOUR_COST),
        _typed("page", "Page", PAGE),
    )
    panels = (
        stat(releases.RELEASE_SUMMARY, OF_CHANGE, "releases", "costly", "contacts", "hours", span=24),
        aligned(releases.RELEASE_CURVE, OF_CHANGE),
        bars(releases.RELEASE_WORDS, OF_CHANGE),
        curve(releases.ADOPTION, OF_CHANGE, span=12),
        table(releases.RELEASES, OF_CHANGE, hidden=("spikes",), links={"title": _TO_RELEASE}, height=10),
        table(releases.FIXES, OF_CHANGE),
    )
    about = "Every release: contacts against the ones before, words, adoption, fixes. Most cause nothing, and are shown too."
    return _board("releases", "release impact", about, since="now-30d", variables=variables, panels=panels)


def campaigns_board() -> Dashboard:
    """For marketing: do the campaign and support agree?"""
    shown = "concat(formatDateTime(starts_at, '%F '), if(title = '', key, title))"
    variables = (
        _chosen("change", "Promotion", campaigns.PROMOTIONS, "key", shown),
        _typed("hour_cost", "Cost of an hour", HOUR_COST),
    )
    panels = (
        table(campaigns.PROMOTIONS, OF_CHANGE, links={"title": _TO_PROMOTION}),
        table(campaigns.NEXT, OF_CHANGE),
        aligned(campaigns.PROMOTION_CURVE, OF_CHANGE),
        table(campaigns.CLAIMS, OF_CHANGE, span=12),
        table(campaigns.UNAWARE, OF_CHANGE, span=12),
        table(campaigns.EXPOSED, OF_CHANGE, span=12, height=6),
        table(campaigns.SURVEYS, OF_CHANGE, span=12, height=6),
    )
    about = "Planned against actual contacts, whether support was told, what was promised and comes back, the next launches."
    return _board("campaigns", "campaign and support", about, since="now-90d", variables=variables, panels=panels)


def bill_board() -> Dashboard:
    """For leaders: what changes upstream cost, and what keeps coming back."""
    panels = (
        stat(bill.BILL_TOTAL, OF_COST, "contacts", "hours", "cost", "impacts", span=24),
        stacked(bill.BILL_CURVE, OF_COST),
        table(bill.BILL, OF_COST, span=12, height=10),
        table(bill.DEAREST, OF_COST, span=12, height=10),
        table(bill.REPEATS, OF_COST, span=12),
        table(bill.UNOWNED, OF_COST, links={"sentence": _TO_UNOWNED}, span=12),
    )
    about = "Contacts, hours and cost per week by owner and cause, repeat causes, spikes that nobody owns."
    variables = (_typed("hour_cost", "Cost of an hour", HOUR_COST),)
    return _board("bill", "upstream bill", about, since="now-90d", variables=variables, panels=panels, refresh="15m")


def pipeline_board() -> Dashboard:
    """Whether the other dashboards can be believed."""
    panels = (
        stat(now.FRESHNESS, GRAFANA, "judged", "until", "behind_s", span=12),
        stat(pipeline.BUDGET, GRAFANA, "allowed_false", "found", "rejected", "unjudged", span=12),
        table(pipeline.PROGRESS, GRAFANA, span=14),
        table(pipeline.STORED, GRAFANA, span=10),
        curve(pipeline.DELAYS, GRAFANA, span=12),
        curve(pipeline.LATE, GRAFANA, span=12),
        table(pipeline.CHECKS, GRAFANA),
        table(pipeline.LETTERS, GRAFANA, span=10),
        table(pipeline.RECENT_LETTERS, GRAFANA, span=14),
        table(pipeline.CALIBRATION, GRAFANA, span=12),
        table(pipeline.UNDELIVERED, GRAFANA, span=12),
    )
    about = "Lag, watermark, refused messages, late contacts, checks, delays, the false-alarm budget and calibration."
    return _board("pipeline", "pipeline", about, since="now-24h", variables=(), panels=panels, refresh="30s")


BOARDS: dict[str, Callable[[], Dashboard]] = {
    "whence-now.json": now_board,
    "whence-spike.json": spike_board,
    "whence-releases.json": releases_board,
    "whence-campaigns.json": campaigns_board,
    "whence-bill.json": bill_board,
    "whence-pipeline.json": pipeline_board,
}
