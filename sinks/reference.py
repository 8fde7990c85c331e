"""The tables and views in words, rendered from the catalogue into ``docs/tables.md``.

``python -m sinks.reference docs/tables.md`` writes it; a test compares what is committed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sinks.columns import Column
from sinks.tables import TABLES, VIEWS

_HEAD = """# Tables and views

Rendered from `sinks/tables.py`. Read only the views: `*_now` shows one row per thing as it is now, `*_all` every event
or revision once. Filter large ones by `workspace` and time, which lead their keys. Times are UTC with milliseconds.
"""


def render() -> str:
    """The page."""
    views = "\n".join(f"| `{view.name}` | {view.purpose} |" for view in VIEWS)
    tables = "\n".join(
        f"\n## `{table.name}`\n\n{table.purpose} Replaced by `({', '.join(table.key)})`; "
        f"kept as `retention.{table.kept}` says.\n\n{_columns(table.columns)}"
        for table in TABLES
    )
    return f"{_HEAD}\n| view | shows |\n|---|---|\n{views}\n{tables}\n"


def _columns(columns: tuple[Column, ...]) -> str:
    rows = "\n".join(f"| `{column.name}` | `{column.type}` |" for column in columns)
    return f"| column | type |\n|---|---|\n{rows}"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
