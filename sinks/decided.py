"""Tables of what was concluded: spikes, attributions, impacts, alerts, their deliveries, and quality."""

from __future__ import annotations

from sinks.declare import table

SPIKES = table(
    "spikes",
    "Spikes, every revision.",
    """
    workspace   word
    spike_id    text
    revision    count
    stream      word
    state       word
    slice       text
    slice_pairs pairs
    bucket_s    count
    opened_at   instant
    as_of       instant
    onset       instant
    onset_low   instant
    onset_high  instant
    end         instant?
    expected    number
    observed    UInt64
    excess      number
    excess_low  number
    excess_high number
    surprise    number
    window_s    count
    budget_per_week number
    merged_into text
    seq         UInt64
    """,
    key="workspace spike_id revision",
)
EXPECTATIONS = table(
    "expectations",
    "Expected and observed contacts per judged bucket and slice ('' is everywhere), with the 95% range of counts.",
    """
    workspace    word
    stream       word
    bucket_start instant
    slice        text
    bucket_s     count
    observed     UInt64
    expected     number
    low          number
    high         number
    gap          flag
    """,
    key="workspace stream bucket_start slice",
    kept="counts",
    partition="toYear(bucket_start)",
)
JUDGED = table(
    "judged",
    "Judged buckets: detect's progress, and where collection had a gap.",
    """
    workspace    word
    stream       word
    bucket_start instant
    bucket_s     count
    until        instant
    gap          flag
    final        flag
    spike_seq    UInt64
    seq          UInt64
    """,
    key="workspace stream bucket_start final",
    kept="counts",
)
ATTRIBUTIONS = table(
    "attributions",
    "Attributions, every revision; cause_* is the likeliest candidate. term* and quote* are parallel arrays.",
    """
    workspace   word
    spike_id    text
    revision    count
    as_of       instant
    final       flag
    stream      word
    state       word
    slice       text
    slice_pairs pairs
    onset       instant
    end         instant
    expected    number
    observed    UInt64
    cause_kind  word
    cause_key   text
    cause_title text
    cause_owner word
    probability number
    excess      number
    excess_low  number
    excess_high number
    candidates  count
    sentence    text
    term        words
    term_share_now   numbers
    term_share_usual numbers
    quote_event_id   words
    quote_at         Array(DateTime64(3, 'UTC'))
    quote_text       words
    seq         UInt64
    """,
    key="workspace spike_id revision",
)
CANDIDATES = table(
    "candidates",
    "Candidate causes, every revision; rank 1 is the likeliest. evidence_* are parallel arrays, weights in nats.",
    """
    workspace   word
    spike_id    text
    revision    count
    rank        count
    as_of       instant
    kind        word
    change      text
    title       text
    owner       word
    probability number
    excess      number
    excess_low  number
    excess_high number
    evidence_line     Array(LowCardinality(String))
    evidence_weight   numbers
    evidence_sentence words
    evidence_numbers  Array(Map(String, Float64))
    """,
    key="workspace spike_id revision rank",
)
IMPACTS = table(
    "impacts",
    "What each change has cost, every revision.",
    """
    workspace   word
    impact_id   text
    revision    count
    as_of       instant
    state       word
    kind        word
    change      text
    title       text
    owner       word
    probability number
    spikes      words
    first       instant
    last        instant
    contacts    number
    contacts_low  number
    contacts_high number
    hours       number?
    customers   count?
    by_slice    Map(String, Float64)
    sentence    text
    seq         UInt64
    """,
    key="workspace impact_id revision",
)
ALERTS = table(
    "alerts",
    "Alerts, every message.",
    """
    workspace   word
    alert_id    text
    revision    count
    at          instant
    event       word
    audience    word
    kind        word
    change      text
    owner       word
    probability number
    contacts    number
    contacts_low  number
    contacts_high number
    text        text
    seq         UInt64
    moved       word
    impact_id   text
    title       text
    hours       number?
    customers   count?
    first       instant?
    last        instant?
    spikes      words
    sentence    text
    explanation text
    quotes      words
    formerly    text
    successor   text
    """,
    key="workspace alert_id revision",
)
DELIVERIES = table(
    "deliveries",
    "What became of every message to every channel, every step.",
    """
    workspace   word
    delivery_id text
    step        count
    key         text
    channel     word
    team        word
    audiences   words
    alert_id    text
    revision    count
    event       word
    level       count
    status      word
    attempt     count
    at          instant
    next_at     instant?
    reason      text
    """,
    key="workspace delivery_id step",
)
QUALITY = table(
    "quality",
    "Results of the quality checks on what landed.",
    """
    workspace    word
    window_end   instant
    check_id     word
    window_start instant
    table_name   word
    expectation  word
    column_name  word
    success      flag
    observed     text
    allowed      text
    at           instant
    seq          UInt64
    """,
    key="workspace window_end check_id",
    kept="checks",
)
