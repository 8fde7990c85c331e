-- about: a view of how long contacts take from the customer's word to the store
-- pause: nothing; it only adds
-- up
CREATE OR REPLACE VIEW landings AS
SELECT `workspace`, `event_id`, `occurred_at`, `ingested_at`, `late`, `stored_at` AS `landed_at`
FROM contacts FINAL
WHERE event = 'opened';

-- down
DROP VIEW IF EXISTS landings;
