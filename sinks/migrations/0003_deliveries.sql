-- about: alerts carry their bill, quotes and links to each other; what became of every message to every channel
-- pause: the sink (whence run sink), and agents that still write the older alerts
-- up
ALTER TABLE alerts
    ADD COLUMN IF NOT EXISTS `moved` LowCardinality(String),
    ADD COLUMN IF NOT EXISTS `impact_id` String,
    ADD COLUMN IF NOT EXISTS `title` String,
    ADD COLUMN IF NOT EXISTS `hours` Nullable(Float64),
    ADD COLUMN IF NOT EXISTS `customers` Nullable(UInt32),
    ADD COLUMN IF NOT EXISTS `first` Nullable(DateTime64(3, 'UTC')),
    ADD COLUMN IF NOT EXISTS `last` Nullable(DateTime64(3, 'UTC')),
    ADD COLUMN IF NOT EXISTS `spikes` Array(String),
    ADD COLUMN IF NOT EXISTS `sentence` String,
    ADD COLUMN IF NOT EXISTS `explanation` String,
    ADD COLUMN IF NOT EXISTS `quotes` Array(String),
    ADD COLUMN IF NOT EXISTS `formerly` String,
    ADD COLUMN IF NOT EXISTS `successor` String;

CREATE TABLE IF NOT EXISTS deliveries (
    `workspace` LowCardinality(String),
    `delivery_id` String,
    `step` UInt32,
    `key` String,
    `channel` LowCardinality(String),
    `team` LowCardinality(String),
    `audiences` Array(String),
    `alert_id` String,
    `revision` UInt32,
    `event` LowCardinality(String),
    `level` UInt32,
    `status` LowCardinality(String),
    `attempt` UInt32,
    `at` DateTime64(3, 'UTC'),
    `next_at` Nullable(DateTime64(3, 'UTC')),
    `reason` String,
    `row_version` UInt64,
    `stored_at` DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(row_version)
ORDER BY (workspace, delivery_id, step)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE OR REPLACE VIEW alerts_all AS
SELECT `workspace`, `alert_id`, `revision`, `at`, `event`, `audience`, `kind`, `change`, `owner`, `probability`, `contacts`, `contacts_low`, `contacts_high`, `text`, `seq`, `moved`, `impact_id`, `title`, `hours`, `customers`, `first`, `last`, `spikes`, `sentence`, `explanation`, `quotes`, `formerly`, `successor`
FROM alerts FINAL;

CREATE OR REPLACE VIEW alerts_now AS
SELECT `workspace`, `alert_id`, `revision`, `at`, `event`, `audience`, `kind`, `change`, `owner`, `probability`, `contacts`, `contacts_low`, `contacts_high`, `text`, `seq`, `moved`, `impact_id`, `title`, `hours`, `customers`, `first`, `last`, `spikes`, `sentence`, `explanation`, `quotes`, `formerly`, `successor`
FROM alerts FINAL
WHERE (workspace, alert_id, revision) IN (SELECT workspace, alert_id, argMax(revision, row_version) FROM alerts GROUP BY workspace, alert_id);

CREATE OR REPLACE VIEW deliveries_all AS
SELECT `workspace`, `delivery_id`, `step`, `key`, `channel`, `team`, `audiences`, `alert_id`, `revision`, `event`, `level`, `status`, `attempt`, `at`, `next_at`, `reason`
FROM deliveries FINAL;

CREATE OR REPLACE VIEW deliveries_now AS
SELECT `workspace`, `delivery_id`, `step`, `key`, `channel`, `team`, `audiences`, `alert_id`, `revision`, `event`, `level`, `status`, `attempt`, `at`, `next_at`, `reason`
FROM deliveries FINAL
WHERE (workspace, delivery_id, step) IN (SELECT workspace, delivery_id, argMax(step, row_version) FROM deliveries GROUP BY workspace, delivery_id);

-- down
DROP VIEW IF EXISTS deliveries_now;
DROP VIEW IF EXISTS deliveries_all;
DROP TABLE IF EXISTS deliveries;

CREATE OR REPLACE VIEW alerts_all AS
SELECT `workspace`, `alert_id`, `revision`, `at`, `event`, `audience`, `kind`, `change`, `owner`, `probability`, `contacts`, `contacts_low`, `contacts_high`, `text`, `seq`
FROM alerts FINAL;

CREATE OR REPLACE VIEW alerts_now AS
SELECT `workspace`, `alert_id`, `revision`, `at`, `event`, `audience`, `kind`, `change`, `owner`, `probability`, `contacts`, `contacts_low`, `contacts_high`, `text`, `seq`
FROM alerts FINAL
WHERE (workspace, alert_id, revision) IN (SELECT workspace, alert_id, argMax(revision, row_version) FROM alerts GROUP BY workspace, alert_id);

ALTER TABLE alerts
    DROP COLUMN IF EXISTS `moved`,
    DROP COLUMN IF EXISTS `impact_id`,
    DROP COLUMN IF EXISTS `title`,
    DROP COLUMN IF EXISTS `hours`,
    DROP COLUMN IF EXISTS `customers`,
    DROP COLUMN IF EXISTS `first`,
    DROP COLUMN IF EXISTS `last`,
    DROP COLUMN IF EXISTS `spikes`,
    DROP COLUMN IF EXISTS `sentence`,
    DROP COLUMN IF EXISTS `explanation`,
    DROP COLUMN IF EXISTS `quotes`,
    DROP COLUMN IF EXISTS `formerly`,
    DROP COLUMN IF EXISTS `successor`;
