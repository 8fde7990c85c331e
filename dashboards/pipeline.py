"""Panels of *Pipeline*: whether the other pages can be believed."""

from __future__ import annotations

from dashboards.panel import Panel, Threshold, parameter
from dashboards.sql import HERE, lately, stepped, within

# A message that could not be read has no workspace: it is everybody's.
_LETTERS = f"({HERE} OR workspace = '')"

PROGRESS = Panel(
    id="progress",
    title="How far each stage is",
    unit="time",
    columns=("topic", "stream", "inputs", "until", "ahead", "slowest", "ended", "behind_s"),
    sql=f"""
SELECT topic, stream, count() AS inputs, min(progress_now.until) AS until, max(progress_now.until) AS ahead,
    argMin(origin, progress_now.until) AS slowest, min(final) AS ended,
    dateDiff('second', min(progress_now.until), (SELECT max(progress_now.until) FROM progress_now WHERE {HERE})) AS behind_s
FROM progress_now
WHERE {HERE}
GROUP BY topic, stream
ORDER BY topic, stream
""",
    empty="Nothing has been admitted yet.",
)

STORED = Panel(
    id="stored",
    title="What landed, in four weeks at most",
    unit="rows",
    columns=("what", "records", "latest"),
    sql=f"""
SELECT what, records, latest FROM (
SELECT 'contacts' AS what, count() AS records, maxOrNull(occurred_at) AS latest FROM contacts_now WHERE {HERE} AND {lately("occurred_at")}
UNION ALL
SELECT 'changes', count(), maxOrNull(starts_at) FROM changes_now WHERE {HERE} AND {lately("starts_at")}
UNION ALL
SELECT 'spikes', count(), maxOrNull(onset) FROM spikes_now WHERE {HERE} AND {lately("onset")}
UNION ALL
SELECT 'attributions', count(), maxOrNull(as_of) FROM attributions_now WHERE {HERE} AND {lately("onset")}
UNION ALL
SELECT 'alerts', count(), maxOrNull(at) FROM alerts_now WHERE {HERE} AND {lately("at")}
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
WHERE {HERE} AND {lately("occurred_at")} AND late
GROUP BY t
ORDER BY t
""",
    empty="No contact of this span came after its bucket had closed.",
)

CHECKS = Panel(
    id="checks",
    title="Quality checks",
    columns=("check_id", "table", "expectation", "column", "success", "was", "allowed", "at"),
    sql=f"""
SELECT check_id, table_name AS table, expectation, column_name AS column, success, observed AS was, allowed, at
FROM quality_now
WHERE {HERE}
ORDER BY success, table_name, expectation, column_name
LIMIT 200
""",
    empty="No check has run yet; they run on a schedule, or by `whence quality`.",
    thresholds=(Threshold(value=0, level="calm"), Threshold(value=1, level="act")),
)

DELAYS = Panel(
    id="delays",
    title="From the customer's word to the store",
    unit="seconds",
    shape="curve",
    columns=("t", "heard_s", "landed_s", "landed_long_s"),
    sql=f"""
SELECT {stepped("occurred_at")} AS t, quantile(0.5)(greatest(0, dateDiff('millisecond', occurred_at, ingested_at)) / 1000) AS heard_s,
    quantile(0.5)(greatest(0, dateDiff('millisecond', ingested_at, landed_at)) / 1000) AS landed_s,
    quantile(0.95)(greatest(0, dateDiff('millisecond', ingested_at, landed_at)) / 1000) AS landed_long_s
FROM landings
WHERE {HERE} AND {lately("occurred_at")} AND landed_at < ingested_at + toIntervalDay(1)
GROUP BY t
ORDER BY t
""",
    empty="No contact of this span came live: a replay's contacts keep the times of their story, so there is no delay to show.",
)

UNDELIVERED = Panel(
    id="undelivered",
    title="Alerts that did not arrive",
    unit="messages",
    columns=("at", "channel", "team", "state", "attempts", "next_at", "reason"),
    sql=f"""
SELECT at, channel, team, status AS state, attempt AS attempts, next_at, reason
FROM deliveries_now
WHERE {HERE} AND status NOT IN ('sent', 'dropped')
ORDER BY at DESC, delivery_id
LIMIT 100
""",
    empty="Every message has reached its channel, or no channel is set up.",
    thresholds=(Threshold(value=0, level="calm"), Threshold(value=1, level="act")),
)

# A person's last word on a spike's cause; taking it is no word on the cause.
_VERDICTS = f"""(
    SELECT spike_id, argMax(verdict, occurred_at) AS verdict, argMax(feedback_now.cause, occurred_at) AS cause
    FROM feedback_now
    WHERE {HERE} AND feedback_now.verdict != 'own'
    GROUP BY spike_id
)"""
_WEEKS = f"dateDiff('second', toDateTime64({parameter('since')}, 3, 'UTC'), toDateTime64({parameter('until')}, 3, 'UTC')) / 604800"

BUDGET = Panel(
    id="budget",
    title="False-alarm budget",
    unit="none",
    shape="stat",
    columns=("budget_per_week", "weeks", "allowed_false", "found", "confirmed", "rejected", "unjudged"),
    sql=f"""
SELECT max(s.budget_per_week) AS budget_per_week, {_WEEKS} AS weeks, budget_per_week * weeks AS allowed_false, count() AS found,
    countIf(p.verdict IN ('confirm', 'reassign') AND p.cause != 'measurement') AS confirmed,
    countIf(p.verdict = 'reject' OR p.cause = 'measurement') AS rejected, countIf(p.verdict = '') AS unjudged
FROM (SELECT spike_id, budget_per_week FROM spikes_now WHERE {HERE} AND state != 'merged' AND {within("onset")}) AS s
LEFT JOIN {_VERDICTS} AS p ON p.spike_id = s.spike_id
HAVING found > 0
""",
    empty="No spike in this span, so nothing of the budget is spent.",
)

CALIBRATION = Panel(
    id="calibration",
    title="Is it as sure as it says?",
    unit="share",
    shape="bars",
    columns=("what", "attributions", "stated", "judged_by", "right"),
    sql=f"""
SELECT concat(toString(toUInt32(floor(least(a.probability, 0.999) * 5) * 20)), ' to ', toString(toUInt32(floor(least(a.probability, 0.999) * 5) * 20 + 20)), ' %') AS what,
    count() AS attributions, avg(a.probability) AS stated, countIf(p.verdict != '') AS judged_by,
    avgOrNullIf(p.verdict = 'confirm' OR p.verdict = 'reassign' AND p.cause IN (a.cause_key, a.cause_kind), p.verdict != '') AS right
FROM (SELECT spike_id, probability, cause_key, cause_kind FROM attributions_now WHERE {HERE} AND {within("onset")}) AS a
LEFT JOIN {_VERDICTS} AS p ON p.spike_id = a.spike_id
GROUP BY what
ORDER BY stated
""",
    empty="No spike was attributed in this span. Once people confirm or reject, this says how often the sure ones were right.",
)
