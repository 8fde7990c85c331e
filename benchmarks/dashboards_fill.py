"""A year of one made-up workspace, written by ClickHouse itself from ``numbers()``."""

from __future__ import annotations

from clickhouse_connect.driver.client import Client

WORKSPACE = "bench"
DAYS = 364
BUCKET_S = 300
LAST = "toDateTime64('2026-11-01 00:00:00', 3, 'UTC')"
FIRST = f"({LAST} - toIntervalDay({DAYS}))"
BUCKETS = DAYS * 86_400 // BUCKET_S
SLICES = ("", "platform=ios", "platform=android", "platform=web", "product=app", "product=shop")

_DIMENSIONS = """
    ['ticket', 'chat', 'survey'][1 + (n % 17 = 0 ? 2 : n % 2)] AS channel, ['app', 'shop'][1 + cityHash64(n, 1) % 2] AS product,
    ['ios', 'android', 'web'][1 + cityHash64(n, 2) % 3] AS platform, concat('5.', toString(intDiv(n * 52, {n}))) AS version,
    ['DE', 'US', 'GB', 'FR'][1 + cityHash64(n, 3) % 4] AS region, ['login', 'payment', 'delivery', 'voucher', 'other'][1 + cityHash64(n, 4) % 5] AS topic
"""
_CONTACTS = """
INSERT INTO contacts (workspace, event_id, occurred_at, ingested_at, source, contact, event, customer, channel, product, platform, version, region,
    topic, team, text, turns, exposed, wait_s, transfers, late, counted, kind, score, scale_max)
SELECT 'bench', concat('e', toString(n)), at, at + toIntervalMillisecond(2500), 'desk', concat('t', toString(intDiv(n, 10) * 10 + if(n % 10 = 9, 8, n % 10))),
    if(n % 10 = 9, 'updated', 'opened'), toString(cityHash64(intDiv(n, 3))), channel, product, platform, version, region, topic,
    ['first', 'second'][1 + n % 2],
    concat(['I cannot log in since the update', 'My card was charged twice and nobody answers', 'The code SUMMER is not taken at checkout',
        'Where is my parcel, it was promised for yesterday'][1 + cityHash64(n, 5) % 4], ', order ', toString(n), ', please look into it as soon as you can, thank you.'),
    if(n % 4 = 0, '[{{"who":"customer","text":"Where is my discount?"}},{{"who":"agent","text":"Let me look that up for you."}}]', '[]'),
    if(n % 20 = 0, map('promo-50', if(n % 200 = 0, 'control', 'exposed')), map()),
    if(n % 10 = 9, 60 + cityHash64(n, 6) % 3600, NULL), if(n % 10 = 9, n % 3 = 0, NULL), n % 400 = 0, n % 400 != 0,
    if(channel = 'survey', 'csat', ''), if(channel = 'survey', 1 + cityHash64(n, 7) % 5, NULL), if(channel = 'survey', 5, NULL)
FROM (
    SELECT number AS n, {first} + toIntervalMillisecond(intDiv(number * {span_ms}, {n})) AS at, {dimensions}
    FROM numbers({begin}, {many})
)
"""
_COUNTS = """
INSERT INTO counts (workspace, stream, bucket_start, origin, leaf_id, bucket_s, channel, product, platform, version, region, topic, contacts, row_version)
SELECT workspace, 'contacts', toStartOfInterval(occurred_at, toIntervalSecond(300)) AS start, 'tickets/0',
    cityHash64(channel, product, platform, version, region, topic), 300, channel, product, platform, version, region, topic, count(), 1
FROM contacts WHERE event = 'opened' AND kind = '' AND toYYYYMM(occurred_at) = {month}
GROUP BY workspace, start, channel, product, platform, version, region, topic
"""
_EXPECTATIONS = """
INSERT INTO expectations (workspace, stream, bucket_start, slice, bucket_s, observed, expected, low, high, gap, row_version)
SELECT 'bench', 'contacts', {first} + toIntervalSecond(300 * intDiv(number, {slices})), {names}[1 + number % {slices}], 300,
    90 + number % 17, 95., 80., 115., false, 1
FROM numbers({many})
"""
_JUDGED = """
INSERT INTO judged (workspace, stream, bucket_start, bucket_s, until, gap, final, spike_seq, seq, row_version)
SELECT 'bench', 'contacts', {first} + toIntervalSecond(300 * number) AS at, 300, at + toIntervalSecond(300), false, false, 0, number + 1, 1 FROM numbers({buckets})
"""
_FRAMES = """
INSERT INTO frames (workspace, stream, bucket_start, origin, until, part, bucket_s, parts, seq, contacts, leaves, row_version)
SELECT 'bench', 'contacts', {first} + toIntervalSecond(300 * number) AS at, 'tickets/0', at + toIntervalSecond(300), 0, 300, 1, number + 1, 95, 60, 1
FROM numbers({buckets})
"""
_PROGRESS = """
INSERT INTO progress (workspace, topic, stream, origin, until, final, seq, row_version)
SELECT 'bench', topic, 'contacts', concat('tickets/', toString(number % 4)), {last}, false, 1, 1
FROM numbers(4) ARRAY JOIN ['frames', 'expectations'] AS topic
"""
# One spike a day with twelve revisions, and what was said of it.
_SPIKES = """
INSERT INTO spikes (workspace, spike_id, revision, stream, state, slice, slice_pairs, bucket_s, opened_at, as_of, onset, onset_low, onset_high, end, expected,
    observed, excess, excess_low, excess_high, surprise, window_s, budget_per_week, seq, row_version)
SELECT 'bench', concat('spike-', toString(intDiv(number, 12))), 1 + number % 12, 'contacts', if(number % 12 = 11 AND number < 12 * {days} - 24, 'closed', 'open'),
    'platform=ios', map('platform', 'ios'), 300, at, at + toIntervalHour(2), at, at - toIntervalMinute(5), at + toIntervalMinute(5),
    if(number % 12 = 11 AND number < 12 * {days} - 24, at + toIntervalHour(2), NULL), 90, 320, 230, 190, 270, 40, 3600, 1, number + 1, number + 1
FROM (SELECT number, {first} + toIntervalHour(24 * intDiv(number, 12) + 9) AS at FROM numbers(12 * {days}))
"""
_ATTRIBUTIONS = """
INSERT INTO attributions (workspace, spike_id, revision, as_of, final, stream, state, slice, slice_pairs, onset, end, expected, observed, cause_kind, cause_key,
    cause_title, cause_owner, probability, excess, excess_low, excess_high, candidates, sentence, term, term_share_now, term_share_usual, quote_event_id, quote_at,
    quote_text, seq, row_version)
SELECT workspace, spike_id, revision, as_of, revision = 12, stream, state, slice, slice_pairs, onset, coalesce(end, as_of), expected, observed,
    ['release', 'promotion', 'unknown'][1 + at % 3], if(at % 3 = 2, '', concat(['release-', 'promo-'][1 + at % 3], toString(intDiv(at, 7)))),
    'A change', if(at % 3 = 2, '', ['mobile', 'growth'][1 + at % 3]), 0.9, excess, excess_low, excess_high, 8, 'A change caused 230 more contacts.',
    ['login', 'code'], [0.4, 0.3], [0.02, 0.01], ['e1'], [onset], ['I cannot log in'], seq, row_version
FROM (SELECT *, toUInt32(splitByChar('-', spike_id)[2]) AS at FROM spikes)
"""
_CANDIDATES = """
INSERT INTO candidates (workspace, spike_id, revision, rank, as_of, kind, change, title, owner, probability, excess, excess_low, excess_high, evidence_line,
    evidence_weight, evidence_sentence, row_version)
SELECT workspace, spike_id, revision, rank, as_of, if(rank = 1, cause_kind, 'release'), if(rank = 1, cause_key, concat('release-', toString(rank))), 'A change', 'mobile',
    if(rank = 1, 0.9, 0.1 / 7), excess / rank, 0, excess, ['time', 'words'], [2.1, 1.9], ['It began ten minutes before.', 'They name it.'], row_version
FROM attributions ARRAY JOIN range(1, 9) AS rank
"""
_CHANGES = """
INSERT INTO changes (workspace, change, recorded_at, event_id, kind, starts_at, available_at, products, platforms, versions, rollout_at, rollout_share, fixes, code, claims,
    owner, title, support_briefed_at, expected_contacts, audience_size, control_share, seq, row_version)
SELECT 'bench', concat(['release-', 'promo-'][1 + number % 2], toString(intDiv(number, 2))), at, concat('c', toString(number)), ['release', 'promotion'][1 + number % 2], at, at,
    if(number % 2, [], ['app']), if(number % 2, [], ['ios']), if(number % 2, [], [concat('5.', toString(intDiv(number, 2)))]), [at], [1.], if(number % 10 = 4, ['release-1'], []),
    if(number % 2, 'SUMMER', ''), if(number % 2, ['code SUMMER works at every checkout', 'parcel promised for tomorrow', 'free returns on everything'], []), ['mobile', 'growth'][1 + number % 2], 'A change', at - toIntervalDay(1),
    20, 40000, 0.1, number + 1, 1
FROM (SELECT number, {first} + toIntervalHour(84 * number) AS at FROM numbers(104))
"""
_IMPACTS = """
INSERT INTO impacts (workspace, impact_id, revision, as_of, state, kind, change, title, owner, probability, spikes, first, last, contacts, contacts_low, contacts_high, hours,
    customers, seq, row_version)
SELECT workspace, concat('impact-', spike_id), revision, as_of, 'closed', cause_kind, cause_key, cause_title, cause_owner, probability, [spike_id], onset, end, excess, excess_low,
    excess_high, 30, 200, seq, row_version
FROM attributions
"""
_POPULATIONS = """
INSERT INTO populations (workspace, at, slice, event_id, slice_pairs, customers, row_version)
SELECT 'bench', {first} + toIntervalHour(6 * intDiv(number, 4)), concat('platform=ios, product=app, version=5.', toString(number % 4 + intDiv(number, 112))), toString(number),
    map('platform', 'ios', 'product', 'app', 'version', concat('5.', toString(number % 4 + intDiv(number, 112)))), 5000, 1
FROM numbers(4 * 4 * {days})
"""
_SAID = """
INSERT INTO feedback (workspace, event_id, occurred_at, source, spike_id, verdict, cause, who, row_version)
SELECT 'bench', toString(number), {first} + toIntervalDay(number), 'page', concat('spike-', toString(number)), ['confirm', 'reject', 'own'][1 + number % 3], '', 'jo', 1
FROM numbers({days})
"""
_LETTERS = """
INSERT INTO dead_letters (letter_id, workspace, stage, topic, partition, offset, at, reason, field, value, allowed, size, row_version)
SELECT concat('tickets/0/', toString(number)), 'bench', 'admit', 'tickets', 0, number, {last} - toIntervalMinute(number), ['bad_time', 'not_json'][1 + number % 2], 'occurred_at', 'x', 'a time', 9, 1
FROM numbers(20000)
"""
_QUALITY = """
INSERT INTO quality (workspace, window_end, check_id, window_start, table_name, expectation, column_name, success, observed, allowed, at, seq, row_version)
SELECT 'bench', {last} - toIntervalHour(intDiv(number, 20)), concat('check-', toString(number % 20)), {first}, 'contacts', 'freshness', 'version', number % 9 > 0, '1%', 'up to 12%', {last}, number, number
FROM numbers(20 * 24 * 30)
"""
AT_ONCE = 250_000


def fill(client: Client, contacts: int) -> None:
    """Write everything, contacts in blocks as a sink would have over the year, all but the last merged as they would be by then."""
    said = {"n": contacts, "first": FIRST, "last": LAST, "span_ms": DAYS * 86_400_000, "days": DAYS, "buckets": BUCKETS}
    for begin in range(0, contacts, AT_ONCE):
        many = min(AT_ONCE, contacts - begin)
        if begin + AT_ONCE >= contacts:
            client.command("OPTIMIZE TABLE contacts FINAL")
        client.command(_CONTACTS.format(**said, begin=begin, many=many, dimensions=_DIMENSIONS.format(n=contacts)))
    for (month,) in client.query("SELECT DISTINCT toYYYYMM(occurred_at) FROM contacts ORDER BY 1").result_rows:
        client.command(_COUNTS.format(month=month))
    names = "[" + ", ".join(f"'{name}'" for name in SLICES) + "]"
    client.command(_EXPECTATIONS.format(**said, slices=len(SLICES), names=names, many=BUCKETS * len(SLICES)))
    for sql in (_JUDGED, _FRAMES, _PROGRESS, _SPIKES, _ATTRIBUTIONS, _CANDIDATES, _CHANGES, _IMPACTS, _POPULATIONS, _SAID, _LETTERS, _QUALITY):  # fmt: skip
        client.command(sql.format(**said))
    for name in ("counts", "expectations", "judged", "frames"):
        client.command(f"OPTIMIZE TABLE {name} FINAL")
