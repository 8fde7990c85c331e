"""Commands on the store, against its engine in this process."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import structlog
from clickhouse_connect.driver.exceptions import OperationalError

from dashboards.query import Row
from sinks.migrate import newest
from sinks.store import StoreAway, StoreSettings
from whence import commands
from whence.store import store_query


@pytest.fixture(autouse=True)
def _store(
    tmp_path: Path, store_folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("WHENCE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WHENCE_STORE_PATH", str(store_folder))
    monkeypatch.setenv("WHENCE_STORE_DATABASE", f"commands_{abs(hash(request.node.name))}")
    yield
    structlog.reset_defaults()
    logging.basicConfig(force=True, handlers=[])


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = commands.run_command(arguments)
    told = capsys.readouterr()
    return code, told.out, told.err


def test_dry_run_prints_statements_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "migrate", "--dry-run")
    assert code == 0
    assert "CREATE TABLE" in out
    assert err.endswith(f"is at version 0; {newest()} step(s) to do.\n")


def test_migrate_goes_to_the_newest_and_says_so_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, "migrate")[0] == 0
    code, out, err = _run(capsys, "migrate")
    assert (code, out) == (0, "")
    assert err.endswith(f"is at version {newest()}.\n")


def test_export_of_an_older_store_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "export", "spikes")
    assert (code, out) == (3, "")
    assert err == (
        f"whence: The store's schema is at 0 and this version of Whence needs {newest()}. Run whence migrate.\n"
    )


@pytest.mark.parametrize("what", ["spikes", "attributions", "impacts", "contacts"])
def test_export_of_an_empty_store_is_a_header(capsys: pytest.CaptureFixture[str], tmp_path: Path, what: str) -> None:
    _run(capsys, "migrate")
    code, out, _ = _run(capsys, "export", what, "--workspace", "x", "--since", "2026-01-01", "--until", "2026-02-01")
    assert code == 0
    assert out.count("\n") == 1
    code, out, err = _run(capsys, "export", what, "--format", "jsonl", "--out", "file.jsonl")
    assert (code, out, err) == (0, "", f"0 row(s) of {what} written to file.jsonl.\n")
    assert (tmp_path / "file.jsonl").read_bytes() == b""


def test_quality_of_an_empty_store_has_nothing_to_check(capsys: pytest.CaptureFixture[str]) -> None:
    _run(capsys, "migrate")
    assert _run(capsys, "quality") == (
        0,
        "",
        "Nothing to check: nothing has landed yet, or too little to know what is usual.\n",
    )
    assert _run(capsys, "quality", "--last") == (
        0,
        "",
        "No check has run on its schedule yet (whence run quality, whence up); whence quality checks now.\n",
    )


def test_doctor_finds_an_old_schema_and_then_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "doctor", "--json")
    assert code == 1
    wrong = [one for one in json.loads(out)["findings"] if not one["ok"]]
    assert [(one["check"], one["remedy"]) for one in wrong] == [
        ("schema", f"Run whence migrate (this version needs {newest()}).")
    ]
    assert err == "whence: 1 of 4 checks found something wrong: schema\n"
    _run(capsys, "migrate")
    code, out, _ = _run(capsys, "doctor")
    assert code == 0
    assert "embedded: in memory" in out


def test_doctor_says_what_to_do_when_nothing_answers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WHENCE_STORE_PATH")
    monkeypatch.setenv("WHENCE_BROKER_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("WHENCE_STORE_HOST", "127.0.0.1")
    monkeypatch.setenv("WHENCE_STORE_PORT", "1")
    monkeypatch.setenv("WHENCE_GRAFANA_URL", "http://127.0.0.1:1")
    code, out, _ = _run(capsys, "doctor", "--json")
    assert code == 1
    found = {one["check"]: one for one in json.loads(out)["findings"]}
    assert found["kafka"]["remedy"] == "Start it, or correct broker.servers."
    assert found["store"]["remedy"] == "Start it, or correct store.host and store.port."
    assert found["grafana"]["remedy"] == "Start Grafana, or correct grafana.url and grafana.ca_file."
    assert found["disk"]["ok"]


def test_a_store_that_goes_away_under_the_page_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_sql: str, _parameters: Mapping[str, object]) -> Sequence[Row]:
        raise OperationalError("Error HTTPConnectionPool(host='ch'): [Errno 111] Connection refused')) when trying")

    monkeypatch.setattr("whence.store.connect", lambda _settings: None)
    monkeypatch.setattr("whence.store.from_client", lambda _client: gone)
    with pytest.raises(StoreAway) as told:
        store_query(StoreSettings(host="ch"))("SELECT 1", {})
    assert str(told.value) == (
        "No ClickHouse answers at ch:8123: Connection refused. Start it, or correct store.host and store.port."
    )
