"""Panels of one spike: its curve, its candidates with their evidence, and what customers wrote."""

from __future__ import annotations

from dashboards.panel import Panel, parameter
from dashboards.sql import ABOVE, BAND_HIGH, BAND_LOW, BELOW, HERE, SLICE, SPIKE, STREAM, in_slice, stepped, within
from sinks.tables import DIMENSIONS

SPIKE_NOW = Panel(
    id="spike",
    title="The spike",
    unit="contacts",
    shape="stat",
    columns=(
        "spike_id", "stream", "state", "slice", "bucket_s", "opened_at", "as_of", "onset", "onset_low", "onset_high", "end",
        "expected", "observed", "excess", "excess_low", "excess_high", "surprise", "budget_per_week", "merged_into",
    ),
    sql=f"""
SELECT spike_id, stream, state, slice, bucket_s, opened_at, as_of, onset, onset_low, onset_high, end, expected, observed,
    excess, excess_low, excess_high, surprise, budget_per_week, merged_into
FROM spikes_now
WHERE {HERE} AND {SPIKE}
""",
    empty="This spike is not in the store.",
)  # fmt: skip

CURVE = Panel(
    id="curve",
    title="Contacts of the spike's slice",
    unit="contacts",
    shape="curve",
    columns=("t", "observed", "expected", "low", "high", "gap"),
    sql=f"""
SELECT t, sum(seen) AS observed, if(countIf(is_band) >= countIf(is_judged), sum(mean), NULL) AS expected,
    {BAND_LOW} AS low, {BAND_HIGH} AS high, max(holed) AS gap
FROM (
    SELECT {stepped("bucket_start")} AS t, true AS is_judged, false AS is_band, 0 AS seen, 0. AS mean, 0. AS below, 0. AS above, gap AS holed
    FROM judged_now
    WHERE {HERE} AND {STREAM} AND {within("bucket_start")} AND NOT final
    UNION ALL
    SELECT {stepped("bucket_start")} AS t, false, false, contacts, 0, 0, 0, false
    FROM counts_now
    WHERE {HERE} AND {STREAM} AND {within("bucket_start")}
      AND {in_slice()}
    UNION ALL
    SELECT {stepped("bucket_start")} AS t, false, true, 0, expected, {BELOW}, {ABOVE}, false
    FROM expectations_now
    WHERE {HERE} AND {STREAM} AND {SLICE} AND {within("bucket_start")}
)
GROUP BY t
ORDER BY t
""",
    empty="The counts of this slice are no longer kept, so there is no curve to draw.",
)

ATTRIBUTION = Panel(
    id="attribution",
    title="What caused it?",
    shape="stat",
    columns=("revision", "as_of", "final", "sentence", "kind", "key", "title", "owner", "probability"),
    sql=f"""
SELECT revision, as_of, final, sentence, cause_kind AS kind, cause_key AS key, cause_title AS title, cause_owner AS owner, probability
FROM attributions_now
WHERE {HERE} AND {SPIKE}
""",
    empty="Not attributed yet: the timeline and the counts have to reach the spike's last bucket first.",
)

CANDIDATES = Panel(
    id="candidates",
    title="What caused it?",
    unit="share",
    shape="bars",
    columns=("rank", "kind", "key", "title", "owner", "probability", "excess", "excess_low", "excess_high"),
    sql=f"""
SELECT rank, kind, change AS key, title, owner, probability, excess, excess_low, excess_high
FROM candidates_now
WHERE {HERE} AND {SPIKE}
ORDER BY rank
""",
    empty="Not attributed yet: the timeline and the counts have to reach the spike's last bucket first.",
)

EVIDENCE = Panel(
    id="evidence",
    title="Evidence",
    columns=("rank", "line", "weight", "sentence"),
    sql=f"""
SELECT rank, line, weight, sentence
FROM candidates_now
ARRAY JOIN evidence_line AS line, evidence_weight AS weight, evidence_sentence AS sentence
WHERE {HERE} AND {SPIKE}
ORDER BY rank
""",
    empty="No evidence was kept.",
)

QUOTES = Panel(
    id="quotes",
    title="In their words",
    columns=("event_id", "at", "text"),
    sql=f"""
SELECT event_id, at, text
FROM attributions_now
ARRAY JOIN quote_event_id AS event_id, quote_at AS at, quote_text AS text
WHERE {HERE} AND {SPIKE}
""",
    empty="None of the sampled contacts of this spike carries text.",
)

TERMS = Panel(
    id="terms",
    title="Words now against usually",
    unit="share",
    columns=("word", "share_now", "share_usual"),
    sql=f"""
SELECT word, share_now, share_usual
FROM attributions_now
ARRAY JOIN term AS word, term_share_now AS share_now, term_share_usual AS share_usual
WHERE {HERE} AND {SPIKE}
""",
    empty="No word stands out against this slice's usual words.",
)

NEAR = Panel(
    id="near",
    title="Changes that may have caused it",
    columns=("rank", "kind", "key", "starts_at", "ends_at", "title"),
    sql=f"""
SELECT k.rank AS rank, c.kind AS kind, c.change AS key, c.starts_at AS starts_at, c.ends_at AS ends_at, c.title AS title
FROM (SELECT * FROM changes_now WHERE {HERE}) AS c
INNER JOIN (SELECT change, rank FROM candidates_now WHERE {HERE} AND {SPIKE} AND change != '') AS k ON k.change = c.change
ORDER BY k.rank
""",
    empty="No known change is a candidate.",
)

REVISIONS = Panel(
    id="revisions",
    title="How the answer came about",
    unit="share",
    columns=("revision", "as_of", "final", "kind", "key", "title", "probability"),
    sql=f"""
SELECT revision, as_of, final, cause_kind AS kind, cause_key AS key, cause_title AS title, probability
FROM attributions_all
WHERE {HERE} AND {SPIKE}
ORDER BY revision
LIMIT 1000
""",
    empty="No attribution yet.",
)

_ONSET = f"(SELECT max(onset) FROM spikes_now WHERE {HERE} AND {SPIKE})"
_OVER = f"(SELECT max(coalesce(end, as_of)) FROM spikes_now WHERE {HERE} AND {SPIKE})"
_FIRST = f"(SELECT min(bucket_start) FROM judged_now WHERE {HERE} AND {STREAM})"
# The same hours of up to four weeks before are what is usual. A value with far more than the whole excess, and a version that
# grew by taking over an older one's customers, is not hit but new.
_WEEKS = f"least(4, intDiv(dateDiff('second', {_FIRST}, {_ONSET}), 604800))"
# Each week as a range of its own, so that only these buckets are read.
_WINDOWS = " OR ".join(
    f"bucket_start >= {_ONSET} - toIntervalDay({7 * week}) AND bucket_start < {_OVER} - toIntervalDay({7 * week})"
    for week in range(5)
)
_PAIRS = ", ".join(f"('{name}', {name})" for name in DIMENSIONS)

HIT = Panel(
    id="hit",
    title="Who is hit",
    unit="contacts",
    shape="bars",
    columns=("dimension", "value", "observed", "expected", "excess"),
    sql=f"""
SELECT pair.1 AS dimension, pair.2 AS value, sumIf(contacts, during) AS observed,
    if({_WEEKS} > 0, sumIf(contacts, NOT during) / {_WEEKS}, NULL) AS expected, observed - coalesce(expected, 0) AS excess
FROM (
    SELECT arrayJoin([{_PAIRS}]) AS pair, contacts, bucket_start >= {_ONSET} AS during
    FROM counts_now
    WHERE {HERE} AND {STREAM} AND ({_WINDOWS})
      AND {in_slice()}
)
WHERE pair.2 != ''
GROUP BY pair
HAVING excess > 0 AND (isNull(expected) OR (dimension != 'version' OR expected > 0.3 * observed) AND excess <= 1.5 * (SELECT max(excess) FROM spikes_now WHERE {HERE} AND {SPIKE}))
ORDER BY excess DESC, dimension, value
LIMIT 12
""",
    empty="The counts of this slice are no longer kept, or its contacts name none of the dimensions.",
)

COST = Panel(
    id="cost",
    title="What it has cost so far",
    unit="contacts",
    shape="stat",
    columns=("contacts", "contacts_low", "contacts_high", "hours", "cost", "customers", "repeats", "first", "last"),
    sql=f"""
SELECT contacts, contacts_low, contacts_high, hours, hours * nullIf({parameter("hour_cost")}, 0) AS cost, customers,
    length(spikes) AS repeats, first, last
FROM impacts_now
WHERE {HERE} AND has(spikes, {parameter("spike")}) AND state != 'withdrawn'
ORDER BY contacts DESC
LIMIT 1
""",
    empty="Not billed yet: the bill comes with the first attribution.",
)

PEOPLE = Panel(
    id="people",
    title="What people said",
    columns=("at", "who", "verdict", "cause", "note"),
    sql=f"""
SELECT occurred_at AS at, who, verdict, cause, note
FROM feedback_now
WHERE {HERE} AND {SPIKE}
ORDER BY at DESC, event_id
LIMIT 50
""",
    empty="Nobody has confirmed, rejected or taken it yet.",
)
