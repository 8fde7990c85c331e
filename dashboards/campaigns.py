"""Panels of *Campaign and support*, for marketing: does what was promised arrive, and was support told?"""

from __future__ import annotations

from dashboards.aligned import ALIGNED
from dashboards.panel import Panel, Threshold, parameter
from dashboards.sql import CHANGE, HERE, JUDGED

_IMPACTS = f"(SELECT * FROM impacts_now WHERE {HERE} AND change != '' AND state != 'withdrawn')"
_MINE = f"FROM changes_now WHERE {HERE} AND {CHANGE}"
_START = f"(SELECT max(starts_at) {_MINE})"
# A fortnight from the launch is what is read of texts: later mentions are rarely about the launch.
_SINCE_LAUNCH = (
    f"{HERE} AND occurred_at >= {_START} AND occurred_at < least({_START} + toIntervalDay(14), {parameter('until')})"
)
_NO_PROMOTION = "No promotion has come in: send them to the topic `promotions`, from the marketing tool."

PROMOTIONS = Panel(
    id="promotions",
    title="Promotions: planned against actual",
    unit="contacts",
    columns=(
        "key", "title", "owner", "starts_at", "ends_at", "planned", "contacts", "contacts_low", "contacts_high", "hours", "verdict",
        "briefed_at", "briefed_h", "macro", "article",
    ),
    sql=f"""
SELECT c.change AS key, c.title AS title, c.owner AS owner, c.starts_at AS starts_at, c.ends_at AS ends_at, c.expected_contacts AS planned,
    if(i.change = '', NULL, i.contacts) AS contacts, if(i.change = '', NULL, i.contacts_low) AS contacts_low,
    if(i.change = '', NULL, i.contacts_high) AS contacts_high, i.hours AS hours,
    multiIf(c.expected_contacts IS NULL, if(i.change = '', 'no plan, no contacts', 'no plan'), i.change = '', 'within plan',
        i.contacts_low > c.expected_contacts, 'over plan', i.contacts_high < c.expected_contacts, 'under plan', 'as planned') AS verdict,
    c.support_briefed_at AS briefed_at, dateDiff('second', c.support_briefed_at, c.starts_at) / 3600 AS briefed_h, c.macro AS macro, c.article AS article
FROM (SELECT * FROM changes_now WHERE {HERE} AND kind = 'promotion' AND starts_at < {parameter("until")}) AS c
LEFT JOIN {_IMPACTS} AS i ON i.change = c.change
ORDER BY c.starts_at DESC, c.change
LIMIT 200
""",
    empty=_NO_PROMOTION,
)  # fmt: skip

PROMOTION_CURVE = Panel(
    id="promotion_curve",
    title="Contacts of its audience, by hours since the launch",
    unit="contacts",
    shape="aligned",
    columns=("hour", "contacts", "usual", "previous"),
    sql=ALIGNED,
    empty="No contact was counted for this promotion's audience within a day before to three days after its launch.",
)

# A promise is named by its code, by more than half of its longer words, or where it has only one such, as a whole.
_CLAIMS = f"(SELECT groupArrayArray(claims) {_MINE})"
# No text holds a line break where a code would stand, so a promotion without a code finds nothing by it.
_CODE = f"ifNull((SELECT if(max(code) = '', '\\n', lowerUTF8(max(code))) {_MINE}), '\\n')"
_WORDS_OF = "arrayDistinct(arrayFilter(word -> length(word) > 3, splitByNonAlpha(lowerUTF8(claim))))"
# What each promise is looked for by: (promise, in small letters, its words, whether its code says it all).
_SOUGHT = (
    f"arrayMap(claim -> (claim, lowerUTF8(claim), {_WORDS_OF}, position(lowerUTF8(claim), {_CODE}) > 0), {_CLAIMS})"
)
_ANY = f"arrayDistinct(arrayPushBack(arrayFlatten(arrayMap(claim -> {_WORDS_OF}, {_CLAIMS})), {_CODE}))"
_NAMED = f"""(sought.4 AND position(said, {_CODE}) > 0)
        OR if(length(sought.3) > 1, arrayCount(word -> position(said, word) > 0, sought.3) * 2 > length(sought.3), position(said, sought.2) > 0)"""

CLAIMS = Panel(
    id="claims",
    title="What was promised, and comes back",
    unit="contacts",
    shape="bars",
    columns=("claim", "mentions", "before", "sentence"),
    sql=f"""
SELECT claims.claim AS claim, found.since AS mentions, found.earlier AS before, found.text AS sentence
FROM (SELECT arrayJoin({_CLAIMS}) AS claim) AS claims
LEFT JOIN (
    SELECT sought.1 AS claim, countIf(launched) AS since, countIf(NOT launched) AS earlier, anyIf(said, launched) AS text
    FROM (
        SELECT lower(concat(subject, ' ', text)) AS said, occurred_at >= {_START} AS launched
        FROM contacts_now
        WHERE {HERE} AND occurred_at >= {_START} - toIntervalDay(7) AND occurred_at < least({_START} + toIntervalDay(7), {parameter("until")})
          AND multiSearchAny(said, {_ANY})
    )
    ARRAY JOIN {_SOUGHT} AS sought
    WHERE {_NAMED}
    GROUP BY claim
) AS found ON found.claim = claims.claim
ORDER BY mentions DESC, claim
""",
    empty="This promotion states no `claims`: send what customers are told, and this shows which of it they write in about.",
)

UNAWARE_PHRASES = (
    "no information about", "not aware of", "don't have any information", "do not have any information", "never heard of", "know nothing about",
    "cannot find this offer", "can't find this offer", "not familiar with", "keine information", "nichts bekannt", "aucune information",
    "no tengo información",
)  # fmt: skip
_PHRASES = "[" + ", ".join("'" + phrase.replace("'", "''") + "'" for phrase in UNAWARE_PHRASES) + "]"

UNAWARE = Panel(
    id="unaware",
    title="Agents who knew nothing of it",
    unit="contacts",
    columns=("team", "unaware", "contacts", "affected", "latest", "sentence"),
    sql=f"""
SELECT if(team = '', 'no team', team) AS team, countIf(said != '') AS unaware, count() AS contacts, unaware / contacts AS affected,
    maxOrNullIf(occurred_at, said != '') AS latest, argMaxIf(said, occurred_at, said != '') AS sentence
FROM (
    SELECT team, occurred_at, arrayFirst(text -> multiSearchAnyCaseInsensitiveUTF8(text, {_PHRASES}),
        arrayMap(turn -> JSONExtractString(turn, 'text'), arrayFilter(turn -> JSONExtractString(turn, 'who') = 'agent', JSONExtractArrayRaw(turns)))) AS said
    FROM contacts_all
    WHERE {_SINCE_LAUNCH} AND position(turns, '"agent"') > 0
)
GROUP BY team
HAVING unaware > 0
ORDER BY unaware DESC, team
LIMIT 50
""",
    empty="No agent said since the launch that they know nothing of an offer, as far as conversations came with their `turns`.",
    thresholds=(Threshold(value=0, level="calm"), Threshold(value=1, level="act")),
)  # fmt: skip

_GROUP = f"exposed[{parameter('change')}]"
_CONTROL = f"(SELECT max(ifNull(control_share, 0)) {_MINE})"

EXPOSED = Panel(
    id="exposed",
    title="Exposed against control",
    unit="contacts",
    columns=("group", "contacts", "customers", "per_thousand"),
    sql=f"""
SELECT {_GROUP} AS group, count() AS contacts, uniqExactIf(customer, customer != '') AS customers,
    1000 * contacts / nullIf(toFloat64((SELECT max(audience_size) {_MINE})) * if(group = 'control', {_CONTROL}, 1 - {_CONTROL}), 0) AS per_thousand
FROM contacts_now
WHERE {_SINCE_LAUNCH} AND mapContains(exposed, {parameter("change")}) AND kind = ''
GROUP BY group
ORDER BY group = 'control', group
""",
    empty="No contact says whether its customer was exposed or in the control group: send `exposed` with contacts.",
)

SURVEYS = Panel(
    id="surveys",
    title="Surveys of the exposed",
    unit="share",
    columns=("group", "survey", "answers", "score", "low_share"),
    sql=f"""
SELECT if(who.seen = '', 'everybody else', who.seen) AS group, s.kind AS survey, count() AS answers, avg(s.part) AS score, avg(s.part <= 0.6) AS low_share
FROM (
    SELECT customer, kind, score / scale_max AS part FROM contacts_now WHERE {_SINCE_LAUNCH} AND kind != '' AND score IS NOT NULL AND scale_max > 0
) AS s
LEFT JOIN (
    SELECT customer, max({_GROUP}) AS seen FROM contacts_all WHERE {_SINCE_LAUNCH} AND mapContains(exposed, {parameter("change")}) AND customer != '' GROUP BY customer
) AS who ON who.customer = s.customer
GROUP BY group, survey
ORDER BY group = 'everybody else', group, survey
""",
    empty="No survey was answered in the fortnight since the launch.",
)

NEXT = Panel(
    id="next",
    title="The next launches, and whether support is ready",
    unit="contacts",
    columns=("key", "kind", "title", "owner", "starts_at", "days_ahead", "forecast", "forecast_h", "briefed_at", "macro", "article", "missing"),
    sql=f"""
SELECT c.change AS key, c.kind AS kind, c.title AS title, c.owner AS owner, c.starts_at AS starts_at,
    dateDiff('second', {JUDGED}, c.starts_at) / 86400 AS days_ahead, coalesce(toFloat64(c.expected_contacts), p.usual_contacts) AS forecast,
    forecast * p.hours_each AS forecast_h, c.support_briefed_at AS briefed_at, c.macro AS macro, c.article AS article,
    arrayFilter(one -> one != '', [if(c.support_briefed_at IS NULL, 'briefing', ''), if(c.macro = '', 'macro', ''), if(c.article = '', 'article', ''),
        if(c.owner = '', 'owner', ''), if(forecast IS NULL, 'forecast', '')]) AS missing
FROM (SELECT * FROM changes_now WHERE {HERE} AND kind IN ('promotion', 'release', 'policy', 'price') AND starts_at > {JUDGED}) AS c
LEFT JOIN (
    SELECT d.kind AS kind, avg(i.contacts) AS usual_contacts, sum(i.hours) / nullIf(sumIf(i.contacts, i.hours IS NOT NULL), 0) AS hours_each
    FROM (SELECT change, kind FROM changes_now WHERE {HERE} AND starts_at <= {JUDGED}) AS d
    LEFT JOIN {_IMPACTS} AS i ON i.change = d.change
    GROUP BY kind
) AS p ON p.kind = c.kind
ORDER BY c.starts_at, c.change
LIMIT 50
""",
    empty="Nothing is known to be launched after what has been judged: send planned promotions and releases ahead, with `planned_at` and `known_at`.",
)  # fmt: skip
