"""Laws of every dashboard: it is what the panels render to, and each of its queries runs with each variable's values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.drawing import ClickHouseQuery
from dashboards.grafana import DASHBOARDS, EVERYWHERE, RULES, SOURCE, as_data, as_json, grafana_sql, main, rendered
from dashboards.grafana_sql import OF_CHANGE
from dashboards.panels import VIEWS
from dashboards.query import Query
from dashboards.rules import rule_file
from dashboards.spike import SPIKE_NOW
from tests.dashboards.story import NOW, START, WORKSPACE

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana"
SINCE, UNTIL = (f"fromUnixTimestamp64Milli({int(at.timestamp() * 1000)})" for at in (START, NOW))
Board = dict[str, Any]
TITLES = {
    "whence-now.json": "Whence: now", "whence-spike.json": "Whence: a spike", "whence-releases.json": "Whence: release impact",
    "whence-campaigns.json": "Whence: campaign and support", "whence-bill.json": "Whence: upstream bill", "whence-pipeline.json": "Whence: pipeline",
}  # fmt: skip


def macros(sql: str) -> str:
    """The plugin's macros as it fills them in."""
    sql = re.sub(r"\$__timeFilter_ms\(([\w.]+)\)", rf"\1 >= {SINCE} AND \1 <= {UNTIL}", sql)
    return sql.replace("$__fromTime_ms", SINCE).replace("$__toTime_ms", UNTIL).replace("$__interval_s", "432")


def expanded(sql: str, values: Mapping[str, str]) -> str:
    """A query as Grafana sends it for these values of its variables."""
    filled = re.sub(
        r"\$\{(\w+):sqlstring\}", lambda found: "'" + values[found[1]].replace("'", "''") + "'", macros(sql)
    )
    assert "$" not in filled
    return filled


def variables(board: Board) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in board["templating"]["list"]}


def queries(board: Board) -> Iterator[tuple[str, str]]:
    for panel in board["panels"]:
        yield from ((panel["title"], target["rawSql"]) for target in panel["targets"])
    for annotation in board["annotations"]["list"]:
        yield annotation["name"], annotation["target"]["rawSql"]
    for name, variable in variables(board).items():
        if variable["type"] == "query":
            yield name, variable["query"]


def choices(board: Board, query: Query) -> list[dict[str, str]]:
    """Every combination of what a reader can choose, as Grafana would list it: the first column is the value."""
    values: dict[str, list[str]] = {}
    for name, one in variables(board).items():
        if one["type"] == "query":
            at = {known: some[0] for known, some in values.items()}
            values[name] = [str(next(iter(row.values()))) for row in query(expanded(one["query"], at), {})]
        else:
            asked = one["query"]
            values[name] = asked.split(",") if one["type"] == "custom" else [asked]
    return [dict(zip(values, some, strict=True)) for some in product(*values.values())]


def defaults(board: Board, **given: str) -> dict[str, str]:
    typed = {"stream": "contacts", "slice": EVERYWHERE, "spike": "sp-login", "change": "app-5.2.0", "hour_cost": "40", "page": "http://page"}  # fmt: skip
    return {"workspace": WORKSPACE, **{name: typed[name] for name in variables(board) if name in typed}, **given}


RENDERED: dict[str, Board] = {name: json.loads(rendered(make())) for name, make in DASHBOARDS.items()}
ALL = [pytest.param(one, sql, id=f"{name}-{title}") for name, one in RENDERED.items() for title, sql in queries(one)]  # fmt: skip


@pytest.mark.parametrize("name", DASHBOARDS)
def test_committed_dashboard_is_what_the_panels_render_to(name: str) -> None:
    assert (FOLDER / "dashboards" / name).read_text(encoding="utf-8") == rendered(DASHBOARDS[name]()), "run `make contracts`"  # fmt: skip


def test_committed_rules_are_what_they_render_to_and_are_yaml_without_variables_of_the_environment() -> None:
    text = (FOLDER / RULES).read_text(encoding="utf-8")
    assert text == as_json(rule_file()), "run `make contracts`"
    assert yaml.safe_load(text) == as_data(rule_file())
    assert "$" not in text


def test_six_dashboards_and_no_other_is_committed() -> None:
    assert {path.name for path in (FOLDER / "dashboards").iterdir()} == set(DASHBOARDS)
    assert {name: one["title"] for name, one in RENDERED.items()} == TITLES


def test_the_tool_writes_every_dashboard_and_the_rules(tmp_path: Path) -> None:
    main(tmp_path)
    assert {path.name for path in (tmp_path / "dashboards").iterdir()} == set(DASHBOARDS)
    assert (tmp_path / RULES).exists()


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_query_runs_with_each_variables_values(name: str, filled: Query) -> None:
    board = RENDERED[name]
    chosen = choices(board, filled)
    assert {one["workspace"] for one in chosen} == {WORKSPACE}
    # Each value of each variable at least once; all combinations would ask the same things again.
    some = [next(one for one in chosen if one[key] == value) for key in chosen[0] for value in sorted({one[key] for one in chosen})]  # fmt: skip
    for _, sql in queries(board):
        for text in sorted({expanded(sql, one) for one in some}):
            filled(text, {})


@pytest.mark.parametrize(("board", "sql"), ALL)
def test_query_gives_rows_on_filled_tables(board: Board, sql: str, filled: Query) -> None:
    change = {"change": "spring-20"} if board["uid"] == "whence-campaigns" else {}
    assert filled(expanded(sql, defaults(board, **change)), {})


@pytest.mark.parametrize(("board", "sql"), ALL)
def test_query_runs_on_empty_tables(board: Board, sql: str, empty: Query) -> None:
    empty(expanded(sql, defaults(board)), {})


@pytest.mark.parametrize(("board", "sql"), ALL)
def test_query_takes_a_name_with_a_quote(board: Board, sql: str, empty: Query) -> None:
    empty(expanded(sql, dict.fromkeys(defaults(board), "it's")), {})


@pytest.mark.parametrize("rule", rule_file()["groups"][0]["rules"], ids=lambda rule: str(rule["uid"]))
def test_rule_asks_for_a_workspace_and_one_number(rule: Board, filled: Query) -> None:
    described = filled(f"DESCRIBE TABLE ({rule['data'][0]['model']['rawSql']})", {})
    assert [str(row["type"]) for row in described] == ["LowCardinality(String)", "Float64"]
    assert rule["annotations"]["__dashboardUid__"] + ".json" in DASHBOARDS


def test_steps_are_whole_buckets(filled: Query) -> None:
    board = RENDERED["whence-now.json"]
    curve = next(sql for title, sql in queries(board) if title.startswith("Contacts and"))
    rows = filled(expanded(curve, defaults(board)), {})
    seconds = {int(row["t"].timestamp()) % 600 for row in rows}  # type: ignore[attr-defined]
    assert seconds == {0}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_ask_our_source_say_what_empty_means_and_have_ids(name: str) -> None:
    panels = RENDERED[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["datasource"] == {"type": SOURCE.type_val, "uid": SOURCE.uid}
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["noValue"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_links_lead_to_dashboards_that_exist_and_name_columns_that_their_panel_has(name: str) -> None:
    for panel in RENDERED[name]["panels"]:
        sql = panel["targets"][0]["rawSql"]
        for rule in panel["fieldConfig"]["overrides"]:
            for link in next((one["value"] for one in rule["properties"] if one["id"] == "links"), ()):
                board = re.match(r"/d/([\w-]+)", link["url"])
                assert link["url"].startswith("${page}/") or f"{board[1] if board else None}.json" in DASHBOARDS
                assert all(f" AS {column}" in sql or column in sql for column in re.findall(r"__data\.fields\.(\w+)", link["url"]))  # fmt: skip
                if link["url"].startswith("${page}"):
                    assert "page" in variables(RENDERED[name])


def test_every_panel_of_the_page_stands_on_a_dashboard_too() -> None:
    titles = {panel["title"] for board in RENDERED.values() for panel in board["panels"]}
    missing = {panel.title for panels in VIEWS.values() for panel in panels} - titles
    assert missing <= {"The spike", "Slices with an expectation", "Releases that brought contacts", "How fresh this is"}


def test_spans_become_the_plugins_macro() -> None:
    assert grafana_sql("WHERE a.t >= {since:DateTime64(3, 'UTC')} AND a.t < {until:DateTime64(3, 'UTC')}") == "WHERE $__timeFilter_ms(a.t)"  # fmt: skip


def test_what_a_dashboard_does_not_know_is_refused() -> None:
    with pytest.raises(KeyError, match="spike"):
        grafana_sql(SPIKE_NOW.sql, OF_CHANGE)


def test_a_curve_and_a_table_are_asked_for_differently() -> None:
    asked = {curve: as_data(ClickHouseQuery("SELECT 1", curve=curve)) for curve in (True, False)}
    assert [(one["format"], one["queryType"]) for one in asked.values()] == [(0, "timeseries"), (1, "table")]
