"""One Kafka transaction per batch: contacts, frames, timeline, dead letters and offsets, all or nothing."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from schemas.broker import Broker, client_config
from schemas.catalog import CONTACTS, DEAD_LETTERS, FRAMES, TIMELINE
from schemas.codec import encode
from schemas.errors import FatalError, RetryableError
from schemas.heard import text_of
from streams.admit.settings import AdmitSettings
from streams.admit.state import Admitted
from streams.reader import Place

_LOGGER = logging.getLogger("whence.broker")
_ATTEMPTS = 5
_FEW = 4
SILENCE_S = 30.0
PARTING_S = 1.0
BEGIN_S = 10.0
WAIT_S = 0.5
ANSWER_S = 2.0


class BatchLostError(Exception):
    """The transaction was aborted; nothing of it counts, and the states must be rebuilt."""


class Transactions:
    """The transactional producer, and a thread in which the last batch commits while the next is worked on.

    Once ``interrupted`` says yes, nothing waits for a silent broker any longer.
    """

    def __init__(
        self,
        broker: Broker,
        settings: AdmitSettings,
        at: Callable[[str], None],
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings = settings
        self._at = at
        self._interrupted = interrupted
        self._producer = Producer(
            client_config(
                broker,
                transactional_id=settings.transactional_id,
                transaction_timeout_ms=settings.transaction_timeout_s * 1_000,
                partitioner="murmur2_random",
                linger_ms=5,
                batch_num_messages=50_000,
                queue_buffering_max_messages=2_000_000,
                queue_buffering_max_kbytes=1 << 20,
                message_max_bytes=4_000_000,
            ),
            logger=_LOGGER,
        )
        self._running: Future[None] | None = None
        self._stuck = False
        self._begin(broker.servers)
        self._contact_partitions = self._count_contacts(broker.servers)

    def _begin(self, servers: str) -> None:
        """In short waits: asked again, the client goes on with what it has begun."""
        deadline = time.monotonic() + BEGIN_S
        while True:
            try:
                self._producer.init_transactions(WAIT_S)
            except KafkaException as error:
                cause = error.args[0]
                if cause.fatal():
                    raise
                if not cause.retriable() or time.monotonic() >= deadline or self._interrupted():
                    raise RetryableError(
                        f"no Kafka broker that takes transactions answers at {servers} ({text_of(cause)})",
                        retry_after_s=2.0,
                    ) from error
            else:
                return

    def _count_contacts(self, servers: str) -> int:
        try:
            found = self._producer.list_topics(CONTACTS.name, timeout=ANSWER_S).topics[CONTACTS.name]
        except KafkaException as error:
            what = f"Kafka at {servers} does not tell the partitions of {CONTACTS.name} ({text_of(error)})"
            raise RetryableError(what, retry_after_s=2.0) from error
        return max(1, len(found.partitions))

    def send(self, outputs: Mapping[Place, Admitted], offsets: list[TopicPartition], group: object) -> None:
        """Begin a transaction with everything, and commit it beside; the one before must have been settled.

        What was handed to the client is taken out of ``outputs``: together they would be held twice.

        Raises:
            BatchLostError: the transaction is aborted.
            FatalError: another process has taken over.
        """
        try:
            self._producer.begin_transaction()
            for place, out in outputs.items():
                self._produce(place, out)
            self._at("produced")
        except KafkaException as error:
            raise self._lost(error) from error
        self._running = Future()
        # A daemon: where the broker goes away at the wrong moment, the client's call never returns, whatever its time
        # limit (seen in send_offsets_to_transaction), and the process must still be able to end.
        threading.Thread(
            target=self._commit_into, args=(self._running, offsets, group), name="admit-commit", daemon=True
        ).start()

    def settle(self) -> None:
        """Wait until the transaction on its way is committed.

        Raises:
            BatchLostError, FatalError: see above. Also where the client does not return for far longer than the broker
                keeps a transaction open: the next session's ``init_transactions`` says how it ended.
        """
        running, self._running = self._running, None
        if running is None:
            return
        try:
            self._answered(running)
        except KafkaException as error:
            raise self._lost(error) from error

    def _answered(self, running: Future[None]) -> None:
        """Wait for its end, but when interrupted only ``PARTING_S`` seconds more."""
        began = time.monotonic()
        while wait([running], timeout=WAIT_S).not_done:
            patience_s = PARTING_S if self._interrupted() else SILENCE_S
            if time.monotonic() - began >= patience_s:
                self._stuck = True
                raise BatchLostError(f"no word of a transaction for {patience_s:g} s")
        running.result()

    def _produce(self, place: Place, out: Admitted) -> None:
        # A contact's events all lie in one input partition: the same one of `contacts` keeps their order, and saves
        # the client from hashing every key.
        self._all(CONTACTS.name, out.contacts, place.partition % self._contact_partitions)
        self._all(FRAMES.name, out.written_frames)
        self._all(TIMELINE.name, [(entry.workspace.encode(), encode(entry)) for entry in out.timeline])
        self._all(DEAD_LETTERS.name, [(letter.letter_id.encode(), encode(letter)) for letter in out.letters])

    def _all(self, topic: str, records: list[tuple[bytes, bytes]], partition: int = -1) -> None:
        """Hand records over to the client, and take them out of the list on the way: it holds copies."""
        at_once = max(_FEW, len(records) // _FEW)
        while records:
            some = records[:at_once]
            del records[:at_once]
            self._some(topic, some, partition)

    def _some(self, topic: str, records: Sequence[tuple[bytes, bytes]], partition: int) -> None:
        left = [{"key": key, "value": value} for key, value in records]
        while left:
            if self._producer.produce_batch(topic, left, partition) == len(left):
                break
            failed = [record for record in left if record.pop("_error", None) is not None]
            if len(failed) == len(left) and self._producer.flush(10.0) == len(left):
                raise KafkaException(KafkaError(KafkaError._QUEUE_FULL))
            left = failed
        self._producer.poll(0)

    def _commit_into(self, done: Future[None], offsets: list[TopicPartition], group: Any) -> None:
        try:
            self._commit(offsets, group)
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    def _commit(self, offsets: list[TopicPartition], group: Any) -> None:
        self._at("before_commit")
        _patiently(lambda: self._producer.send_offsets_to_transaction(offsets, group, 10.0))
        _patiently(lambda: self._producer.commit_transaction(10.0))
        self._at("after_commit")

    def _lost(self, error: KafkaException) -> Exception:
        cause: KafkaError = error.args[0]
        if cause.fatal() or cause.code() in (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH):
            return FatalError(
                f"The transactional producer {self._settings.transactional_id} cannot go on ({cause.str()})",
                remedy="Make sure that no other admit runs with the same admit.transactional_id, then start it again",
            )
        if cause.txn_requires_abort():
            # Where this fails, the next session's init_transactions aborts it.
            with contextlib.suppress(KafkaException):
                self._producer.abort_transaction(WAIT_S if self._interrupted() else 10.0)
        return BatchLostError(cause.str())

    def close(self) -> None:
        """Settle or give up what is on its way; an unfinished transaction is aborted by the next session."""
        on_its_way = [] if self._running is None else [self._running]
        if not self._stuck and not wait(on_its_way, timeout=2.0).not_done:
            self._producer.close()


def membership(consumer: Consumer, nobody: object) -> object:
    """What to commit offsets as; ``nobody`` is what a consumer has that is in no group.

    Raises:
        BatchLostError: Kafka has expelled this member, and its callback waits behind messages. Offsets that nobody
            commits are fenced by nobody, and the partitions may be somebody else's by now.
    """
    found = consumer.consumer_group_metadata()
    if found == nobody:
        raise BatchLostError("Kafka has expelled this admit from its group")
    return found


def _patiently(call: Callable[[], None]) -> None:
    """Repeat what the client says may be repeated."""
    for attempt in range(_ATTEMPTS):
        try:
            call()
        except KafkaException as error:
            if not error.args[0].retriable() or attempt == _ATTEMPTS - 1:
                raise
        else:
            return
