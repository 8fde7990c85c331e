"""Every table and view of the store, once: the migrations, the writer and the dashboards all follow this.

Read only the views. ``*_now`` shows one row per thing as it is now, ``*_all`` every event or revision once; the
tables beneath may hold a row twice until ClickHouse has merged it away. Times are UTC with milliseconds; filter the
views of large tables by time and workspace, which lead their keys. What producers sent is never here, only what
admit has redacted.
"""

from __future__ import annotations

from sinks.columns import Column, Table, View
from sinks.decided import (
    ALERTS,
    ATTRIBUTIONS,
    CANDIDATES,
    DELIVERIES,
    EXPECTATIONS,
    IMPACTS,
    JUDGED,
    QUALITY,
    SPIKES,
)  # fmt: skip
from sinks.declare import DIMENSIONS
from sinks.landed import CHANGES, CONTACTS, COUNTS, DEAD_LETTERS, FEEDBACK, FRAMES, HUNCHES, POPULATIONS, PROGRESS

# In the order in which a batch is inserted: nothing points to what is not there yet, and progress is claimed last.
TABLES = (
    CONTACTS, COUNTS, FRAMES, CHANGES, POPULATIONS, HUNCHES, SPIKES, EXPECTATIONS, JUDGED,
    CANDIDATES, ATTRIBUTIONS, IMPACTS, ALERTS, DELIVERIES, QUALITY, FEEDBACK, DEAD_LETTERS, PROGRESS,
)  # fmt: skip
TABLE = {table.name: table for table in TABLES}


def shown(table: Table) -> tuple[Column, ...]:
    """The columns of a table that its views show."""
    return tuple(column for column in table.columns if column.name not in ("row_version", "stored_at"))


def _names(table: Table) -> str:
    return ", ".join(f"`{column.name}`" for column in shown(table))


def _once(name: str, table: Table, purpose: str, where: str = "") -> View:
    select = f"SELECT {_names(table)}\nFROM {table.name} FINAL" + (f"\nWHERE {where}" if where else "")
    return View(name=name, purpose=purpose, columns=shown(table), select=select)


def _latest(name: str, table: Table, purpose: str, *, thing: str, revision: str, of: Table | None = None) -> View:
    """The row (or rows) of the revision written last; only narrow key columns are read to find it."""
    keys = f"workspace, {thing}, {revision}"
    newest = f"SELECT workspace, {thing}, argMax({revision}, row_version) FROM {(of or table).name} GROUP BY workspace, {thing}"
    return _once(name, table, purpose, f"({keys}) IN ({newest})")


_LANDED = ("workspace", "event_id", "occurred_at", "ingested_at", "late")
_LANDINGS = View(
    name="landings",
    purpose="When every contact was said, heard and stored (`landed_at`): how long each took on its way.",
    columns=(
        *(column for column in CONTACTS.columns if column.name in _LANDED),
        Column("landed_at", "DateTime('UTC')"),
    ),
    select=f"SELECT {', '.join(f'`{name}`' for name in _LANDED)}, `stored_at` AS `landed_at`\nFROM contacts FINAL\nWHERE event = 'opened'",
)

VIEWS = (
    _once("contacts_all", CONTACTS, "Every event of every contact, once."),
    _once("contacts_now", CONTACTS, "Every contact once, as it was when it opened.", "event = 'opened'"),
    _LANDINGS,
    _once("counts_now", COUNTS, "Contacts per bucket, input partition and leaf."),
    _once("frames_now", FRAMES, "Totals and signs per bucket and input partition."),
    _once("progress_now", PROGRESS, "How far each origin is in event time."),
    _once("changes_all", CHANGES, "Every record of every change, once."),
    _latest("changes_now", CHANGES, "Every change once, by its last record.", thing="change", revision="recorded_at"),
    _once("populations_now", POPULATIONS, "Customers on a slice at a moment."),
    _once("hunches_now", HUNCHES, "Agents' signals."),
    _once("spikes_all", SPIKES, "Every revision of every spike, once."),
    _latest("spikes_now", SPIKES, "Every spike once, by its last revision.", thing="spike_id", revision="revision"),
    _once("expectations_now", EXPECTATIONS, "Expectation bands per judged bucket and slice."),
    _once("judged_now", JUDGED, "Judged buckets."),
    _once("attributions_all", ATTRIBUTIONS, "Every revision of every attribution, once."),
    _latest("attributions_now", ATTRIBUTIONS, "The last attribution of every spike.", thing="spike_id", revision="revision"),
    _once("candidates_all", CANDIDATES, "The candidates of every revision, once."),
    _latest("candidates_now", CANDIDATES, "The candidates of every spike's last attribution.", thing="spike_id", revision="revision", of=ATTRIBUTIONS),
    _once("impacts_all", IMPACTS, "Every revision of every impact, once."),
    _latest("impacts_now", IMPACTS, "Every impact once, by its last revision.", thing="impact_id", revision="revision"),
    _once("alerts_all", ALERTS, "Every message of every alert, once."),
    _latest("alerts_now", ALERTS, "Every alert once, by its last message.", thing="alert_id", revision="revision"),
    _once("deliveries_all", DELIVERIES, "Every step of every message to every channel, once."),
    _latest("deliveries_now", DELIVERIES, "Every message to every channel once, by its last step.", thing="delivery_id", revision="step"),
    _once("quality_all", QUALITY, "Every result of every check, once."),
    _latest("quality_now", QUALITY, "The last result of every check.", thing="check_id", revision="window_end"),
    _once("feedback_now", FEEDBACK, "People's word, once."),
    _once("dead_letters_now", DEAD_LETTERS, "Every refused message once."),
)  # fmt: skip
VIEW = {view.name: view for view in VIEWS}

__all__ = ["DIMENSIONS", "TABLE", "TABLES", "VIEW", "VIEWS", "shown"]
