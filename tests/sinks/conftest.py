"""The stores that every contract is run on: the embedded engine, and a server over HTTP."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from sinks.migrate import migrate
from sinks.store import StoreSettings, connect
from tests.clickhouse_server import ClickHouseServer, clickhouse_server

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    with clickhouse_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def on_server(server: ClickHouseServer) -> Callable[..., StoreSettings]:
    """Settings of a fresh database on the server."""

    def settings(**changed: object) -> StoreSettings:
        return settings_of(server, **changed)

    return settings


def settings_of(server: ClickHouseServer, **changed: object) -> StoreSettings:
    plain: dict[str, object] = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": server.user,
        "password": server.password,
        "database": f"contract{next(_NUMBERS)}",
        "timeout_s": 10,
        **changed,
    }
    return StoreSettings(**plain)  # type: ignore[arg-type]


@pytest.fixture(params=["chdb", "server"], scope="session")
def kind(request: pytest.FixtureRequest) -> str:
    """Which store: the embedded engine, or the server."""
    return str(request.param)


def fresh(kind: str, request: pytest.FixtureRequest) -> StoreSettings:
    """Settings of a database that is not there yet."""
    if kind == "chdb":
        folder: Path = request.getfixturevalue("store_folder")
        return StoreSettings(path=str(folder), database=f"contract{next(_NUMBERS)}")
    return settings_of(request.getfixturevalue("server"))


@pytest.fixture
def empty_store(kind: str, request: pytest.FixtureRequest) -> StoreSettings:
    """Settings of a fresh database without tables."""
    return fresh(kind, request)


def _migrated(settings: StoreSettings) -> StoreSettings:
    client = connect(settings)
    migrate(client)
    client.close()
    return settings


@pytest.fixture(scope="session")
def embedded_store(store_folder: Path) -> StoreSettings:
    """Settings of an embedded database with all tables, shared by all tests: each takes a workspace of its own."""
    return _migrated(StoreSettings(path=str(store_folder), database="contract"))


@pytest.fixture(scope="session")
def server_store(server: ClickHouseServer) -> StoreSettings:
    """The same on a server."""
    return _migrated(settings_of(server))


@pytest.fixture(scope="session")
def store(kind: str, request: pytest.FixtureRequest) -> StoreSettings:
    """Each of the two in turn."""
    found: StoreSettings = request.getfixturevalue({"chdb": "embedded_store", "server": "server_store"}[kind])
    return found


@pytest.fixture
def client(store: StoreSettings) -> Iterator[Client]:
    """A client on the shared database with all tables."""
    opened = connect(store)
    yield opened
    opened.close()


@pytest.fixture
def workspace() -> str:
    """A workspace that no other test uses."""
    return f"workspace{next(_NUMBERS)}"
