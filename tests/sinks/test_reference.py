"""The page about tables is what the catalogue says."""

from __future__ import annotations

from pathlib import Path

from sinks.reference import render
from sinks.tables import TABLES, VIEWS

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run: python -m sinks.reference docs/tables.md"


def test_the_page_names_every_table_view_and_column() -> None:
    page = render()
    for one in (*TABLES, *VIEWS):
        assert f"`{one.name}`" in page
        assert all(f"`{column.name}`" in page for column in one.columns)
