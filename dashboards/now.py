"""Panels of *Now*: what comes in against what is expected, the spikes, and what was changed upstream."""

from __future__ import annotations

from dashboards.panel import Panel, Threshold, parameter
from dashboards.sql import (
    ABOVE,
    BAND_HIGH,
    BAND_LOW,
    BELOW,
    HERE,
    JUDGED,
    OWNED,
    SLICE,
    STREAM,
    lately,
    stepped,
    within,
)

_BANDS = f"""
    SELECT {stepped("bucket_start")} AS t, observed AS seen, expected AS mean, {BELOW}, {ABOVE}, gap AS holed
    FROM expectations_now
    WHERE {HERE} AND {STREAM} AND {SLICE} AND {within("bucket_start")}
"""

VOLUME = Panel(
    id="volume",
    title="Contacts and what was expected",
    unit="contacts",
    shape="curve",
    columns=("t", "observed", "expected", "low", "high", "gap"),
    sql=f"""
SELECT t, sum(seen) AS observed, sum(mean) AS expected, {BAND_LOW} AS low, {BAND_HIGH} AS high, max(holed) AS gap
FROM ({_BANDS})
GROUP BY t
ORDER BY t
""",
    empty="No bucket of this span has been judged yet. Detection starts as soon as the first bucket is closed on every input.",
)

TOTALS = Panel(
    id="totals",
    title="Contacts in this span",
    unit="contacts",
    shape="stat",
    columns=("observed", "expected"),
    sql=f"""
SELECT sum(observed) AS observed, sum(expected) AS expected
FROM expectations_now
WHERE {HERE} AND {STREAM} AND {SLICE} AND {within("bucket_start")}
HAVING count() > 0
""",
    empty="Nothing was counted in this span.",
)

SLICES = Panel(
    id="slices",
    title="Slices with an expectation",
    unit="contacts",
    columns=("slice", "contacts"),
    sql=f"""
SELECT slice, sum(observed) AS contacts
FROM expectations_now
WHERE {HERE} AND {STREAM} AND {within("bucket_start")}
GROUP BY slice
ORDER BY slice != '', contacts DESC, slice
LIMIT 100
""",
    empty="No slice has been judged in this span.",
)

_SPIKE_COLUMNS = (
    "spike_id", "stream", "state", "slice", "onset", "end", "expected", "observed", "excess", "excess_low", "excess_high",
    "kind", "key", "title", "owner", "probability", "final", "sentence", "claimed_by", "over_s", "shown_from", "shown_to",
)  # fmt: skip


def _spikes(where: str) -> str:
    return f"""
SELECT s.spike_id AS spike_id, s.stream AS stream, s.state AS state, s.slice AS slice, s.onset AS onset, s.end AS end,
    s.expected AS expected, s.observed AS observed, s.excess AS excess, s.excess_low AS excess_low,
    s.excess_high AS excess_high, a.cause_kind AS kind, a.cause_key AS key, a.cause_title AS title,
    a.cause_owner AS owner, if(a.cause_kind = '', NULL, a.probability) AS probability, a.final AS final,
    a.sentence AS sentence, o.who AS claimed_by, dateDiff('second', s.onset, coalesce(s.end, {JUDGED})) AS over_s,
    toUnixTimestamp64Milli(s.onset) - 3 * greatest(3600000, 1000 * over_s) AS shown_from,
    toUnixTimestamp64Milli(s.onset) + 2 * greatest(3600000, 1000 * over_s) AS shown_to
FROM (SELECT * FROM spikes_now WHERE {HERE} AND state != 'merged'{where}) AS s
LEFT JOIN (SELECT spike_id, cause_kind, cause_key, cause_title, cause_owner, probability, final, sentence FROM attributions_now WHERE {HERE}) AS a
    ON a.spike_id = s.spike_id
LEFT JOIN {OWNED} AS o ON o.spike_id = s.spike_id
ORDER BY s.state = 'open' DESC, s.onset DESC, s.spike_id
LIMIT 300
"""


SPIKES = Panel(
    id="spikes",
    title="Spikes",
    unit="contacts",
    columns=_SPIKE_COLUMNS,
    sql=_spikes(f" AND onset < {parameter('until')} AND (state = 'open' OR end >= {parameter('since')})"),
    empty="No spike in this span: no slice had more contacts than chance explains under the false-alarm budget.",
    thresholds=(Threshold(value=0, level="calm"), Threshold(value=1, level="act")),
)

ALL_SPIKES = Panel(
    id="spikes",
    title="Spikes",
    unit="contacts",
    columns=_SPIKE_COLUMNS,
    sql=_spikes(""),
    empty="No spike was ever found here.",
)

_CHANGE_COLUMNS = (
    "kind", "key", "starts_at", "ends_at", "title", "owner", "contacts", "contacts_low", "contacts_high", "probability", "spikes",
)  # fmt: skip


def _changes(where: str) -> str:
    return f"""
SELECT c.kind AS kind, c.change AS key, c.starts_at AS starts_at, c.ends_at AS ends_at, c.title AS title, c.owner AS owner,
    if(i.change = '', NULL, i.contacts) AS contacts, if(i.change = '', NULL, i.contacts_low) AS contacts_low,
    if(i.change = '', NULL, i.contacts_high) AS contacts_high, if(i.change = '', NULL, i.probability) AS probability, i.spikes AS spikes
FROM (SELECT * FROM changes_now WHERE {HERE}{where}) AS c
LEFT JOIN (SELECT * FROM impacts_now WHERE {HERE} AND change != '' AND state != 'withdrawn') AS i ON i.change = c.change
ORDER BY c.starts_at DESC, c.change
LIMIT 500
"""


CHANGES = Panel(
    id="changes",
    title="Changes upstream",
    columns=_CHANGE_COLUMNS,
    sql=_changes(f" AND {within('starts_at')}"),
    empty="Nothing was changed upstream in this span, as far as the timeline says.",
)

ALL_CHANGES = Panel(
    id="changes",
    title="Changes upstream",
    columns=_CHANGE_COLUMNS,
    sql=_changes(f" AND starts_at < {parameter('until')}"),
    empty="No release, promotion or other change has come in. Send them to the topics releases, promotions and changes: without them every spike stays unknown.",
)

WAITS = Panel(
    id="waits",
    title="Waits in minutes, and hand-overs",
    unit="minutes",
    shape="curve",
    columns=("t", "wait_min", "wait_long_min", "handed_over", "contacts"),
    sql=f"""
SELECT {stepped("at")} AS t, quantile(0.5)(wait_s) / 60 AS wait_min, quantile(0.9)(wait_s) / 60 AS wait_long_min,
    avg(handed) AS handed_over, count() AS contacts
FROM (
    SELECT max(occurred_at) AS at, argMax(contacts_all.wait_s, occurred_at) AS wait_s,
        max(ifNull(transfers, 0) > 0 OR ended = 'handed_over') AS handed
    FROM contacts_all
    WHERE {HERE} AND {lately("occurred_at")} AND (isNotNull(contacts_all.wait_s) OR isNotNull(transfers) OR ended = 'handed_over')
    GROUP BY source, contact
)
GROUP BY t
ORDER BY t
""",
    empty="No contact of this span says how long the customer waited or whether it was handed over: send `wait_s` and `transfers` with updates.",
)

FRESHNESS = Panel(
    id="freshness",
    title="How fresh this is",
    unit="time",
    shape="stat",
    columns=("judged", "until", "behind_s"),
    sql=f"""
SELECT maxIf(progress_now.until, topic = 'expectations') AS judged, maxIf(progress_now.until, topic = 'frames') AS until,
    dateDiff('second', judged, now64(3, 'UTC')) AS behind_s
FROM progress_now
WHERE {HERE}
HAVING count() > 0
""",
    empty="Nothing has been admitted yet.",
    thresholds=(
        Threshold(value=0, level="calm"),
        Threshold(value=900, level="look"),
        Threshold(value=3600, level="act"),
    ),
)
