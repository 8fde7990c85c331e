"""The writer: every topic right of admit into the store, nothing lost and, seen through the views, nothing twice.

Offsets are committed after the insert. Killed in between, the same rows are inserted again and replace themselves.
While the store is away the writer leaves its consumer group, so its offsets wait, and tries again by itself.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_when_event_set

from schemas.aside import beside
from schemas.broker import Broker, client_config, leave
from schemas.catalog import STAGE_TOPICS
from schemas.dead_letter import DeadLetter
from schemas.errors import FatalError, RetryableError
from schemas.health import Health
from schemas.heard import Heard
from sinks.batch import Batch, Place, store
from sinks.letters import send
from sinks.meters import LAG, REFUSED, STORE_AWAY
from sinks.migrate import require_current
from sinks.settings import SinkSettings
from sinks.store import StoreAway, StoreSettings, connect, explained

LOG = structlog.get_logger("whence.sink")
_KAFKA_LOG = logging.getLogger("whence.sink.kafka")
_AT_ONCE = 1_000
_LAG_EVERY_S = 2.0
_PATIENCE_S = 2.0
_COMMIT_PATIENCE_S = 1.0
_LAST_LOOK_S = 0.2


class Writer:
    """A part: one member of the sink's consumer group. ``before_commit`` is called between insert and commit."""

    name = "sink"

    def __init__(
        self,
        broker: Broker,
        store_settings: StoreSettings,
        settings: SinkSettings = SinkSettings(),  # noqa: B008 - frozen
        *,
        before_commit: Callable[[], None] = lambda: None,
    ) -> None:
        self._broker = broker
        self._store = store_settings
        self._settings = settings
        self._before_commit = before_commit
        self._batch = Batch()
        self._heard = Heard(broker)
        self._unanswered = False
        self._failures = 0
        self._refused: deque[float] = deque()
        self._lag_at = 0.0
        self._reached: dict[Place, int] = {}
        self._stored = 0
        self._health = Health(part=self.name, alive=True, ready=False, detail="starting")
        # Rejoining the group takes seconds: a store that only hiccups is tried again in place.
        self._blips = Retrying(
            retry=retry_if_exception_type(StoreAway),
            wait=wait_random_exponential(multiplier=0.1, max=0.5),
            stop=stop_after_attempt(4),
            reraise=True,
        )

    def health(self) -> Health:
        """Ready while it reads the topics and the store takes what it reads."""
        return self._health

    def run(self, stop: threading.Event) -> None:
        """Write until ``stop`` is set; what was consumed by then is still written.

        Raises:
            FatalError: wrong password, another schema, an embedded store that is in use, or too many bad records.
        """
        retrying = Retrying(
            retry=retry_if_exception_type((StoreAway, RetryableError)),
            wait=self._pause_s,
            stop=stop_when_event_set(stop),
            sleep=sleep_using_event(stop),
            before_sleep=self._say_away,
            retry_error_callback=lambda _: None,
        )
        try:
            retrying(self._session, stop)
        except FatalError as error:
            self._say(alive=False, ready=False, detail=str(error))
            raise
        self._say(alive=False, ready=False, detail="stopped")

    def _pause_s(self, _: RetryCallState) -> float:
        """Seconds to wait: growing with the failures since the last insert, and random, so that members spread."""
        bound_s = min(self._settings.first_pause_s * 2.0 ** min(self._failures - 1, 32), self._settings.longest_pause_s)
        return random.uniform(bound_s / 2, bound_s)  # noqa: S311 - spreads retries, guards nothing

    def _say_away(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        pause_s = round(state.next_action.sleep, 1) if state.next_action is not None else 0.0
        STORE_AWAY.set(1 if isinstance(error, StoreAway) else 0)
        reason = f"{error.what}." if isinstance(error, RetryableError) else str(error)
        LOG.warning("waiting", reason=reason, failures=self._failures, pause_s=pause_s)
        self._say(alive=True, ready=False, detail=f"{reason} Trying again in {pause_s:g} s; offsets wait.")

    def _say(self, *, alive: bool, ready: bool, detail: str) -> None:
        self._health = Health(part=self.name, alive=alive, ready=ready, detail=detail)

    def _session(self, stop: threading.Event) -> None:
        """Read and write until ``stop``, or until the store or the broker fails."""
        self._failures += 1
        self._batch = Batch()
        client = connect(self._store)
        try:
            require_current(client)
            STORE_AWAY.set(0)
            consumer = self._consumer()
            try:
                self._copy(client, consumer, stop)
            finally:
                if not self._unanswered:  # else a commit of its own still holds the client
                    leave(consumer, hurry=stop.is_set())
        except ClickHouseError as error:
            raise explained(error, self._store) from error
        except KafkaException as error:
            raise RetryableError(f"Kafka at {self._broker.servers} fails: {error}", retry_after_s=1.0) from error
        finally:
            client.close()

    def _consumer(self) -> Consumer:
        config: dict[str, Any] = client_config(
            self._broker,
            group_id=self._settings.group,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=self._settings.session_s * 1000,
            heartbeat_interval_ms=1000,
            max_poll_interval_ms=600_000,
            queued_max_messages_kbytes=32_768,
            enable_partition_eof=True,
            fetch_wait_max_ms=50,
            fetch_queue_backoff_ms=50,  # by default a second, which is longer than a full queue lasts
            topic_metadata_refresh_interval_ms=30_000,
        )
        config["error_cb"] = self._broker_said
        consumer = Consumer(config, logger=_KAFKA_LOG)
        if self._broker.embedded:
            # The embedded broker makes a topic when somebody first asks for it; subscribing does not count.
            for topic in STAGE_TOPICS:
                consumer.list_topics(topic.name, timeout=10.0)
        consumer.subscribe(
            [topic.name for topic in STAGE_TOPICS],
            on_assign=self._assigned,
            on_revoke=self._revoked,
            on_lost=self._revoked,
        )
        return consumer

    def _assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        LOG.info("assigned", partitions=len(partitions))
        self._say(alive=True, ready=True, detail=f"reading {len(partitions)} partitions into {self._store.place}")

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """What was read and not stored is dropped: whoever gets the partitions starts at the committed offsets."""
        LOG.info("revoked", partitions=len(partitions))
        for one in partitions:
            LAG.labels(self.name, one.topic, str(one.partition)).set(0)
        self._batch.clear()
        self._reached.clear()

    def _broker_said(self, error: KafkaError) -> None:
        self._heard(error)
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._say(alive=True, ready=False, detail=f"{self._heard.away(error).advised}; offsets wait")

    def _copy(self, client: Client, consumer: Consumer, stop: threading.Event) -> None:
        ended = False
        while not ended:
            ended = stop.is_set()
            self._gather(consumer, stop)
            if self._batch.count:
                self._write(client, stop)
                self._before_commit()
            if self._batch.following:
                self._commit(consumer, stop)
            self._batch.clear()
            self._tell_lag(consumer)

    def _gather(self, consumer: Consumer, stop: threading.Event) -> None:
        """Consume until the batch is large or old enough."""
        settings, batch = self._settings, self._batch
        deadline = time.monotonic() + settings.batch_age_s
        while batch.count < settings.batch_rows and batch.size < settings.batch_bytes:
            left_s = deadline - time.monotonic()
            wait_s = min(left_s, _LAST_LOOK_S) if stop.is_set() else left_s
            consumed = consumer.consume(min(_AT_ONCE, settings.batch_rows), timeout=max(wait_s, 0.0))
            batch.add(one for one in consumed if self._is_record(one))
            if left_s <= 0.0 or (stop.is_set() and not consumed):
                return

    def _is_record(self, message: KafkaMessage) -> bool:
        error = message.error()
        if not self._health.ready and (error is None or error.code() == KafkaError._PARTITION_EOF):
            self._heard.forget()
            self._say_reading()
        if error is None:
            return True
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if error.code() == KafkaError._PARTITION_EOF and topic and partition is not None and offset is not None:
            self._batch.reach(topic, partition, offset)
            self._reached[(topic, partition)] = offset
            LAG.labels(self.name, topic, str(partition)).set(0)
        elif error.fatal():
            raise RetryableError(f"Kafka ended the sink's membership: {error.str()}", retry_after_s=1.0)
        else:
            LOG.warning("kafka", topic=topic, reason=error.str())
        return False

    def _write(self, client: Client, stop: threading.Event) -> None:
        """Store the batch. Until this returns, no offset of it is committed."""
        insert = partial(self._blips, store, client, self._store, self._batch)
        # An engine in this process is never left in the middle of an insert; a server that stalls may be.
        letters = (
            insert()
            if self._store.path
            else beside(insert, stop, patience_s=_PATIENCE_S, asked="The store", name="sink-insert")
        )
        if letters:
            self._refuse(letters)
        self._failures = 0
        STORE_AWAY.set(0)
        self._stored += self._batch.count
        self._say_reading()

    def _say_reading(self) -> None:
        detail = f"reading into {self._store.place}; {self._stored:,} records so far"
        self._say(alive=True, ready=True, detail=detail)

    def _refuse(self, letters: list[DeadLetter]) -> None:
        """Dead-letter what cannot be stored, up to a ceiling."""
        now = time.monotonic()
        self._refused.extend(now for _ in letters)
        while self._refused and self._refused[0] < now - 60.0:
            self._refused.popleft()
        if len(self._refused) > self._settings.refused_per_minute:
            raise FatalError(
                f"{len(self._refused)} records a minute cannot be stored, the last from {letters[-1].letter_id} "
                f"({letters[-1].reason}); allowed are {self._settings.refused_per_minute}",
                remedy="Look at that record; nothing was skipped. Update Whence, or raise sink.refused_per_minute.",
            )
        for one in letters:
            LOG.warning("refused", letter=one.letter_id, reason=one.reason, field=one.field)
            REFUSED.labels(one.topic, one.reason).inc()
        send(self._broker, letters)

    def _commit(self, consumer: Consumer, stop: threading.Event) -> None:
        offsets = [
            TopicPartition(topic, partition, offset) for (topic, partition), offset in self._batch.following.items()
        ]
        commit = partial(_committed, consumer, offsets)
        self._unanswered = True
        # A broker that hangs does not answer for a minute.
        failed = beside(commit, stop, patience_s=_COMMIT_PATIENCE_S, asked="Kafka", name="sink-commit")
        self._unanswered = False
        if failed is not None:
            # Whoever owns the partitions now reads the same records again, and the same rows replace themselves.
            LOG.warning("commit_failed", reason=str(failed))

    def _tell_lag(self, consumer: Consumer) -> None:
        """Messages not yet read, where there are any: a partition's end says so itself."""
        if time.monotonic() < self._lag_at:
            return
        self._lag_at = time.monotonic() + _LAG_EVERY_S
        for one in consumer.position(consumer.assignment()):
            _, high = consumer.get_watermark_offsets(one, cached=True)
            at = max(one.offset, self._reached.get((one.topic, one.partition), 0))
            if high >= 0 and one.offset >= 0:
                LAG.labels(self.name, one.topic, str(one.partition)).set(max(high - at, 0))


def _committed(consumer: Consumer, offsets: list[TopicPartition]) -> KafkaException | None:
    try:
        consumer.commit(offsets=offsets, asynchronous=False)
    except KafkaException as error:
        return error
    return None
