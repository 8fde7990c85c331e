"""The questions that the quality checks ask the store, by frame; the rows of a frame are what its suite judges."""

from __future__ import annotations

from sinks.declare import DIMENSIONS

_HERE = "workspace = {workspace:String}"
_SINCE = "{history:DateTime64(3)}"
_START = "{start:DateTime64(3)}"
_END = "{end:DateTime64(3)}"
IN_WINDOW = f"{_HERE} AND occurred_at >= {_START} AND occurred_at < {_END}"
IN_HISTORY = f"{_HERE} AND occurred_at >= {_SINCE} AND occurred_at < {_START}"
_BUCKETS = f"{_HERE} AND stream = 'contacts' AND bucket_start >= {_START} AND bucket_start < {_END}"
_VALUES = ", ".join(f"nullIf({name}, '') AS `{name}`" for name in DIMENSIONS)

FRAMES = {
    "contacts": f"""
        SELECT {_VALUES}, nullIf(lengthUTF8(text), 0) AS length,
               if(text = '' OR customer = '', NULL, toString(cityHash64(customer, text))) AS said,
               if(scale_max > 0, score / scale_max, NULL) AS score_share,
               dateDiff('second', occurred_at, ingested_at) AS delay_s,
               if(about = '', NULL, about IN (SELECT contact FROM contacts WHERE {_HERE})) AS about_known
        FROM (SELECT * FROM contacts_now WHERE {IN_WINDOW} ORDER BY cityHash64(event_id) LIMIT {{rows:UInt32}})""",
    "contacts.newest": f"""
        SELECT dateDiff('second', max(occurred_at), {_END}) AS silence_s
        FROM contacts_now WHERE {_HERE} AND occurred_at >= {_SINCE} AND occurred_at < {_END} HAVING count() > 0""",
    "counts": f"SELECT sum(contacts) AS total FROM counts_now WHERE {_BUCKETS}",
    "counts.contacts": f"""
        SELECT countIf(counted AND channel != 'survey') AS counted,
               (SELECT sum(contacts) FROM counts_now WHERE {_BUCKETS}) AS total
        FROM contacts_now WHERE {IN_WINDOW}""",
    "frames": f"""
        SELECT sum(contacts) AS total, sum(repeats) / greatest(sum(contacts), 1) AS repeated,
               sum(late) / greatest(sum(contacts), 1) AS belated
        FROM frames_now WHERE {_BUCKETS} HAVING count() > 0""",
    "changes": f"""
        SELECT change, if(ends_at IS NULL, NULL, dateDiff('second', starts_at, ends_at)) AS length_s
        FROM changes_now WHERE {_HERE} AND recorded_at >= {_SINCE} AND recorded_at < {_END}""",
    "spikes": f"""
        SELECT spike_id, expected, excess_high - excess_low AS width,
               dateDiff('second', onset, coalesce(end, as_of)) AS length_s
        FROM spikes_now WHERE {_HERE} AND as_of >= {_SINCE}""",
    "attributions": f"""
        SELECT spike_id, spike_id IN (SELECT spike_id FROM spikes WHERE {_HERE}) AS spike_known
        FROM attributions_now WHERE {_HERE} AND as_of >= {_SINCE}""",
    "candidates": f"""
        SELECT spike_id, sum(probability) AS total,
               min(change = '' OR change IN (SELECT change FROM changes WHERE {_HERE})) = 1 AS changes_known
        FROM candidates_now WHERE {_HERE} AND as_of >= {_SINCE} GROUP BY spike_id""",
    "impacts": f"""
        SELECT impact_id, dateDiff('second', first, last) AS length_s,
               hasAll((SELECT groupUniqArray(spike_id) FROM spikes WHERE {_HERE}), spikes) AS spikes_known
        FROM impacts_now WHERE {_HERE} AND as_of >= {_SINCE}""",
}

VOLUMES = f"""
WITH dateDiff('second', bucket_start, {_END}) - 1 AS age, dateDiff('second', {_START}, {_END}) AS length
SELECT intDiv(age, {{period:UInt32}}) AS back, sumIf(contacts, age % {{period:UInt32}} < length) AS total
FROM counts_now
WHERE {_HERE} AND stream = 'contacts' AND bucket_start < {_START}
  AND bucket_start >= {_END} - toIntervalSecond({{period:UInt32}} * ({{most:UInt32}} + 1))
  AND age >= {{period:UInt32}} AND age % {{period:UInt32}} < greatest(length, 86400)
GROUP BY back HAVING back <= {{most:UInt32}} ORDER BY back"""

LANGUAGES = f"""
SELECT language, count() AS total FROM contacts_now
WHERE {IN_HISTORY} AND language != '' GROUP BY language ORDER BY total DESC, language LIMIT 20"""

USUAL = f"""
SELECT countIf(text != '') AS texts, quantileIf(0.5)(lengthUTF8(text), text != '') AS length,
       1 - uniqExactIf((customer, cityHash64(text)), text != '' AND customer != '')
           / greatest(countIf(text != '' AND customer != ''), 1) AS repeats
FROM contacts_now WHERE {IN_HISTORY}"""


def counted(dimensions: tuple[str, ...]) -> str:
    """Contacts in the history's counts, those without a value, and the values seen, by dimension."""
    sums = ", ".join(f"sumIf(contacts, {name} = '') AS without_{name}" for name in dimensions)
    history = f"{_HERE} AND stream = 'contacts' AND bucket_start >= {_SINCE} AND bucket_start < {_START}"
    return f"SELECT sum(contacts) AS total, {sums}, {_seen(dimensions)} FROM counts_now WHERE {history}"


def seen(dimensions: tuple[str, ...]) -> str:
    """The values of the history's contacts, which counts may have folded into ``other``, by dimension."""
    return f"SELECT {_seen(dimensions)} FROM contacts_now WHERE {IN_HISTORY}"


def _seen(dimensions: tuple[str, ...]) -> str:
    return ", ".join(f"groupUniqArray(10000)({name}) AS seen_{name}" for name in dimensions)
