"""Every metric, once: its name, kind, labels and meaning. Parts make their Prometheus objects from these."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Metric(Struct, frozen=True):
    """One metric family; units live in names."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


ADMITTED = Metric("whence_admitted_total", "counter", "Raw messages admitted.", ("topic",))
DEAD_LETTERED = Metric("whence_dead_letters_total", "counter", "Messages refused.", ("topic", "reason"))
LATE = Metric("whence_late_contacts_total", "counter", "Contacts whose bucket had closed.", ("workspace",))
REPEATS = Metric("whence_repeats_total", "counter", "Messages dropped as repeats.", ("topic",))
ADMIT_BATCH_S = Metric("whence_admit_batch_seconds", "histogram", "Time of one admitted batch, commit included.")
WATERMARK = Metric(
    "whence_watermark_seconds", "gauge", "Event time up to which all inputs are closed.", ("workspace", "stage")
)
LAG = Metric("whence_lag_messages", "gauge", "Messages not yet read.", ("part", "topic", "partition"))
APPLIED = Metric("whence_records_applied_total", "counter", "Records applied by a stage.", ("stage", "topic"))
SKIPPED = Metric("whence_records_skipped_total", "counter", "Repeated records skipped by a stage.", ("stage", "topic"))
REREAD = Metric("whence_gaps_reread_total", "counter", "Gaps in delivery that were read again.", ("stage", "topic"))
CUT = Metric(
    "whence_history_cut_total",
    "counter",
    "Series that a stage begins after their first record, because retention has cut it.",
    ("stage", "topic", "partition"),
)
CHECKPOINT = Metric(
    "whence_checkpoint_seconds", "gauge", "When the last checkpoint was written.", ("stage", "partition")
)
ROWS = Metric("whence_rows_inserted_total", "counter", "Rows inserted.", ("table",))
INSERT_S = Metric("whence_insert_seconds", "histogram", "Time of one insert.", ("table",))
STORE_AWAY = Metric("whence_store_away", "gauge", "1 while the store does not answer.")
DELIVERIES = Metric(
    "whence_deliveries_total", "counter", "Steps of messages to people, by channel and status.", ("channel", "status")
)
UNDELIVERED = Metric("whence_undelivered_messages", "gauge", "Messages to people that wait to be taken.")
CHECKS_FAILED = Metric("whence_quality_failed", "gauge", "Quality checks failing in their last run.", ("workspace",))
