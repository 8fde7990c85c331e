"""Commands read an embedded store that another process holds, by asking that process."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from clickhouse_connect.driver.client import Client
from fastapi import FastAPI

from schemas.errors import FatalError
from sinks.migrate import current, migrate, newest
from sinks.store import StoreInUse, StoreSettings, connect
from tests.pipeline import running
from whence import store as commands
from whence.lending import Borrowed, Door, _items, borrowed, lending_router, opened
from whence.serve import HttpPart, listen
from whence.store import store_client

TOKEN = "only-for-these-tests"
TYPES = """SELECT number, toDateTime64('2026-03-01 09:30:00.125', 3, 'UTC') AS at, map('a', 1.5) AS shares,
[('x', 'y')] AS pairs, NULL AS nothing, concat({said:String}, toString(number)) AS said, [1.5, nan] AS figures
FROM numbers({many:UInt32}) ORDER BY number"""
ASKED = {"said": "it's \\ 'so'\n", "many": 70_000}


@pytest.fixture(scope="module")
def settings(store_folder: Path) -> StoreSettings:
    found = StoreSettings(path=str(store_folder), database="lent")
    client = connect(found)
    migrate(client)
    client.close()
    return found


@pytest.fixture(scope="module")
def url(settings: StoreSettings) -> Iterator[str]:
    app = FastAPI()
    app.include_router(lending_router(settings, TOKEN))
    part = HttpPart("web", app, listen("127.0.0.1", 0, setting="web"))
    with running(part):
        yield part.url


@pytest.fixture
def lent(url: str) -> Iterator[Borrowed]:
    client = Borrowed(Door(url, TOKEN), timeout_s=60.0)
    yield client
    client.close()


def test_answers_are_those_of_the_store_itself(lent: Borrowed, settings: StoreSettings) -> None:
    client = connect(settings)
    own = client.query(TYPES, parameters=ASKED)
    found = lent.query(TYPES, ASKED)
    wanted = [[*row[:3], [list(pair) for pair in row[3]], *row[4:]] for row in own.result_rows]
    assert repr(found.result_rows) == repr(wanted)  # nan is unlike itself
    assert next(found.named_results())["said"] == "it's \\ 'so'\n0"
    assert tuple(found.column_names) == tuple(own.column_names)
    assert current(_as_client(lent)) == current(client) == newest()
    with lent.query_rows_stream("SELECT number FROM numbers(3)") as rows:
        assert [row[0] for row in rows] == [0, 1, 2]
    assert lent.query("SELECT 1 WHERE 0").result_rows == []
    client.close()


def _as_client(lent: Borrowed) -> Client:
    client: Client = lent  # type: ignore[assignment]  # as commands take it
    return client


def test_only_who_has_the_token_is_answered(url: str) -> None:
    stranger = Borrowed(Door(url, "guessed"), timeout_s=10.0)
    with pytest.raises(FatalError, match=r"needs the token of the file beside the store\)\. Look at its page"):
        stranger.command("SELECT 1")
    stranger.close()


@pytest.mark.parametrize("sql", ["DROP TABLE contacts", "INSERT INTO contacts SELECT 1", "  system shutdown"])
def test_only_questions_are_answered(lent: Borrowed, sql: str) -> None:
    with pytest.raises(FatalError, match=r"^Only questions are answered here\. Allowed is a statement that reads\.$"):
        lent.command(sql)


def test_a_question_that_fails_says_why(lent: Borrowed) -> None:
    with pytest.raises(FatalError, match=r"answers: Unknown expression identifier `nothing`.*\. Run whence doctor\.$"):
        lent.command("SELECT nothing")


def test_an_answer_that_breaks_off_is_no_answer() -> None:
    whole = b"".join(len(one).to_bytes(4, "big") + one for one in map(msgspec.msgpack.encode, (["a"], [[1]], None)))
    assert list(_items(iter([whole[:3], whole[3:]]))) == [["a"], [[1]]]
    with pytest.raises(FatalError, match=r"does not answer \(its answer broke off\)"):
        list(_items(iter([whole[:-2]])))


def test_commands_borrow_only_to_read_and_only_from_who_answers(
    settings: StoreSettings, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = StoreSettings(path=str(tmp_path))

    def taken(_: StoreSettings) -> Client:
        raise StoreInUse("The embedded store is in use by another process (7)", remedy="End that one.")

    monkeypatch.setattr(commands, "connect", taken)
    door = Path(f"{tmp_path}.door")
    with opened(here, url, TOKEN):
        assert stat.S_IMODE(door.stat().st_mode) == 0o600
        with store_client(here) as client:
            assert client.command("SELECT 7") == 7
        with pytest.raises(StoreInUse), store_client(here, make=True):
            pass
    assert not door.exists()
    with pytest.raises(StoreInUse, match=r"in use by another process \(7\)"), store_client(here):
        pass
    with opened(here, "http://127.0.0.1:9", TOKEN), pytest.raises(StoreInUse), store_client(here):
        pass
    assert borrowed(here) is None
