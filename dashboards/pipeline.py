"""Panels of *Pipeline*: whether the other pages can be believed."""

from __future__ import annotations

from dashboards.panel import Panel, Threshold
from dashboards.sql import HERE, stepped, within

# A message that could not be read has no workspace: it is everybody's.
_LETTERS = f"({HERE} OR workspace = '')"

PROGRESS = Panel(
    id="progress",
    title="How far each stage is",
    unit="time",
    columns=("topic", "stream", "inputs", "until", "ahead", "slowest", "ended"),
    sql=f"""
SELECT topic, stream, count() AS inputs, min(progress_now.until) AS until, max(progress_now.until) AS ahead,
    argMin(origin, progress_now.until) AS slowest, min(final) AS ended
FROM progress_now
WHERE {HERE}
GROUP BY topic, stream
ORDER BY topic, stream
""",
    empty="Nothing has been admitted yet.",
)

STORED = Panel(
    id="stored",
    title="What landed in this span",
    unit="rows",
    columns=("what", "records", "latest"),
    sql=f"""
SELECT what, records, latest FROM (
SELECT 'contacts' AS what, count() AS records, maxOrNull(occurred_at) AS latest FROM contacts_now WHERE {HERE} AND {within("occurred_at")}
UNION ALL
SELECT 'changes', count(), maxOrNull(starts_at) FROM changes_now WHERE {HERE} AND {within("starts_at")}
UNION ALL
SELECT 'spikes', count(), maxOrNull(onset) FROM spikes_now WHERE {HERE} AND {within("onset")}
UNION ALL
SELECT 'attributions', count(), maxOrNull(as_of) FROM attributions_now WHERE {HERE} AND {within("as_of")}
UNION ALL
SELECT 'alerts', count(), maxOrNull(at) FROM alerts_now WHERE {HERE} AND {within("at")}
)
ORDER BY indexOf(['contacts', 'changes', 'spikes', 'attributions', 'alerts'], what)
""",
    empty="Nothing landed.",
)

LETTERS = Panel(
    id="letters",
    title="Refused messages by reason",
    unit="messages",
    shape="bars",
    columns=("reason", "topic", "letters", "latest"),
    sql=f"""
SELECT reason, topic, count() AS letters, max(at) AS latest
FROM dead_letters_now
WHERE {_LETTERS}
GROUP BY reason, topic
ORDER BY letters DESC, reason, topic
LIMIT 30
""",
    empty="No message was refused.",
    thresholds=(Threshold(value=0, level="calm"), Threshold(value=1, level="look")),
)

RECENT_LETTERS = Panel(
    id="recent_letters",
    title="Refused lately",
    columns=("letter_id", "at", "stage", "reason", "field", "value", "allowed"),
    sql=f"""
SELECT letter_id, at, stage, reason, field, value, allowed
FROM dead_letters_now
WHERE {_LETTERS}
ORDER BY at DESC, letter_id
LIMIT 25
""",
    empty="No message was refused. What is, shows here with its place, the field at fault and what would be allowed.",
)

LATE = Panel(
    id="late",
    title="Late contacts",
    unit="contacts",
    shape="curve",
    columns=("t", "contacts"),
    sql=f"""
SELECT {stepped("occurred_at")} AS t, count() AS contacts
FROM contacts_now
WHERE {HERE} AND {within("occurred_at")} AND late
GROUP BY t
ORDER BY t
""",
    empty="No contact of this span came after its bucket had closed.",
)

CHECKS = Panel(
    id="checks",
    title="Quality checks",
    columns=("check_id", "table", "expectation", "column", "success", "observed", "allowed", "at"),
    sql=f"""
SELECT check_id, table_name AS table, expectation, column_name AS column, success, observed, allowed, at
FROM quality_now
WHERE {HERE}
ORDER BY success, table_name, expectation, column_name
LIMIT 200
""",
    empty="No check has run yet; they run on a schedule, or by `whence quality`.",
    thresholds=(Threshold(value=0, level="calm"), Threshold(value=1, level="act")),
)
