-- about: all tables, as ReplacingMergeTree on stable ids
-- pause: nothing; it only adds
-- up
CREATE TABLE IF NOT EXISTS contacts (
    `workspace` LowCardinality(String),
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `ingested_at` DateTime64(3, 'UTC'),
    `source` String,
    `contact` String,
    `event` String DEFAULT 'opened',
    `customer` String,
    `channel` LowCardinality(String),
    `product` LowCardinality(String),
    `platform` LowCardinality(String),
    `version` LowCardinality(String),
    `region` LowCardinality(String),
    `language` LowCardinality(String),
    `segment` LowCardinality(String),
    `topic` LowCardinality(String),
    `team` LowCardinality(String),
    `agent` String,
    `subject` String,
    `text` String,
    `turns` String,
    `tags` Array(String),
    `exposed` Map(String, String),
    `status` String,
    `handle_s` Nullable(Float64),
    `wait_s` Nullable(Float64),
    `transfers` Nullable(UInt32),
    `reopens` Nullable(UInt32),
    `late` Bool,
    `counted` Bool,
    `by_bot` Bool,
    `ended` String,
    `kind` String,
    `score` Nullable(Float64),
    `scale_max` Nullable(Float64),
    `about` String,
    `extra` String,
    `schema_version` UInt16 DEFAULT 1,
    `row_version` UInt64 DEFAULT toUInt64(toUnixTimestamp64Milli(ingested_at)) + if(counted, 4611686018427387904, 0),
    `stored_at` DateTime('UTC') DEFAULT now('UTC'),
    CONSTRAINT complete CHECK workspace != '' AND event_id != '' AND contact != ''
)
ENGINE = ReplacingMergeTree(row_version)
PARTITION BY toYear(occurred_at)
ORDER BY (workspace, occurred_at, event_id)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS counts (
    `workspace` LowCardinality(String),
    `stream` LowCardinality(String),
    `bucket_start` DateTime64(3, 'UTC'),
    `origin` LowCardinality(String),
    `leaf_id` UInt64,
    `bucket_s` UInt32,
    `channel` LowCardinality(String),
    `product` LowCardinality(String),
    `platform` LowCardinality(String),
    `version` LowCardinality(String),
    `region` LowCardinality(String),
    `language` LowCardinality(String),
    `segment` LowCardinality(String),
    `topic` LowCardinality(String),
    `team` LowCardinality(String),
    `contacts` UInt32,
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
PARTITION BY toYear(bucket_start)
ORDER BY (workspace, stream, bucket_start, origin, leaf_id)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS frames (
    `workspace` LowCardinality(String),
    `stream` LowCardinality(String),
    `bucket_start` DateTime64(3, 'UTC'),
    `origin` LowCardinality(String),
    `until` DateTime64(3, 'UTC'),
    `part` UInt32,
    `bucket_s` UInt32,
    `parts` UInt32,
    `seq` UInt64,
    `contacts` UInt64,
    `leaves` UInt32,
    `handle_s` Float64,
    `handled` UInt32,
    `repeats` UInt32,
    `late` UInt32,
    `top_customer` UInt32,
    `same_text` UInt32,
    `backfilled` UInt32,
    `missing` Map(String, UInt32),
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
PARTITION BY toYear(bucket_start)
ORDER BY (workspace, stream, bucket_start, origin, until, part)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS changes (
    `workspace` LowCardinality(String),
    `change` String,
    `recorded_at` DateTime64(3, 'UTC'),
    `event_id` String,
    `kind` LowCardinality(String),
    `starts_at` DateTime64(3, 'UTC'),
    `ends_at` Nullable(DateTime64(3, 'UTC')),
    `announced_at` Nullable(DateTime64(3, 'UTC')),
    `precision` LowCardinality(String),
    `available_at` DateTime64(3, 'UTC'),
    `products` Array(String),
    `platforms` Array(String),
    `versions` Array(String),
    `regions` Array(String),
    `segments` Array(String),
    `rollout_at` Array(DateTime64(3, 'UTC')),
    `rollout_share` Array(Float64),
    `fixes` Array(String),
    `code` String,
    `claims` Array(String),
    `owner` LowCardinality(String),
    `title` String,
    `text` String,
    `planned_at` Nullable(DateTime64(3, 'UTC')),
    `support_briefed_at` Nullable(DateTime64(3, 'UTC')),
    `expected_contacts` Nullable(UInt32),
    `audience_size` Nullable(UInt32),
    `control_share` Nullable(Float64),
    `channels` Array(String),
    `macro` String,
    `article` String,
    `origin` LowCardinality(String),
    `seq` UInt64,
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
ORDER BY (workspace, change, recorded_at, event_id)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS populations (
    `workspace` LowCardinality(String),
    `at` DateTime64(3, 'UTC'),
    `slice` String,
    `event_id` String,
    `slice_pairs` Map(String, String),
    `customers` UInt64,
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
ORDER BY (workspace, at, slice, event_id)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS hunches (
    `workspace` LowCardinality(String),
    `at` DateTime64(3, 'UTC'),
    `event_id` String,
    `about` String,
    `text` String,
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
ORDER BY (workspace, at, event_id)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS spikes (
    `workspace` LowCardinality(String),
    `spike_id` String,
    `revision` UInt32,
    `stream` LowCardinality(String),
    `state` LowCardinality(String),
    `slice` String,
    `slice_pairs` Map(String, String),
    `bucket_s` UInt32,
    `opened_at` DateTime64(3, 'UTC'),
    `as_of` DateTime64(3, 'UTC'),
    `onset` DateTime64(3, 'UTC'),
    `onset_low` DateTime64(3, 'UTC'),
    `onset_high` DateTime64(3, 'UTC'),
    `end` Nullable(DateTime64(3, 'UTC')),
    `expected` Float64,
    `observed` UInt64,
    `excess` Float64,
    `excess_low` Float64,
    `excess_high` Float64,
    `surprise` Float64,
    `window_s` UInt32,
    `budget_per_week` Float64,
    `merged_into` String,
    `seq` UInt64,
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
ORDER BY (workspace, spike_id, revision)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS expectations (
    `workspace` LowCardinality(String),
    `stream` LowCardinality(String),
    `bucket_start` DateTime64(3, 'UTC'),
    `slice` String,
    `bucket_s` UInt32,
    `observed` UInt64,
    `expected` Float64,
    `low` Float64,
    `high` Float64,
    `gap` Bool,
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
PARTITION BY toYear(bucket_start)
ORDER BY (workspace, stream, bucket_start, slice)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS judged (
    `workspace` LowCardinality(String),
    `stream` LowCardinality(String),
    `bucket_start` DateTime64(3, 'UTC'),
    `bucket_s` UInt32,
    `until` DateTime64(3, 'UTC'),
    `gap` Bool,
    `final` Bool,
    `spike_seq` UInt64,
    `seq` UInt64,
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
ORDER BY (workspace, stream, bucket_start, final)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS candidates (
    `workspace` LowCardinality(String),
    `spike_id` String,
    `revision` UInt32,
    `rank` UInt32,
    `as_of` DateTime64(3, 'UTC'),
    `kind` LowCardinality(String),
    `change` String,
    `title` String,
    `owner` LowCardinality(String),
    `probability` Float64,
    `excess` Float64,
    `excess_low` Float64,
    `excess_high` Float64,
    `evidence_line` Array(LowCardinality(String)),
    `evidence_weight` Array(Float64),
    `evidence_sentence` Array(String),
    `evidence_numbers` Array(Map(String, Float64)),
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
ORDER BY (workspace, spike_id, revision, rank)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS attributions (
    `workspace` LowCardinality(String),
    `spike_id` String,
    `revision` UInt32,
    `as_of` DateTime64(3, 'UTC'),
    `final` Bool,
    `stream` LowCardinality(String),
    `state` LowCardinality(String),
    `slice` String,
    `slice_pairs` Map(String, String),
    `onset` DateTime64(3, 'UTC'),
    `end` DateTime64(3, 'UTC'),
    `expected` Float64,
    `observed` UInt64,
    `cause_kind` LowCardinality(String),
    `cause_key` String,
    `cause_title` String,
    `cause_owner` LowCardinality(String),
    `probability` Float64,
    `excess` Float64,
    `excess_low` Float64,
    `excess_high` Float64,
    `candidates` UInt32,
    `sentence` String,
    `term` Array(String),
    `term_share_now` Array(Float64),
    `term_share_usual` Array(Float64),
    `quote_event_id` Array(String),
    `quote_at` Array(DateTime64(3, 'UTC')),
    `quote_text` Array(String),
    `seq` UInt64,
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
ORDER BY (workspace, spike_id, revision)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS impacts (
    `workspace` LowCardinality(String),
    `impact_id` String,
    `revision` UInt32,
    `as_of` DateTime64(3, 'UTC'),
    `state` LowCardinality(String),
    `kind` LowCardinality(String),
    `change` String,
    `title` String,
    `owner` LowCardinality(String),
    `probability` Float64,
    `spikes` Array(String),
    `first` DateTime64(3, 'UTC'),
    `last` DateTime64(3, 'UTC'),
    `contacts` Float64,
    `contacts_low` Float64,
    `contacts_high` Float64,
    `hours` Nullable(Float64),
    `customers` Nullable(UInt32),
    `by_slice` Map(String, Float64),
    `sentence` String,
    `seq` UInt64,
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
ORDER BY (workspace, impact_id, revision)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS alerts (
    `workspace` LowCardinality(String),
    `alert_id` String,
    `revision` UInt32,
    `at` DateTime64(3, 'UTC'),
    `event` LowCardinality(String),
    `audience` LowCardinality(String),
    `kind` LowCardinality(String),
    `change` String,
    `owner` LowCardinality(String),
    `probability` Float64,
    `contacts` Float64,
    `contacts_low` Float64,
    `contacts_high` Float64,
    `text` String,
    `seq` UInt64,
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
ORDER BY (workspace, alert_id, revision)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS quality (
    `workspace` LowCardinality(String),
    `window_end` DateTime64(3, 'UTC'),
    `check_id` LowCardinality(String),
    `window_start` DateTime64(3, 'UTC'),
    `table_name` LowCardinality(String),
    `expectation` LowCardinality(String),
    `column_name` LowCardinality(String),
    `success` Bool,
    `observed` String,
    `allowed` String,
    `at` DateTime64(3, 'UTC'),
    `seq` UInt64,
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
ORDER BY (workspace, window_end, check_id)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS feedback (
    `workspace` LowCardinality(String),
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `source` LowCardinality(String),
    `spike_id` String,
    `verdict` LowCardinality(String),
    `cause` String,
    `who` String,
    `note` String,
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
ORDER BY (workspace, event_id)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS dead_letters (
    `letter_id` String,
    `workspace` LowCardinality(String),
    `stage` LowCardinality(String),
    `topic` LowCardinality(String),
    `partition` UInt32,
    `offset` UInt64,
    `at` DateTime64(3, 'UTC'),
    `reason` LowCardinality(String),
    `field` LowCardinality(String),
    `value` String,
    `allowed` String,
    `size` UInt32,
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
ORDER BY (letter_id)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS progress (
    `workspace` LowCardinality(String),
    `topic` LowCardinality(String),
    `stream` LowCardinality(String),
    `origin` LowCardinality(String),
    `until` DateTime64(3, 'UTC'),
    `final` Bool,
    `seq` UInt64,
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
ORDER BY (workspace, topic, stream, origin)
SETTINGS merge_with_ttl_timeout = 86400;

-- down
DROP TABLE IF EXISTS progress;
DROP TABLE IF EXISTS dead_letters;
DROP TABLE IF EXISTS feedback;
DROP TABLE IF EXISTS quality;
DROP TABLE IF EXISTS alerts;
DROP TABLE IF EXISTS impacts;
DROP TABLE IF EXISTS attributions;
DROP TABLE IF EXISTS candidates;
DROP TABLE IF EXISTS judged;
DROP TABLE IF EXISTS expectations;
DROP TABLE IF EXISTS spikes;
DROP TABLE IF EXISTS hunches;
DROP TABLE IF EXISTS populations;
DROP TABLE IF EXISTS changes;
DROP TABLE IF EXISTS frames;
DROP TABLE IF EXISTS counts;
DROP TABLE IF EXISTS contacts;
