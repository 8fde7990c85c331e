from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboards.grafana import DASHBOARDS, EVERYWHERE, SOURCE, grafana_sql, main, rendered
from dashboards.query import Query
from dashboards.spike import SPIKE_NOW
from tests.dashboards.story import NOW, START, WORKSPACE

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards"
SLICES = (EVERYWHERE, "platform=android")


def _millis(sql: str) -> str:
    """Grafana's macros and variables as the plugin and Grafana fill them in."""
    since, until = (f"fromUnixTimestamp64Milli({int(at.timestamp() * 1000)})" for at in (START, NOW))
    return sql.replace("$__fromTime_ms", since).replace("$__toTime_ms", until).replace("$__interval_s", "432")


def expanded(sql: str, *, workspace: str = WORKSPACE, stream: str = "contacts", slice_: str = EVERYWHERE) -> str:
    values = {"workspace": workspace, "stream": stream, "slice": slice_}
    filled = re.sub(
        r"\$\{(\w+):sqlstring\}", lambda found: "'" + values[found[1]].replace("'", "''") + "'", _millis(sql)
    )
    assert "$" not in filled
    return filled


def queries(dashboard: Any) -> Iterator[tuple[str, str]]:
    for panel in dashboard["panels"]:
        yield from ((panel["title"], target["rawSql"]) for target in panel["targets"])
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["name"], annotation["target"]["rawSql"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]


RENDERED = {name: json.loads(rendered(make())) for name, make in DASHBOARDS.items()}
ALL = [pytest.param(sql, id=f"{name}-{title}") for name, one in RENDERED.items() for title, sql in queries(one)]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_committed_dashboard_is_what_the_panels_render_to(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == rendered(DASHBOARDS[name]()), "run `make contracts`"


def test_no_other_dashboard_is_committed() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(DASHBOARDS)


def test_the_tool_writes_every_dashboard(tmp_path: Path) -> None:
    main(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(DASHBOARDS)


@pytest.mark.parametrize("slice_", SLICES)
@pytest.mark.parametrize("sql", ALL)
def test_query_runs_on_filled_tables(sql: str, slice_: str, filled: Query) -> None:
    assert filled(expanded(sql, slice_=slice_), {})


@pytest.mark.parametrize("stream", ["contacts", "low_scores"])
@pytest.mark.parametrize("sql", ALL)
def test_query_runs_on_empty_tables(sql: str, stream: str, empty: Query) -> None:
    empty(expanded(sql, stream=stream), {})


@pytest.mark.parametrize("sql", ALL)
def test_query_takes_a_name_with_a_quote(sql: str, filled: Query) -> None:
    filled(expanded(sql, workspace="it's"), {})


def test_steps_are_whole_buckets(filled: Query) -> None:
    curve = next(sql for title, sql in queries(RENDERED["whence-now.json"]) if title.startswith("Contacts and"))
    rows = filled(expanded(curve), {})
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


def test_what_a_dashboard_does_not_know_is_refused() -> None:
    with pytest.raises(KeyError, match="spike"):
        grafana_sql(SPIKE_NOW.sql)
