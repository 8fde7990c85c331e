"""Panels of *Release impact*: what each release brought customers to write in, against the ones before; the quiet ones too."""

from __future__ import annotations

from dashboards.aligned import ALIGNED
from dashboards.panel import Panel, Threshold, parameter
from dashboards.sql import CHANGE, HERE, JUDGED

_RELEASES = f"(SELECT * FROM changes_now WHERE {HERE} AND kind = 'release' AND starts_at < {parameter('until')})"
_IMPACTS = f"(SELECT * FROM impacts_now WHERE {HERE} AND change != '' AND state != 'withdrawn')"

RELEASES = Panel(
    id="releases",
    title="Releases, the quiet ones too",
    unit="contacts",
    columns=("key", "title", "owner", "starts_at", "contacts", "contacts_low", "contacts_high", "probability", "previous", "hours", "cost", "fixes", "spikes"),
    sql=f"""
SELECT c.change AS key, c.title AS title, c.owner AS owner, c.starts_at AS starts_at,
    if(i.change = '', NULL, i.contacts) AS contacts, if(i.change = '', NULL, i.contacts_low) AS contacts_low,
    if(i.change = '', NULL, i.contacts_high) AS contacts_high, if(i.change = '', NULL, i.probability) AS probability,
    if(count() OVER earlier = 0, NULL, sum(i.contacts) OVER earlier / count() OVER earlier) AS previous,
    i.hours AS hours, i.hours * nullIf({parameter("hour_cost")}, 0) AS cost, c.fixes AS fixes, i.spikes AS spikes
FROM {_RELEASES} AS c
LEFT JOIN {_IMPACTS} AS i ON i.change = c.change
WINDOW earlier AS (PARTITION BY c.products, c.platforms ORDER BY c.starts_at, c.change ROWS BETWEEN 5 PRECEDING AND 1 PRECEDING)
ORDER BY c.starts_at DESC, c.change
LIMIT 300
""",
    empty="No release has come in: send them to the topic `releases`, from CI, the store or feature flags.",
    thresholds=(Threshold(value=0, level="calm"), Threshold(value=1, level="look")),
)  # fmt: skip

RELEASE_SUMMARY = Panel(
    id="release_summary",
    title="Releases that brought contacts",
    unit="contacts",
    shape="stat",
    columns=("releases", "costly", "contacts", "hours"),
    sql=f"""
SELECT count() AS releases, countIf(i.contacts > 0) AS costly, sum(i.contacts) AS contacts, sum(i.hours) AS hours
FROM {_RELEASES} AS c
LEFT JOIN {_IMPACTS} AS i ON i.change = c.change
HAVING releases > 0
""",
    empty="No release has come in.",
)

RELEASE_CURVE = Panel(
    id="release_curve",
    title="Contacts in its scope, by hours since the roll-out",
    unit="contacts",
    shape="aligned",
    columns=("hour", "contacts", "usual", "previous"),
    sql=ALIGNED,
    empty="No contact was counted in this release's scope within a day before to three days after its roll-out.",
)

RELEASE_WORDS = Panel(
    id="release_words",
    title="Words of its contacts against usually",
    unit="share",
    shape="bars",
    columns=("word", "share_now", "share_usual"),
    sql=f"""
SELECT word, max(now) AS share_now, min(before) AS share_usual
FROM attributions_now
ARRAY JOIN term AS word, term_share_now AS now, term_share_usual AS before
WHERE {HERE} AND cause_kind = 'release' AND cause_key = {parameter("change")}
GROUP BY word
ORDER BY share_now - share_usual DESC, word
LIMIT 20
""",
    empty="No spike is attributed to this release, so no words stand out: most releases cause nothing.",
)

_MINE = f"FROM changes_now WHERE {HERE} AND {CHANGE}"
_START = f"(SELECT max(starts_at) {_MINE})"
_VERSIONS = f"(SELECT groupArrayArray(versions) {_MINE})"
_TRACK = " AND ".join(
    f"(empty({scope}) OR has({scope}, slice_pairs['{name}']))"
    for name, scope in (("product", f"(SELECT groupArrayArray(products) {_MINE})"), ("platform", f"(SELECT groupArrayArray(platforms) {_MINE})"))
)  # fmt: skip

ADOPTION = Panel(
    id="adoption",
    title="Adoption",
    unit="share",
    shape="curve",
    columns=("t", "share", "planned_share"),
    sql=f"""
SELECT at AS t, sumIf(toFloat64(customers), has({_VERSIONS}, slice_pairs['version'])) / sum(customers) AS share,
    arrayMax(arrayPushFront(arrayMap((when, part) -> if(when <= at, part, 0.), (SELECT groupArrayArray(rollout_at) {_MINE}),
        (SELECT groupArrayArray(rollout_share) {_MINE})), 0.)) AS planned_share
FROM populations_now
WHERE {HERE} AND at >= {_START} - toIntervalDay(1) AND at < {_START} + toIntervalDay(14) AND slice_pairs['version'] != '' AND {_TRACK}
GROUP BY at
HAVING sum(customers) > 0
ORDER BY t
""",
    empty="Nobody says how many customers are on which version: send active users per version to the topic `populations`.",
)

FIXES = Panel(
    id="fixes",
    title="Fixes, and whether they worked",
    unit="contacts",
    columns=("fix", "name", "owner", "fix_at", "contacts", "first", "last", "days_to_fix", "worked"),
    sql=f"""
SELECT f.fix AS fix, if(c.title = '', f.broken, c.title) AS name, f.owner AS owner, f.fix_at AS fix_at,
    if(i.change = '', NULL, i.contacts) AS contacts, if(i.change = '', NULL, i.first) AS first, if(i.change = '', NULL, i.last) AS last,
    if(i.change = '', NULL, greatest(0, dateDiff('second', i.first, f.fix_at) / 86400)) AS days_to_fix,
    multiIf(i.change = '', 'nothing to fix was seen', i.last < f.fix_at, 'over before the fix',
        i.last <= f.fix_at + toIntervalDay(1), if(i.state = 'open' AND f.fix_at + toIntervalDay(1) > {JUDGED}, 'too early to say', 'yes'),
        'no, contacts went on') AS worked
FROM (
    SELECT if(title = '', change, title) AS fix, owner, starts_at AS fix_at, broken
    FROM changes_now ARRAY JOIN fixes AS broken
    WHERE {HERE} AND fix_at < {parameter("until")}
) AS f
LEFT JOIN (SELECT change, title FROM changes_now WHERE {HERE}) AS c ON c.change = f.broken
LEFT JOIN {_IMPACTS} AS i ON i.change = f.broken
ORDER BY f.fix_at DESC, fix, name
LIMIT 100
""",
    empty="No release says what it fixes: name the change it repairs in its `fixes`.",
)
