"""Laws of every column of every panel: it is catalogued, and the store gives the type that its kind promises."""

from __future__ import annotations

import re

import pytest

from dashboards.columns import COLUMN, DECIMALS, TYPES, UNITS, _declared
from dashboards.panel import Panel
from dashboards.panels import VIEWS, WORKSPACES
from dashboards.query import Query
from tests.dashboards.test_panels import PANELS, asked


def plain(kind: str) -> str:
    """A type without the wrappings that do not change what a reader sees."""
    found = re.fullmatch(r"(?:LowCardinality|Nullable)\((.*)\)", kind)
    return plain(found[1]) if found else kind


def described(panel: Panel, query: Query) -> dict[str, str]:
    rows = query(f"DESCRIBE TABLE ({panel.sql})", asked())
    return {str(row["name"]): plain(str(row["type"]).replace("\\'", "'")) for row in rows}


@pytest.mark.parametrize("panel", PANELS)
def test_columns_come_in_the_stated_order_with_the_types_of_their_kinds(panel: Panel, empty: Query) -> None:
    found = described(panel, empty)
    assert tuple(found) == panel.columns
    wrong = {one.name: found[one.name] for one in panel.described if found[one.name] not in TYPES[one.kind]}
    assert wrong == {}


def test_every_catalogued_column_is_shown_somewhere() -> None:
    shown = {name for panels in VIEWS.values() for panel in panels for name in panel.columns}
    assert set(COLUMN) == shown | set(WORKSPACES.columns)


def test_units_and_decimals_are_of_known_kinds() -> None:
    assert set(UNITS) | set(DECIMALS) <= set(TYPES)


def test_a_misspelt_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="column t is of kind 'tme'; allowed is one of id, text"):
        _declared("t  Time  tme")


def test_every_curve_has_a_time_and_every_aligned_curve_an_hour() -> None:
    for panels in VIEWS.values():
        for panel in panels:
            assert (panel.shape == "curve") == (panel.columns[0] == "t"), panel.id
            assert (panel.shape == "aligned") == (panel.columns[0] == "hour"), panel.id
