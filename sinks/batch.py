"""One batch on its way from the broker into the store: gathered, sorted by table, stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial

from clickhouse_connect.driver.client import Client
from confluent_kafka import Message as KafkaMessage
from msgspec import Struct

from schemas.catalog import BY_NAME, CONTACTS, Topic
from schemas.codec import decode
from schemas.dead_letter import DeadLetter
from sinks.columns import Table
from sinks.insert import ContentError, insert_contacts, insert_rows, single_out
from sinks.letters import Message, letter
from sinks.rows import Row, row_version, rows
from sinks.store import StoreSettings
from sinks.tables import TABLES

Place = tuple[str, int]


class Batch(Struct):
    """What was consumed and not yet stored: messages by topic, the next offset of each partition, and its size."""

    messages: dict[str, list[Message]] = {}
    following: dict[Place, int] = {}
    count: int = 0
    size: int = 0

    def add(self, consumed: Iterable[KafkaMessage]) -> None:
        """Take messages in; those without a value (a compacted topic's tombstones) only move the offset."""
        for one in consumed:
            topic, partition, offset, value = one.topic(), one.partition(), one.offset(), one.value()
            if topic is None or partition is None or offset is None:
                continue
            self.following[(topic, partition)] = offset + 1
            if value is None:
                continue
            self.messages.setdefault(topic, []).append(Message(partition, offset, one.timestamp()[1], value))
            self.count += 1
            self.size += len(value)

    def reach(self, topic: str, partition: int, offset: int) -> None:
        """The end of a partition: transaction markers take offsets too, and are passed here."""
        self.following[(topic, partition)] = max(offset, self.following.get((topic, partition), 0))

    def clear(self) -> None:
        """Forget everything: somebody else will read it again."""
        self.messages, self.following, self.count, self.size = {}, {}, 0, 0


def store(client: Client, settings: StoreSettings, batch: Batch) -> list[DeadLetter]:
    """Insert a batch and return what could not be stored for what it holds, as dead letters.

    Tables are filled in the catalogue's order, so nobody sees an attribution before its candidates.

    Raises:
        StoreAway: the store does not answer, or has no room; part of the batch may be stored.
        FatalError: the schema is another, or the password is wrong.
    """
    letters = _contacts(client, settings, batch.messages.get(CONTACTS.name, []))
    by_table: dict[str, list[tuple[Row, Topic, Message]]] = defaultdict(list)
    for name, messages in batch.messages.items():
        if name != CONTACTS.name:
            letters += _sort(BY_NAME[name], messages, by_table)
    for table in TABLES:
        found = by_table.get(table.name, [])
        refused = single_out(found, partial(_insert, client, settings, table))
        letters += [letter(topic, message, error) for (_, topic, message), error in refused]
    return letters


def _insert(client: Client, settings: StoreSettings, table: Table, found: Sequence[tuple[Row, Topic, Message]]) -> None:
    insert_rows(client, settings, table, [row for row, _, _ in found])


def _sort(
    topic: Topic, messages: list[Message], by_table: dict[str, list[tuple[Row, Topic, Message]]]
) -> list[DeadLetter]:
    """Decode the messages of a topic into rows by table; what cannot be decoded becomes a dead letter."""
    letters = []
    for message in messages:
        try:
            record = decode(topic.type, message.value)
            made = list(rows(topic, record, row_version(message.written_ms, message.offset)))
        except Exception as error:  # one bad record must not hold up the others
            letters.append(letter(topic, message, error))
            continue
        for table, row in made:
            by_table[table].append((row, topic, message))
    return letters


def _contacts(client: Client, settings: StoreSettings, messages: list[Message]) -> list[DeadLetter]:
    """Contacts are checked one by one only when the store has refused them together."""
    whole = all(one.value.startswith(b"{") and one.value.endswith(b"}") for one in messages)
    if whole and not _refused_together(client, settings, messages):
        return []
    letters, good = [], []
    for message in messages:
        try:
            decode(CONTACTS.type, message.value)
        except Exception as error:
            letters.append(letter(CONTACTS, message, error))
        else:
            good.append(message)
    refused = single_out(good, lambda part: insert_contacts(client, settings, [one.value for one in part]))
    return letters + [letter(CONTACTS, message, error) for message, error in refused]


def _refused_together(client: Client, settings: StoreSettings, messages: list[Message]) -> bool:
    """Try all at once; whether the store has refused them."""
    if not messages:
        return False
    try:
        insert_contacts(client, settings, [one.value for one in messages])
    except ContentError:
        return True
    return False
