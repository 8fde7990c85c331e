"""Laws of every panel: its query runs on filled and empty tables, gives what it says, and reads only views."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from dashboards.panel import PARAMETERS, Panel
from dashboards.panels import VIEWS, WORKSPACES
from dashboards.query import Query
from sinks.tables import VIEW
from tests.dashboards.story import NOW, WORKSPACE

PANELS = [pytest.param(panel, id=f"{view}-{panel.id}") for view, panels in VIEWS.items() for panel in panels]

PANELS.append(pytest.param(WORKSPACES, id="workspaces"))
CHANGE_OF = dict.fromkeys(("promotion_curve", "claims", "unaware", "exposed", "surveys"), "spring-20")


def asked(workspace: str = WORKSPACE, slice_: str = "", spike: str = "sp-login") -> dict[str, object]:
    """Parameters as the page gives them."""
    return {
        "workspace": workspace, "stream": "contacts", "slice": slice_, "spike": spike, "step": 600,
        "change": "app-5.2.0", "hour_cost": 40.0, "since": f"{NOW - timedelta(days=7):%Y-%m-%d %H:%M:%S}", "until": f"{NOW:%Y-%m-%d %H:%M:%S}",
        "names": ["platform"] if slice_ else [], "values": ["ios"] if slice_ else [],
    }  # fmt: skip


@pytest.mark.parametrize("panel", PANELS)
def test_query_gives_rows_of_the_stated_columns(panel: Panel, filled: Query) -> None:
    rows = filled(panel.sql, asked() | {"change": CHANGE_OF.get(panel.id, "app-5.2.0")})
    assert rows
    assert tuple(rows[0]) == panel.columns


@pytest.mark.parametrize("panel", PANELS)
def test_query_runs_on_empty_tables(panel: Panel, empty: Query) -> None:
    rows = list(empty(panel.sql, asked()))
    assert rows == [] or panel.id == "stored"


@pytest.mark.parametrize("panel", PANELS)
def test_other_workspaces_stay_unseen(panel: Panel, filled: Query) -> None:
    if panel.id in ("workspaces", "stored"):
        pytest.skip("of all workspaces, or a row of noughts")
    rows = filled(panel.sql, asked(workspace="somebody else"))
    assert [row for row in rows if panel.id not in ("letters", "recent_letters")] == []


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("value", ["it's a\"b\\", "'; DROP TABLE spikes --\n\t{workspace:String} платформа=ios"])
def test_what_is_asked_for_is_data_not_sql(panel: Panel, value: str, filled: Query) -> None:
    filled(panel.sql, asked(workspace=value, slice_=value, spike=value))


@pytest.mark.parametrize("panel", PANELS)
def test_query_reads_only_catalogued_views(panel: Panel) -> None:
    read = set(re.findall(r"\b(?:FROM|(?<!ARRAY )JOIN)\s+([a-z_]+)", panel.sql))
    assert read
    assert read <= set(VIEW)


@pytest.mark.parametrize("panel", PANELS)
def test_panel_says_what_it_is(panel: Panel) -> None:
    assert panel.title
    assert panel.empty.endswith(".")
    assert panel.parameters <= set(PARAMETERS)


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_shows_two_panels_of_one_id(view: str) -> None:
    ids = [panel.id for panel in VIEWS[view]]  # type: ignore[index]
    assert len(ids) == len(set(ids))


def _panel(view: str, name: str) -> Panel:
    return next(panel for panel in VIEWS[view] if panel.id == name)  # type: ignore[index]


def test_volume_adds_up_to_what_was_counted_and_doubles_are_not_shown(filled: Query) -> None:
    rows = filled(_panel("now", "volume").sql, asked())
    counted = filled("SELECT sum(contacts) AS n FROM counts_now", {})
    assert sum(int(str(row["observed"])) for row in rows) == counted[0]["n"]


def test_band_of_a_step_lies_between_expectation_and_the_sum_of_its_buckets(filled: Query) -> None:
    one = filled(_panel("now", "volume").sql, asked() | {"step": 300})
    two = filled(_panel("now", "volume").sql, asked() | {"step": 3600})
    wide = float(str(two[20]["high"])) - float(str(two[20]["expected"]))
    assert 0 < wide < sum(float(str(row["high"])) - float(str(row["expected"])) for row in one[20 * 12 : 21 * 12])


def test_curve_counts_only_the_leaves_inside_the_spikes_slice(filled: Query) -> None:
    inside = filled(_panel("spike", "curve").sql, asked(slice_="platform=ios"))
    counted = filled("SELECT sum(contacts) AS n FROM counts_now WHERE platform = 'ios'", {})
    assert sum(int(str(row["observed"])) for row in inside) == counted[0]["n"]
    assert {row["expected"] for row in inside} == {None}


def test_curve_has_the_expectation_where_the_slice_has_one(filled: Query) -> None:
    parameters = asked() | {"slice": "platform=android", "names": ["platform"], "values": ["android"]}
    assert all(row["expected"] is not None for row in filled(_panel("spike", "curve").sql, parameters))


def test_open_spikes_come_first_with_their_cause(filled: Query) -> None:
    rows = filled(_panel("now", "spikes").sql, asked())
    assert [row["spike_id"] for row in rows] == ["sp-login", "sp-sale", "sp-none", "sp-twice"]
    assert (rows[0]["kind"], rows[0]["key"], rows[0]["probability"]) == ("release", "app-5.2.0", 0.97)


def test_a_change_that_cost_nothing_is_listed_without_contacts(filled: Query) -> None:
    rows = filled(_panel("changes", "changes").sql, asked())
    cost = {str(row["key"]): row["contacts"] for row in rows}
    assert cost["returns-30"] is None
    assert cost["app-5.2.0"] == 231
