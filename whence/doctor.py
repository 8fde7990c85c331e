"""What is wrong with everything that Whence stands on, and what to do about it."""

from __future__ import annotations

import logging
import shutil
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.admin._metadata import ClusterMetadata
from msgspec import Struct

from schemas.broker import Broker
from schemas.catalog import TOPICS
from schemas.errors import FatalError, RetryableError, WhenceError
from schemas.tls import SECURE, advised, refusal, trusting, untrusted
from sinks.migrate import current, newest
from sinks.store import connect
from streams.checkpoint import newest_age_s
from streams.topics import Admin, check_topics
from whence.alerts import routing_of, senders_of
from whence.errors import CheckFailed, SettingsError
from whence.settings import Settings
from whence.show import print_json, print_table

ASK_WITHIN_S = 5.0
GREET_WITHIN_S = 10.0
LOW_DISK_BYTES = 1_000_000_000
HIGH_LAG = 100_000
_UNTRUSTED = (
    ("expired", "Renew the broker's certificate."),
    ("mismatch", "Name the broker in broker.servers as its certificate does."),
    ("issuer", "Set broker.ssl_ca_file to the certificate of its authority."),
)
_QUIET = logging.getLogger("whence.doctor.kafka")
_QUIET.setLevel(logging.CRITICAL)


class Finding(Struct, frozen=True, kw_only=True):
    """One thing looked at. ``remedy`` is what a person should do, empty where nothing is wrong."""

    check: str
    ok: bool
    detail: str
    remedy: str = ""


def run_doctor(settings: Settings, *, as_json: bool) -> None:
    """Look at everything and print what was found.

    Raises:
        CheckFailed: something is wrong.
    """
    findings = diagnose(settings)
    if as_json:
        print_json({"ok": all(one.ok for one in findings), "findings": findings})
    else:
        rows = [(one.check, "ok" if one.ok else "WRONG", one.detail, one.remedy) for one in findings]
        print_table("", ("check", "state", "found", "what to do"), rows)
    wrong = [one.check for one in findings if not one.ok]
    if wrong:
        raise CheckFailed(f"{len(wrong)} of {len(findings)} checks found something wrong: {', '.join(wrong)}")


def diagnose(settings: Settings) -> list[Finding]:
    """Every finding, in the order in which things depend on each other."""
    looks: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
        ("kafka", _kafka),
        ("store", _store),
        ("disk", _disk),
        ("checkpoints", _checkpoints),
        ("grafana", _grafana),
        ("alerts", _alerts),
    )
    return [finding for name, look in looks for finding in _looked(name, look, settings)]


def _looked(name: str, look: Callable[[Settings], Iterator[Finding]], settings: Settings) -> Iterator[Finding]:
    try:
        yield from look(settings)
    except (WhenceError, KafkaException, OSError) as error:
        sentence, _, remedy = str(error).partition(". ")
        yield Finding(check=name, ok=False, detail=sentence, remedy=remedy or "Run whence doctor --debug.")


def _kafka(settings: Settings) -> Iterator[Finding]:
    if settings.broker.embedded:
        yield Finding(check="kafka", ok=True, detail="embedded: in memory, within whence up or whence demo only")
        return
    broker = settings.broker.broker()
    admin = Admin(broker, _QUIET)
    try:
        metadata = admin.list_topics(timeout=ASK_WITHIN_S)
    except KafkaException as error:
        yield _unanswered(admin.unanswered(error), broker)
        return
    yield Finding(check="kafka", ok=True, detail=f"{len(metadata.brokers)} broker(s) at {settings.broker.servers}")
    yield _topics(settings, metadata)
    yield from _lags(admin)


def _unanswered(told: RetryableError | FatalError, broker: Broker) -> Finding:
    if isinstance(told, FatalError):
        return Finding(check="kafka", ok=False, detail=told.what, remedy=told.remedy)
    if broker.security.get("security.protocol") in SECURE and (why := refusal(broker, timeout_s=GREET_WITHIN_S)):
        detail = f"the certificate of {broker.servers} is not trusted: {why}"
        return Finding(check="kafka", ok=False, detail=detail, remedy=advised(why, _UNTRUSTED))
    detail = f"{told.what} within {ASK_WITHIN_S:g} s"
    return Finding(check="kafka", ok=False, detail=detail, remedy=f"{told.remedy[:1].upper()}{told.remedy[1:]}.")


def _topics(settings: Settings, metadata: ClusterMetadata) -> Finding:
    missing = [topic.name for topic in TOPICS if topic.name not in metadata.topics]
    if missing:
        remedy = "They are made when whence run admit starts; if it may not make them, docs/topics.md lists them."
        return Finding(check="topics", ok=False, detail=f"missing: {', '.join(missing)}", remedy=remedy)
    try:
        check_topics(settings.broker.broker(), settings.broker.partitions)
    except FatalError as error:
        return Finding(check="topics", ok=False, detail=error.what, remedy=error.remedy)
    return Finding(check="topics", ok=True, detail=f"all {len(TOPICS)} are there, in the shape that is needed")


def _lags(admin: AdminClient) -> Iterator[Finding]:
    listed = admin.list_consumer_groups(request_timeout=ASK_WITHIN_S).result(timeout=ASK_WITHIN_S)
    groups = sorted(group.group_id for group in listed.valid if group.group_id.startswith("whence"))
    if not groups:
        remedy = "Start admit, agents and sink (whence run ...)."
        yield Finding(check="lag", ok=False, detail="no consumer group of Whence has ever committed", remedy=remedy)
    for group in groups:
        yield _lag(admin, group)


def _lag(admin: AdminClient, group: str) -> Finding:
    future = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=ASK_WITHIN_S)[
        group
    ]
    committed = [one for one in future.result(timeout=ASK_WITHIN_S).topic_partitions or [] if one.offset >= 0]
    end = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    places = {TopicPartition(one.topic, one.partition): end for one in committed}
    ends = admin.list_offsets(places, request_timeout=ASK_WITHIN_S) if places else {}
    newest_by_place = {(at.topic, at.partition): end.result(timeout=ASK_WITHIN_S).offset for at, end in ends.items()}
    behind = sum(max(0, newest_by_place[one.topic, one.partition] - one.offset) for one in committed)
    if behind > HIGH_LAG:
        remedy = "See that its part runs and what it logs; add replicas if it is merely slow."
        return Finding(check=f"lag of {group}", ok=False, detail=f"{behind:,} messages behind", remedy=remedy)
    return Finding(check=f"lag of {group}", ok=True, detail=f"{behind:,} messages behind")


def _store(settings: Settings) -> Iterator[Finding]:
    if settings.store.path and not Path(settings.store.path).exists():
        yield Finding(check="store", ok=True, detail=f"{settings.store.place} is not there yet; whence up makes it")
        return
    try:
        client = connect(settings.store)
    except WhenceError as error:
        if "in use by another process" not in str(error):
            raise
        yield Finding(check="store", ok=True, detail=f"{str(error).partition('. ')[0]}: ask that one's /health")
        return
    try:
        found = str(client.command("SELECT version()"))
        yield Finding(check="store", ok=True, detail=f"ClickHouse {found} at {settings.store.place}")
        at = current(client)
        remedy = "" if at == newest() else f"Run whence migrate (this version needs {newest()})."
        yield Finding(check="schema", ok=at == newest(), detail=f"version {at} of {newest()}", remedy=remedy)
    finally:
        client.close()


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.data.folder
    usage = shutil.disk_usage(_existing(folder))
    detail = f"{usage.free / 1e9:.1f} GB free of {usage.total / 1e9:.1f} GB at {folder}"
    low = usage.free < LOW_DISK_BYTES
    remedy = f"Free some space, or set data.folder elsewhere; below {LOW_DISK_BYTES / 1e9:g} GB the store may stop."
    yield Finding(check="disk", ok=not low, detail=detail, remedy=remedy if low else "")


def _checkpoints(settings: Settings) -> Iterator[Finding]:
    """Nothing where this machine has none: the agents may run elsewhere."""
    folder = settings.agents.checkpoint_folder
    ages = newest_age_s(Path(folder), time.time()) if folder else {}
    if ages:
        oldest = max(ages, key=lambda name: ages[name])
        detail = f"{len(ages)} in {folder}, {min(ages.values()) / 60:.0f} to {ages[oldest] / 60:.0f} minutes old"
        yield Finding(check="checkpoints", ok=True, detail=detail)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _grafana(settings: Settings) -> Iterator[Finding]:
    grafana = settings.grafana
    if not grafana.url:
        return
    verify: bool | ssl.SSLContext = grafana.verify_tls
    if grafana.ca_file is not None:
        verify = trusting(str(grafana.ca_file), setting="grafana.ca_file")
    headers = {"Authorization": f"Bearer {grafana.token.get_secret_value()}"}
    try:
        with httpx.Client(base_url=grafana.url, verify=verify, timeout=ASK_WITHIN_S, headers=headers) as client:
            status = client.get("/api/org").status_code
    except httpx.HTTPError as error:
        if why := untrusted(str(error)):
            detail = f"the certificate of {grafana.url} is not trusted: {why}"
            remedy = "Set grafana.ca_file to the certificate of its authority, or renew it."
            yield Finding(check="grafana", ok=False, detail=detail, remedy=remedy)
            return
        remedy = "Start Grafana, or correct grafana.url and grafana.ca_file."
        yield Finding(check="grafana", ok=False, detail=f"{grafana.url} does not answer: {error}", remedy=remedy)
        return
    remedy = "" if status == httpx.codes.OK else "Set WHENCE_GRAFANA_TOKEN to a service account's token."
    yield Finding(check="grafana", ok=not remedy, detail=f"{grafana.url} answers {status}", remedy=remedy)


def _alerts(settings: Settings) -> Iterator[Finding]:
    if not settings.alerts.routing:
        return
    try:
        routing = routing_of(Path(settings.alerts.routing))
        senders_of(settings, routing)
    except SettingsError as error:
        remedy = f"Run whence alerts check: {len(error.problems)} thing(s) to mend."
        yield Finding(check="alerts", ok=False, detail=error.problems[0], remedy=remedy)
        return
    found = f"{len(routing.channels)} channel(s), {len(routing.teams)} team(s), {len(routing.audiences)} audience(s)"
    yield Finding(check="alerts", ok=True, detail=f"{found} in {settings.alerts.routing}")
