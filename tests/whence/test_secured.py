"""Every part speaks to an Apache Kafka behind TLS and SASL with the same settings; what is wrong with them is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from schemas import heard
from sinks.migrate import migrate
from streams.topics import ensure_topics
from tests.certificates import Authority
from tests.pipeline import eventually
from tests.secure_kafka import Secured, secured_kafka
from whence import doctor
from whence.doctor import Finding, diagnose
from whence.settings import Settings, load_settings
from whence.store import store_client
from whence.supervise import Supervisor
from whence.up import all_parts

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured_kafka(tmp_path_factory.mktemp("secured")) as found:
        yield found


def _settings(folder: Path, environ: dict[str, str]) -> Settings:
    ours = {"WHENCE_ADMIT_CUSTOMER_KEY": "only-for-tests-0123456789", "WHENCE_DATA_FOLDER": str(folder)}
    return load_settings(environ=environ | ours)


@contextmanager
def _all_at_work(settings: Settings) -> Iterator[Supervisor]:
    """Every part, ready; in the end none may be late, or have failed."""
    ensure_topics(settings.broker.broker())
    with store_client(settings.store, make=True) as client:
        migrate(client)
    supervisor = Supervisor(all_parts(settings, settings.broker.broker(), settings.workspaces))
    supervisor.start()
    try:
        eventually(lambda: supervisor.failure is not None or all(one.ready for one in supervisor.health()))
        yield supervisor
    finally:
        late = supervisor.end()
    assert (supervisor.failure, late) == (None, ())


def test_all_parts_work_by_certificate_and_doctor_finds_nothing_wrong(
    secured: Secured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "ASK_WITHIN_S", 60.0)
    settings = _settings(tmp_path, secured.by_certificate())
    with _all_at_work(settings):
        pass
    assert [one.detail for one in diagnose(settings) if not one.ok] == []


def _kafka(secured: Secured, folder: Path, monkeypatch: pytest.MonkeyPatch, **changed: str) -> Finding:
    monkeypatch.setattr(doctor, "ASK_WITHIN_S", 0.5)  # the client hears the reason all the same
    environ = {
        name: value for name, value in secured.by_password().items() if f"{name}".removesuffix("_FILE") not in changed
    }
    return next(one for one in diagnose(_settings(folder, environ | changed)) if one.check == "kafka")


def test_doctor_says_what_is_wrong_with_the_settings(
    secured: Secured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heard, "LISTEN_S", 60.0)
    place = f"127.0.0.1:{secured.sasl_port}"
    found = _kafka(secured, tmp_path, monkeypatch, WHENCE_BROKER_SASL_PASSWORD="wrong")
    assert found.detail.startswith(f"Kafka at {place} refused the user 'whence' (SASL authentication error: ")
    found = _kafka(secured, tmp_path, monkeypatch, WHENCE_BROKER_SSL_CA_FILE=str(Authority(tmp_path, "other").ca))
    assert found.detail == f"the certificate of {place} is not trusted: unable to get local issuer certificate"
    assert found.remedy == "Set broker.ssl_ca_file to the certificate of its authority."


def test_all_parts_work_by_password_and_end_in_time_while_the_broker_is_away(secured: Secured, tmp_path: Path) -> None:
    """The last one: a start of Kafka costs more than the whole test."""
    settings = _settings(tmp_path, secured.by_password())
    away = f"no Kafka broker answers at 127.0.0.1:{secured.sasl_port} ("
    with _all_at_work(settings) as supervisor:
        secured.node.kill()
        eventually(lambda: any(one.part == "agents" and away in one.detail for one in supervisor.health()))
