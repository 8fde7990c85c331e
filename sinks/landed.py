"""Tables of what came in: contacts, their counts, the timeline, and what was refused."""

from __future__ import annotations

from sinks.declare import CONTACT_VERSION, DIMENSION_COLUMNS, table

CONTACTS = table(
    "contacts",
    "Admitted contacts, redacted: one row per event of a contact. turns and extra are JSON.",
    f"""
    workspace   word
    event_id    text
    occurred_at instant
    ingested_at instant
    source      text
    contact     text
    event       text = 'opened'
    customer    text
    {DIMENSION_COLUMNS}
    agent       text
    subject     text
    text        text
    turns       text
    tags        words
    exposed     pairs
    status      text
    handle_s    number?
    wait_s      number?
    transfers   count?
    reopens     count?
    late        flag
    counted     flag
    by_bot      flag
    ended       text
    kind        text
    score       number?
    scale_max   number?
    about       text
    extra       text
    schema_version UInt16 = 1
    """,
    key="workspace occurred_at event_id",
    kept="contacts",
    partition="toYear(occurred_at)",
    version=CONTACT_VERSION,
    check="workspace != '' AND event_id != '' AND contact != ''",
)
COUNTS = table(
    "counts",
    "Contacts per bucket, input partition and leaf: the numbers that detect works on.",
    f"""
    workspace    word
    stream       word
    bucket_start instant
    origin       word
    leaf_id      UInt64
    bucket_s     count
    {DIMENSION_COLUMNS}
    contacts     count
    """,
    key="workspace stream bucket_start origin leaf_id",
    kept="counts",
    partition="toYear(bucket_start)",
)
FRAMES = table(
    "frames",
    "Totals and signs of mismeasurement per bucket and input partition; empty frames are only in progress.",
    """
    workspace    word
    stream       word
    bucket_start instant
    origin       word
    until        instant
    part         count
    bucket_s     count
    parts        count
    seq          UInt64
    contacts     UInt64
    leaves       count
    handle_s     number
    handled      count
    repeats      count
    late         count
    top_customer count
    same_text    count
    backfilled   count
    missing      Map(String, UInt32)
    """,
    key="workspace stream bucket_start origin until part",
    kept="counts",
    partition="toYear(bucket_start)",
)
PROGRESS = table(
    "progress",
    "How far each origin is in event time: frames, timeline and expectations.",
    """
    workspace word
    topic     word
    stream    word
    origin    word
    until     instant
    final     flag
    seq       UInt64
    """,
    key="workspace topic stream origin",
)
CHANGES = table(
    "changes",
    "The timeline: every record of a change upstream.",
    """
    workspace    word
    change       text
    recorded_at  instant
    event_id     text
    kind         word
    starts_at    instant
    ends_at      instant?
    announced_at instant?
    precision    word
    available_at instant
    products     words
    platforms    words
    versions     words
    regions      words
    segments     words
    rollout_at    Array(DateTime64(3, 'UTC'))
    rollout_share numbers
    fixes        words
    code         text
    claims       words
    owner        word
    title        text
    text         text
    planned_at   instant?
    support_briefed_at instant?
    expected_contacts  count?
    audience_size      count?
    control_share      number?
    channels     words
    macro        text
    article      text
    origin       word
    seq          UInt64
    """,
    key="workspace change recorded_at event_id",
)
POPULATIONS = table(
    "populations",
    "Customers on a slice at a moment.",
    """
    workspace   word
    at          instant
    slice       text
    event_id    text
    slice_pairs pairs
    customers   UInt64
    """,
    key="workspace at slice event_id",
)
HUNCHES = table(
    "hunches",
    "Agents' signals, redacted.",
    """
    workspace word
    at        instant
    event_id  text
    about     text
    text      text
    """,
    key="workspace at event_id",
)
FEEDBACK = table(
    "feedback",
    "People's word on a spike's cause.",
    """
    workspace   word
    event_id    text
    occurred_at instant
    source      word
    spike_id    text
    verdict     word
    cause       text
    who         text
    note        text
    """,
    key="workspace event_id",
)
DEAD_LETTERS = table(
    "dead_letters",
    "What was refused: place, reason, field and redacted value. The bytes themselves stay on the topic.",
    """
    letter_id text
    workspace word
    stage     word
    topic     word
    partition count
    offset    UInt64
    at        instant
    reason    word
    field     word
    value     text
    allowed   text
    size      count
    """,
    key="letter_id",
    kept="letters",
)
