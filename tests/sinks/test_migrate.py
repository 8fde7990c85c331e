"""Migrations, on both stores."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.client import Client

from schemas.errors import FatalError
from sinks.migrate import LOG, Migration, current, lost, migrate, migrations, newest, parse, plan, require_current
from sinks.store import StoreSettings, connect

SMALL = (
    Migration(number=1, name="one", about="a", pause="nothing", up=("CREATE TABLE IF NOT EXISTS one (a UInt8) ENGINE = Memory", "CREATE TABLE IF NOT EXISTS two (a UInt8) ENGINE = Memory"), down=("DROP TABLE IF EXISTS two", "DROP TABLE IF EXISTS one")),
    Migration(number=2, name="view", about="b", pause="sink", up=("CREATE OR REPLACE VIEW three AS SELECT a FROM one",), down=("DROP VIEW IF EXISTS three",)),
)  # fmt: skip


@pytest.fixture
def empty(empty_store: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A fresh database, and two small migrations instead of the real ones."""
    monkeypatch.setattr("sinks.migrate.migrations", lambda: SMALL)
    return connect(empty_store)


def tables(client: Client) -> list[str]:
    return [row[0] for row in client.query("SHOW TABLES").result_rows]


def test_an_empty_store_is_at_zero_and_a_dry_run_leaves_it_there(empty: Client) -> None:
    assert current(empty) == 0
    assert [(step.number, step.pause) for step in migrate(empty, dry_run=True)] == [(1, "nothing"), (2, "sink")]
    assert current(empty) == 0
    assert tables(empty) == []


def test_up_then_up_again_does_nothing(empty: Client) -> None:
    migrate(empty)
    assert current(empty) == 2
    assert migrate(empty) == ()


def test_down_to_zero_leaves_nothing_but_the_log_and_up_again_works(empty: Client) -> None:
    migrate(empty)
    assert [(step.number, step.direction) for step in migrate(empty, to=0)] == [(2, "down"), (1, "down")]
    assert current(empty) == 0
    assert tables(empty) == [LOG]
    migrate(empty, to=1)
    assert current(empty) == 1
    assert tables(empty) == ["one", LOG, "two"]


def test_down_is_refused_while_rows_would_be_lost(empty: Client) -> None:
    migrate(empty)
    empty.command("INSERT INTO two VALUES (1), (2)")
    with pytest.raises(FatalError) as refused:
        migrate(empty, to=0)
    assert str(refused.value) == (
        "Going down to 0 would delete rows, or columns of them, in two (2). "
        "Make a backup first; --drop-data says that they may go."
    )
    assert current(empty) == 2
    migrate(empty, to=1)
    migrate(empty, to=0, drop_data=True)
    assert tables(empty) == [LOG]


def test_rows_whose_columns_would_go_are_lost_too(client: Client) -> None:
    named = set(lost(client, plan(newest(), 0)))
    client.command("INSERT INTO alerts (workspace, alert_id, at) VALUES ('w', 'a', now())")
    assert set(lost(client, plan(newest(), 2))) >= {"alerts"}
    assert set(lost(client, plan(newest(), 3))) == set()
    assert set(lost(client, plan(newest(), 0))) == named | {"alerts"}


def test_a_step_down_says_that_it_undoes_and_that_all_parts_pause() -> None:
    (step,) = plan(newest(), newest() - 1)
    assert step.about.startswith("undone: ")
    assert step.pause == "every part that uses the store"


def test_a_migration_cut_short_is_run_again(empty: Client) -> None:
    empty.command(SMALL[0].up[0])
    migrate(empty)
    assert tables(empty) == ["one", LOG, "three", "two"]


def test_an_older_store_is_refused_with_what_to_do(empty: Client) -> None:
    migrate(empty, to=1)
    with pytest.raises(FatalError) as refused:
        require_current(empty)
    assert str(refused.value) == "The store's schema is at 1 and this version of Whence needs 2. Run whence migrate."


def test_a_newer_store_is_refused_with_what_to_do(empty: Client) -> None:
    migrate(empty)
    require_current(empty)
    empty.insert(LOG, [[3, "later", "up"]], column_names=["number", "name", "direction"])
    for attempt in (require_current, migrate):
        with pytest.raises(FatalError) as refused:
            attempt(empty)
        assert str(refused.value) == (
            "The store's schema is at 3 and this version of Whence knows only 2. "
            "Use the version that wrote it, or go back with it: whence migrate --to 2."
        )


def test_the_real_migrations_can_all_be_undone(client: Client) -> None:
    assert current(client) == newest()
    assert [step.number for step in plan(newest(), 0)] == list(range(newest(), 0, -1))


def test_a_number_that_does_not_exist_is_refused() -> None:
    with pytest.raises(FatalError, match=rf"There is no schema number 99\. Allowed is 0 to {newest()}\."):
        plan(0, 99)


def test_every_migration_says_what_it_does_and_what_to_pause() -> None:
    for one in migrations():
        assert one.about
        assert one.pause
        assert one.up


def test_what_cannot_be_undone_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Migration(number=1, name="drop", about="x", pause="sink", up=("DROP TABLE t",), down=())
    monkeypatch.setattr("sinks.migrate.migrations", lambda: (one,))
    with pytest.raises(FatalError, match=r"Migration 0001_drop cannot be undone\. Restore a backup from before it"):
        plan(1, 0)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("first.sql", "", "first.sql is not a migration's name"),
        ("0003_x.sql", "-- about: a\n-- up\nSELECT 1;\n", "Migration 0003_x.sql lacks its 'pause'"),
        ("0003_x.sql", "-- about: a\n-- pause: b\n", "Migration 0003_x.sql lacks its 'up'"),
    ],
)
def test_a_broken_migration_is_named(name: str, text: str, said: str) -> None:
    with pytest.raises(FatalError) as refused:
        parse(name, text)
    assert said in str(refused.value)


def test_statements_end_at_a_semicolon_at_the_end_of_a_line() -> None:
    one = parse("0001_x.sql", "-- about: a\n-- pause: b\n-- up\nSELECT ';'\n;\nSELECT 2;\n-- down\nSELECT 3;\n")
    assert one.up == ("SELECT ';'", "SELECT 2")
    assert one.down == ("SELECT 3",)
