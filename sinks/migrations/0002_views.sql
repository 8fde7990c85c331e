-- about: views that never show a double, and views of the last revision
-- pause: nothing; it only adds
-- up
CREATE OR REPLACE VIEW contacts_all AS
SELECT `workspace`, `event_id`, `occurred_at`, `ingested_at`, `source`, `contact`, `event`, `customer`, `channel`, `product`, `platform`, `version`, `region`, `language`, `segment`, `topic`, `team`, `agent`, `subject`, `text`, `turns`, `tags`, `exposed`, `status`, `handle_s`, `wait_s`, `transfers`, `reopens`, `late`, `counted`, `by_bot`, `ended`, `kind`, `score`, `scale_max`, `about`, `extra`, `schema_version`
FROM contacts FINAL;

CREATE OR REPLACE VIEW contacts_now AS
SELECT `workspace`, `event_id`, `occurred_at`, `ingested_at`, `source`, `contact`, `event`, `customer`, `channel`, `product`, `platform`, `version`, `region`, `language`, `segment`, `topic`, `team`, `agent`, `subject`, `text`, `turns`, `tags`, `exposed`, `status`, `handle_s`, `wait_s`, `transfers`, `reopens`, `late`, `counted`, `by_bot`, `ended`, `kind`, `score`, `scale_max`, `about`, `extra`, `schema_version`
FROM contacts FINAL
WHERE event = 'opened';

CREATE OR REPLACE VIEW counts_now AS
SELECT `workspace`, `stream`, `bucket_start`, `origin`, `leaf_id`, `bucket_s`, `channel`, `product`, `platform`, `version`, `region`, `language`, `segment`, `topic`, `team`, `contacts`
FROM counts FINAL;

CREATE OR REPLACE VIEW frames_now AS
SELECT `workspace`, `stream`, `bucket_start`, `origin`, `until`, `part`, `bucket_s`, `parts`, `seq`, `contacts`, `leaves`, `handle_s`, `handled`, `repeats`, `late`, `top_customer`, `same_text`, `backfilled`, `missing`
FROM frames FINAL;

CREATE OR REPLACE VIEW progress_now AS
SELECT `workspace`, `topic`, `stream`, `origin`, `until`, `final`, `seq`
FROM progress FINAL;

CREATE OR REPLACE VIEW changes_all AS
SELECT `workspace`, `change`, `recorded_at`, `event_id`, `kind`, `starts_at`, `ends_at`, `announced_at`, `precision`, `available_at`, `products`, `platforms`, `versions`, `regions`, `segments`, `rollout_at`, `rollout_share`, `fixes`, `code`, `claims`, `owner`, `title`, `text`, `planned_at`, `support_briefed_at`, `expected_contacts`, `audience_size`, `control_share`, `channels`, `macro`, `article`, `origin`, `seq`
FROM changes FINAL;

CREATE OR REPLACE VIEW changes_now AS
SELECT `workspace`, `change`, `recorded_at`, `event_id`, `kind`, `starts_at`, `ends_at`, `announced_at`, `precision`, `available_at`, `products`, `platforms`, `versions`, `regions`, `segments`, `rollout_at`, `rollout_share`, `fixes`, `code`, `claims`, `owner`, `title`, `text`, `planned_at`, `support_briefed_at`, `expected_contacts`, `audience_size`, `control_share`, `channels`, `macro`, `article`, `origin`, `seq`
FROM changes FINAL
WHERE (workspace, change, recorded_at) IN (SELECT workspace, change, argMax(recorded_at, row_version) FROM changes GROUP BY workspace, change);

CREATE OR REPLACE VIEW populations_now AS
SELECT `workspace`, `at`, `slice`, `event_id`, `slice_pairs`, `customers`
FROM populations FINAL;

CREATE OR REPLACE VIEW hunches_now AS
SELECT `workspace`, `at`, `event_id`, `about`, `text`
FROM hunches FINAL;

CREATE OR REPLACE VIEW spikes_all AS
SELECT `workspace`, `spike_id`, `revision`, `stream`, `state`, `slice`, `slice_pairs`, `bucket_s`, `opened_at`, `as_of`, `onset`, `onset_low`, `onset_high`, `end`, `expected`, `observed`, `excess`, `excess_low`, `excess_high`, `surprise`, `window_s`, `budget_per_week`, `merged_into`, `seq`
FROM spikes FINAL;

CREATE OR REPLACE VIEW spikes_now AS
SELECT `workspace`, `spike_id`, `revision`, `stream`, `state`, `slice`, `slice_pairs`, `bucket_s`, `opened_at`, `as_of`, `onset`, `onset_low`, `onset_high`, `end`, `expected`, `observed`, `excess`, `excess_low`, `excess_high`, `surprise`, `window_s`, `budget_per_week`, `merged_into`, `seq`
FROM spikes FINAL
WHERE (workspace, spike_id, revision) IN (SELECT workspace, spike_id, argMax(revision, row_version) FROM spikes GROUP BY workspace, spike_id);

CREATE OR REPLACE VIEW expectations_now AS
SELECT `workspace`, `stream`, `bucket_start`, `slice`, `bucket_s`, `observed`, `expected`, `low`, `high`, `gap`
FROM expectations FINAL;

CREATE OR REPLACE VIEW judged_now AS
SELECT `workspace`, `stream`, `bucket_start`, `bucket_s`, `until`, `gap`, `final`, `spike_seq`, `seq`
FROM judged FINAL;

CREATE OR REPLACE VIEW attributions_all AS
SELECT `workspace`, `spike_id`, `revision`, `as_of`, `final`, `stream`, `state`, `slice`, `slice_pairs`, `onset`, `end`, `expected`, `observed`, `cause_kind`, `cause_key`, `cause_title`, `cause_owner`, `probability`, `excess`, `excess_low`, `excess_high`, `candidates`, `sentence`, `term`, `term_share_now`, `term_share_usual`, `quote_event_id`, `quote_at`, `quote_text`, `seq`
FROM attributions FINAL;

CREATE OR REPLACE VIEW attributions_now AS
SELECT `workspace`, `spike_id`, `revision`, `as_of`, `final`, `stream`, `state`, `slice`, `slice_pairs`, `onset`, `end`, `expected`, `observed`, `cause_kind`, `cause_key`, `cause_title`, `cause_owner`, `probability`, `excess`, `excess_low`, `excess_high`, `candidates`, `sentence`, `term`, `term_share_now`, `term_share_usual`, `quote_event_id`, `quote_at`, `quote_text`, `seq`
FROM attributions FINAL
WHERE (workspace, spike_id, revision) IN (SELECT workspace, spike_id, argMax(revision, row_version) FROM attributions GROUP BY workspace, spike_id);

CREATE OR REPLACE VIEW candidates_all AS
SELECT `workspace`, `spike_id`, `revision`, `rank`, `as_of`, `kind`, `change`, `title`, `owner`, `probability`, `excess`, `excess_low`, `excess_high`, `evidence_line`, `evidence_weight`, `evidence_sentence`, `evidence_numbers`
FROM candidates FINAL;

CREATE OR REPLACE VIEW candidates_now AS
SELECT `workspace`, `spike_id`, `revision`, `rank`, `as_of`, `kind`, `change`, `title`, `owner`, `probability`, `excess`, `excess_low`, `excess_high`, `evidence_line`, `evidence_weight`, `evidence_sentence`, `evidence_numbers`
FROM candidates FINAL
WHERE (workspace, spike_id, revision) IN (SELECT workspace, spike_id, argMax(revision, row_version) FROM attributions GROUP BY workspace, spike_id);

CREATE OR REPLACE VIEW impacts_all AS
SELECT `workspace`, `impact_id`, `revision`, `as_of`, `state`, `kind`, `change`, `title`, `owner`, `probability`, `spikes`, `first`, `last`, `contacts`, `contacts_low`, `contacts_high`, `hours`, `customers`, `by_slice`, `sentence`, `seq`
FROM impacts FINAL;

CREATE OR REPLACE VIEW impacts_now AS
SELECT `workspace`, `impact_id`, `revision`, `as_of`, `state`, `kind`, `change`, `title`, `owner`, `probability`, `spikes`, `first`, `last`, `contacts`, `contacts_low`, `contacts_high`, `hours`, `customers`, `by_slice`, `sentence`, `seq`
FROM impacts FINAL
WHERE (workspace, impact_id, revision) IN (SELECT workspace, impact_id, argMax(revision, row_version) FROM impacts GROUP BY workspace, impact_id);

CREATE OR REPLACE VIEW alerts_all AS
SELECT `workspace`, `alert_id`, `revision`, `at`, `event`, `audience`, `kind`, `change`, `owner`, `probability`, `contacts`, `contacts_low`, `contacts_high`, `text`, `seq`
FROM alerts FINAL;

CREATE OR REPLACE VIEW alerts_now AS
SELECT `workspace`, `alert_id`, `revision`, `at`, `event`, `audience`, `kind`, `change`, `owner`, `probability`, `contacts`, `contacts_low`, `contacts_high`, `text`, `seq`
FROM alerts FINAL
WHERE (workspace, alert_id, revision) IN (SELECT workspace, alert_id, argMax(revision, row_version) FROM alerts GROUP BY workspace, alert_id);

CREATE OR REPLACE VIEW quality_all AS
SELECT `workspace`, `window_end`, `check_id`, `window_start`, `table_name`, `expectation`, `column_name`, `success`, `observed`, `allowed`, `at`, `seq`
FROM quality FINAL;

CREATE OR REPLACE VIEW quality_now AS
SELECT `workspace`, `window_end`, `check_id`, `window_start`, `table_name`, `expectation`, `column_name`, `success`, `observed`, `allowed`, `at`, `seq`
FROM quality FINAL
WHERE (workspace, check_id, window_end) IN (SELECT workspace, check_id, argMax(window_end, row_version) FROM quality GROUP BY workspace, check_id);

CREATE OR REPLACE VIEW feedback_now AS
SELECT `workspace`, `event_id`, `occurred_at`, `source`, `spike_id`, `verdict`, `cause`, `who`, `note`
FROM feedback FINAL;

CREATE OR REPLACE VIEW dead_letters_now AS
SELECT `letter_id`, `workspace`, `stage`, `topic`, `partition`, `offset`, `at`, `reason`, `field`, `value`, `allowed`, `size`
FROM dead_letters FINAL;

-- down
DROP VIEW IF EXISTS dead_letters_now;
DROP VIEW IF EXISTS feedback_now;
DROP VIEW IF EXISTS quality_now;
DROP VIEW IF EXISTS quality_all;
DROP VIEW IF EXISTS alerts_now;
DROP VIEW IF EXISTS alerts_all;
DROP VIEW IF EXISTS impacts_now;
DROP VIEW IF EXISTS impacts_all;
DROP VIEW IF EXISTS candidates_now;
DROP VIEW IF EXISTS candidates_all;
DROP VIEW IF EXISTS attributions_now;
DROP VIEW IF EXISTS attributions_all;
DROP VIEW IF EXISTS judged_now;
DROP VIEW IF EXISTS expectations_now;
DROP VIEW IF EXISTS spikes_now;
DROP VIEW IF EXISTS spikes_all;
DROP VIEW IF EXISTS hunches_now;
DROP VIEW IF EXISTS populations_now;
DROP VIEW IF EXISTS changes_now;
DROP VIEW IF EXISTS changes_all;
DROP VIEW IF EXISTS progress_now;
DROP VIEW IF EXISTS frames_now;
DROP VIEW IF EXISTS counts_now;
DROP VIEW IF EXISTS contacts_now;
DROP VIEW IF EXISTS contacts_all;
