"""Topics made at start where the broker allows it, and checked where they exist."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._metadata import ClusterMetadata
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from schemas.broker import Broker, client_config
from schemas.catalog import TOPICS, Topic
from schemas.errors import FatalError, RetryableError
from schemas.heard import Heard, text_of

TIMEOUT_S = 20.0
FOREVER = -1
_LOGGER = logging.getLogger("whence.broker")
_REMEDY = (
    "Change them with kafka-topics and kafka-configs, or set broker.partitions to what they have; Whence itself changes "
    "no topic that exists."
)
_UNITS = ((86_400_000, "days"), (3_600_000, "hours"), (60_000, "minutes"), (1_000, "seconds"))


def ensure_topics(broker: Broker, partitions: int | None = None) -> None:
    """Make every topic of the catalogue that is missing, and check the shape of the others.

    Args:
        broker: Where.
        partitions: Partitions of every topic; the catalogue's where it is None. The embedded broker has four
            whatever is asked.

    Raises:
        RetryableError: the broker does not answer.
        FatalError: topics exist with other partitions, shorter retention or another clean-up, or may not be made.
    """
    admin = Admin(broker)
    if broker.embedded:
        for topic in TOPICS:
            _metadata(admin, topic.name)
        return
    existing = partition_counts(broker, admin=admin)
    made = _create(admin, [topic for topic in TOPICS if topic.name not in existing], partitions)
    existing = _all_visible(broker, admin)
    _refuse_differences(admin, {name: count for name, count in existing.items() if name not in made}, partitions)


def check_topics(broker: Broker, partitions: int | None = None) -> None:
    """Check the shape of the topics that exist, as :func:`ensure_topics` does, and make none.

    Raises:
        RetryableError: the broker does not answer.
        FatalError: topics exist with other partitions, shorter retention or another clean-up.
    """
    admin = Admin(broker)
    _refuse_differences(admin, partition_counts(broker, admin=admin), partitions)


def _refuse_differences(admin: AdminClient, existing: Mapping[str, int], partitions: int | None) -> None:
    found = [topic for topic in TOPICS if topic.name in existing]
    configs = _configs(admin, found)
    wrong = [
        sentence
        for topic in found
        for sentence in _differences(topic, existing[topic.name], configs[topic.name], partitions)
    ]
    if wrong:
        raise FatalError("The topics on the broker differ from what Whence needs: " + "; ".join(wrong), remedy=_REMEDY)


def partition_counts(broker: Broker, *, admin: Admin | None = None, timeout_s: float | None = None) -> dict[str, int]:
    """Partitions of every topic of ours that exists, by name.

    Raises:
        RetryableError: the broker does not answer.
    """
    admin = admin if admin is not None else Admin(broker)
    names = {topic.name for topic in TOPICS}
    found = _metadata(admin, timeout_s=timeout_s).topics
    return {name: len(topic.partitions) for name, topic in found.items() if name in names and topic.partitions}


def counts_by_asking(broker: Broker, topics: Sequence[Topic], *, timeout_s: float) -> dict[str, int]:
    """Partitions of these topics, which have to be there; on the embedded broker asking makes them.

    Raises:
        RetryableError: the broker does not answer.
    """
    admin = Admin(broker)
    try:
        found = {one.name: admin.list_topics(one.name, timeout=timeout_s).topics[one.name] for one in topics}
    except KafkaException as error:
        raise admin.away(error) from error
    return {name: len(topic.partitions) for name, topic in found.items()}


class Admin(AdminClient):
    """A client that knows why no broker answers."""

    def __init__(self, broker: Broker, logger: logging.Logger = _LOGGER) -> None:
        self.heard = Heard(broker)
        config: dict[str, Any] = {**client_config(broker), "error_cb": self.heard}
        super().__init__(config, logger=logger)

    def unanswered(self, error: KafkaException) -> RetryableError | FatalError:
        """See :meth:`schemas.heard.Heard.unanswered`."""
        self.heard.listen(self.poll)
        return self.heard.unanswered(error)

    def away(self, error: KafkaException) -> RetryableError:
        """See :meth:`schemas.heard.Heard.away`."""
        self.heard.listen(self.poll)
        return self.heard.away(error)


def _metadata(admin: Admin, topic: str | None = None, *, timeout_s: float | None = None) -> ClusterMetadata:
    within = timeout_s if timeout_s is not None else TIMEOUT_S
    try:
        return admin.list_topics(topic, timeout=within) if topic is not None else admin.list_topics(timeout=within)
    except KafkaException as error:
        raise admin.unanswered(error) from error


def _create(admin: AdminClient, missing: list[Topic], partitions: int | None) -> set[str]:
    """Make them; return the names of those made here rather than by somebody else at the same moment."""
    if not missing:
        return set()
    wanted = [
        NewTopic(
            topic.name,
            num_partitions=partitions if partitions is not None else topic.partitions,
            replication_factor=-1,
            config={"retention.ms": str(topic.retention_ms), "cleanup.policy": topic.cleanup},
        )
        for topic in missing
    ]
    futures = admin.create_topics(wanted, operation_timeout=TIMEOUT_S)
    return {name for name, future in futures.items() if _made(name, future)}


def _made(name: str, future: Future[None]) -> bool:
    try:
        future.result(timeout=TIMEOUT_S)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise FatalError(
            f"The topic {name} is missing and could not be made ({text_of(error)})",
            remedy="Give Whence's user the right to create topics, or make them as docs/topics.md lists them.",
        ) from error
    return True


def _all_visible(broker: Broker, admin: Admin) -> dict[str, int]:
    """Partitions of every topic, once the broker's metadata show them all: they lag behind a creation."""
    deadline = time.monotonic() + TIMEOUT_S
    while len(counts := partition_counts(broker, admin=admin)) < len(TOPICS):
        if time.monotonic() > deadline:
            absent = ", ".join(topic.name for topic in TOPICS if topic.name not in counts)
            raise RetryableError(
                f"the broker at {broker.servers} does not show the topics {absent} yet", retry_after_s=2.0
            )
        time.sleep(0.1)
    return counts


def _configs(admin: AdminClient, topics: list[Topic]) -> dict[str, Mapping[str, str]]:
    if not topics:
        return {}
    asked = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in topics]
    futures = admin.describe_configs(asked, request_timeout=TIMEOUT_S)
    return {
        resource.name: {name: entry.value for name, entry in future.result(timeout=TIMEOUT_S).items()}
        for resource, future in futures.items()
    }


def _differences(topic: Topic, partitions: int, config: Mapping[str, str], wanted: int | None) -> Iterator[str]:
    wanted = wanted if wanted is not None else topic.partitions
    if partitions != wanted:
        yield f"{topic.name} has {partitions} partitions, not {wanted}"
    retention_ms = int(config.get("retention.ms", topic.retention_ms))
    if retention_ms != FOREVER and retention_ms < topic.retention_ms:
        kept, needed = (f"retention.ms={ms} ({_long(ms)})" for ms in (retention_ms, topic.retention_ms))
        yield f"{topic.name} has {kept}, less than {needed}"
    cleanup = config.get("cleanup.policy", topic.cleanup)
    if cleanup != topic.cleanup:
        yield f"{topic.name} has cleanup.policy={cleanup}, not {topic.cleanup}"


def _long(span_ms: int) -> str:
    """A span in the largest unit that it fills.

    >>> _long(259_200_000)
    '3 days'
    """
    unit_ms, unit = next((one for one in _UNITS if span_ms >= one[0]), (1, "ms"))
    return f"{span_ms / unit_ms:g} {unit}"
