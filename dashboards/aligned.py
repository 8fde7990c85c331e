"""Curves of changes laid over each other at their start: this one, what was usual, and the ones before it."""

from __future__ import annotations

from dashboards.sql import CHANGE, HERE, JUDGED

HOURS_BEFORE, HOURS_AFTER, EARLIER = 24, 72, 5

_MINE = f"FROM changes_now WHERE {HERE} AND {CHANGE}"
_START = f"(SELECT max(starts_at) {_MINE})"
_KIND = f"(SELECT max(kind) {_MINE})"
_OF = {name: f"(SELECT groupArrayArray({name}) {_MINE})" for name in ("products", "platforms", "regions")}
_SCOPE = " AND ".join(f"(empty({scope}) OR has({scope}, {name[:-1]}))" for name, scope in _OF.items())

# One row per curve to lay over: which it is, and when its hour nought was.
_CURVES = f"""
        SELECT 'this' AS role, starts_at AS zero, 1 AS place {_MINE}
        UNION ALL
        SELECT 'usual', starts_at - toIntervalDay(7), 1 {_MINE}
        UNION ALL
        SELECT 'previous', starts_at, 1 FROM (
            SELECT starts_at FROM changes_now
            WHERE {HERE} AND kind = {_KIND} AND starts_at < {_START} AND products = {_OF["products"]} AND platforms = {_OF["platforms"]}
            ORDER BY starts_at DESC LIMIT {EARLIER}
        )
"""

# Each window as a range of its own, so that only these buckets are read; an earlier one that is missing is in 1970.
_ZEROS = f"(SELECT arrayResize(groupArray(zero), {EARLIER + 2}) FROM ({_CURVES}))"
_WINDOWS = " OR ".join(
    f"bucket_start >= {_ZEROS}[{place}] - toIntervalHour({HOURS_BEFORE}) AND bucket_start < {_ZEROS}[{place}] + toIntervalHour({HOURS_AFTER})"
    for place in range(1, EARLIER + 3)
)

ALIGNED = f"""
SELECT hour, if(hour < before_now, this, NULL) AS contacts, if(usual_known, usual_week, NULL) AS usual,
    if(curves > 0, earlier / curves, NULL) AS previous
FROM (
    SELECT hour, sumIf(contacts, role = 'this') AS this, sumIf(contacts, role = 'usual') AS usual_week,
        sumIf(contacts, role = 'previous') AS earlier,
        (SELECT countIf(role = 'previous') FROM ({_CURVES})) AS curves,
        {_START} - toIntervalDay(7) >= (SELECT min(bucket_start) FROM judged_now WHERE {HERE}) AS usual_known,
        intDiv(dateDiff('second', {_START}, {JUDGED}), 3600) AS before_now
    FROM (
        SELECT toInt32(floor(dateDiff('second', zero, bucket_start) / 3600)) AS hour, role, contacts
        FROM (
            SELECT bucket_start, sum(counts_now.contacts) AS contacts, 1 AS place
            FROM counts_now
            WHERE {HERE} AND stream = 'contacts' AND ({_WINDOWS}) AND {_SCOPE}
            GROUP BY bucket_start
        ) AS counted
        INNER JOIN ({_CURVES}) AS curves ON curves.place = counted.place
    )
    WHERE hour >= -{HOURS_BEFORE} AND hour < {HOURS_AFTER}
    GROUP BY hour
)
ORDER BY hour
"""
