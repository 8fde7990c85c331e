"""Panels of *Upstream bill*, for leaders: what changes upstream cost, by owner and cause, and what keeps coming back."""

from __future__ import annotations

from dashboards.panel import Panel, Threshold, parameter
from dashboards.sql import HERE, JUDGED, OWNED, within

_COST = f"hours * nullIf({parameter('hour_cost')}, 0)"
_OWNER = "if(owner = '', 'nobody', owner)"
# Measurement has no customers behind it: nobody upstream is billed for it.
_BILLED = f"""(
    SELECT toDateTime(toStartOfWeek(first, 1), 'UTC') AS week, kind, change, title, {_OWNER} AS owner, contacts, contacts_low, contacts_high, hours, {_COST} AS cost,
        first, last, state, length(spikes) AS repeats
    FROM impacts_now
    WHERE {HERE} AND state != 'withdrawn' AND kind != 'measurement' AND {within("first")}
)"""
_NOTHING = "Nothing upstream has cost contacts in this span."

BILL = Panel(
    id="bill",
    title="Contacts, hours and cost per week",
    unit="contacts",
    columns=("week", "owner", "kind", "impacts", "contacts", "contacts_low", "contacts_high", "hours", "cost"),
    sql=f"""
SELECT week, owner, kind, count() AS impacts, sum(contacts) AS contacts, sum(contacts_low) AS contacts_low, sum(contacts_high) AS contacts_high,
    sum(hours) AS hours, sum(cost) AS cost
FROM {_BILLED}
GROUP BY week, owner, kind
ORDER BY week DESC, contacts DESC, owner, kind
LIMIT 300
""",
    empty=_NOTHING,
)

BILL_TOTAL = Panel(
    id="bill_total",
    title="The bill of this span",
    unit="contacts",
    shape="stat",
    columns=("contacts", "hours", "cost", "impacts"),
    sql=f"""
SELECT sum(contacts) AS contacts, sum(hours) AS hours, sum(cost) AS cost, count() AS impacts
FROM {_BILLED}
HAVING impacts > 0
""",
    empty=_NOTHING,
)

BILL_CURVE = Panel(
    id="bill_curve",
    title="Contacts per week by owner",
    unit="contacts",
    shape="curve",
    columns=("t", "owner", "contacts"),
    sql=f"""
SELECT week AS t, owner, sum(contacts) AS contacts
FROM {_BILLED}
GROUP BY t, owner
ORDER BY t, owner
""",
    empty=_NOTHING,
)

DEAREST = Panel(
    id="dearest",
    title="The dearest causes",
    unit="contacts",
    columns=("key", "title", "owner", "kind", "first", "last", "contacts", "contacts_low", "contacts_high", "hours", "cost"),
    sql=f"""
SELECT change AS key, if(title = '', if(change = '', kind, change), title) AS title, owner, kind, first, last, contacts, contacts_low, contacts_high,
    hours, cost
FROM {_BILLED}
ORDER BY contacts DESC, key, first
LIMIT 50
""",
    empty=_NOTHING,
)  # fmt: skip

REPEATS = Panel(
    id="repeats",
    title="What keeps coming back",
    unit="contacts",
    columns=("owner", "kind", "impacts", "repeats", "contacts", "hours", "cost", "days_to_fix", "unfixed"),
    sql=f"""
SELECT owner, kind, count() AS impacts, sum(repeats) AS repeats, sum(contacts) AS contacts, sum(hours) AS hours, sum(cost) AS cost,
    avgOrNull(dateDiff('second', first, fix_at) / 86400) AS days_to_fix,
    countIf(isNull(fix_at)) AS unfixed
FROM (
    SELECT b.owner AS owner, b.kind AS kind, b.repeats AS repeats, b.contacts AS contacts, b.hours AS hours, b.cost AS cost, b.first AS first,
        if(f.broken = '', NULL, greatest(f.fixed, b.first)) AS fix_at
    FROM (SELECT * FROM {_BILLED} WHERE change != '') AS b
    LEFT JOIN (
        SELECT broken, min(starts_at) AS fixed FROM changes_now ARRAY JOIN fixes AS broken WHERE {HERE} GROUP BY broken
    ) AS f ON f.broken = b.change
)
GROUP BY owner, kind
HAVING impacts > 1
ORDER BY contacts DESC, owner, kind
LIMIT 100
""",
    empty="No team's changes of one kind have brought contacts twice in this span.",
)

UNOWNED = Panel(
    id="unowned",
    title="Spikes that nobody owns, oldest first",
    unit="contacts",
    columns=("spike_id", "state", "slice", "onset", "over_s", "excess", "excess_low", "excess_high", "kind", "sentence"),
    sql=f"""
SELECT s.spike_id AS spike_id, s.state AS state, s.slice AS slice, s.onset AS onset, dateDiff('second', s.onset, coalesce(s.end, {JUDGED})) AS over_s,
    s.excess AS excess, s.excess_low AS excess_low, s.excess_high AS excess_high, a.cause_kind AS kind, a.sentence AS sentence
FROM (SELECT * FROM spikes_now WHERE {HERE} AND state != 'merged' AND onset < {parameter("until")} AND (state = 'open' OR end >= {parameter("since")})) AS s
LEFT JOIN (SELECT spike_id, cause_kind, cause_owner, sentence FROM attributions_now WHERE {HERE}) AS a ON a.spike_id = s.spike_id
LEFT JOIN {OWNED} AS o ON o.spike_id = s.spike_id
WHERE a.cause_owner = '' AND o.who = '' AND a.cause_kind != 'measurement'
ORDER BY s.onset, s.spike_id
LIMIT 100
""",
    empty="Every spike of this span has an owner: its cause names one, or somebody has taken it.",
    thresholds=(Threshold(value=0, level="calm"), Threshold(value=1, level="act")),
)  # fmt: skip
