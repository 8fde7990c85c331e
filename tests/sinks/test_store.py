"""Opening the store, and one clear sentence for each way in which it does not open."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from msgspec.structs import replace

from schemas.errors import FatalError
from sinks.migrate import migrate
from sinks.store import StoreAway, StoreSettings, _prepare_folder, connect, error_code, explained, first_line
from tests.certificates import Authority
from tests.clickhouse_server import ClickHouseServer
from tests.tls_front import tls_front

ROOT = Path(__file__).parents[2]
OTHER_PROCESS = """
import sys
from schemas.errors import FatalError
from sinks.store import StoreSettings, connect
try:
    connect(StoreSettings(path=sys.argv[1]))
except FatalError as error:
    print(type(error).__name__, error)
"""


def said_by_another_process(path: Path) -> str:
    command = [sys.executable, "-c", OTHER_PROCESS, str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def test_a_client_works_in_its_own_database_and_speaks_utc(client: Client, store: StoreSettings) -> None:
    assert client.command("SELECT currentDatabase()") == store.database
    (at,) = client.query("SELECT toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC')").result_rows[0]
    assert at.isoformat() == "2026-01-02T03:04:05.678000+00:00"


def test_two_clients_share_a_store(store: StoreSettings) -> None:
    one, two = connect(store), connect(store)
    assert one.command("SELECT 1") == two.command("SELECT 1") == 1


def test_a_second_process_on_the_embedded_store_is_told_who_has_it(store_folder: Path) -> None:
    held = connect(StoreSettings(path=str(store_folder)))
    assert said_by_another_process(store_folder) == (
        f"StoreInUse The embedded store in {store_folder} is in use by another process ({os.getpid()}). "
        "End that one, or use a ClickHouse server, which many processes can share."
    )
    held.close()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FatalError) as refused:
        connect(StoreSettings(path=str(tmp_path / "file")))
    assert str(refused.value) == (
        f"The store's folder {tmp_path / 'file'} cannot be made: File exists. "
        "Name a folder that this user may write, with store.path."
    )


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(FatalError) as refused:
        connect(StoreSettings(path=str(tmp_path)))
    assert str(refused.value) == (
        f"The store's folder {tmp_path} cannot be written by this user. "
        "Change its owner or its permissions, or name another with store.path."
    )


def test_a_wrong_password_is_named_and_never_shown(on_server: Callable[..., StoreSettings]) -> None:
    settings = on_server(password="hunter2")
    with pytest.raises(FatalError) as refused:
        connect(settings)
    assert not isinstance(refused.value, StoreAway)
    assert str(refused.value) == (
        f"ClickHouse at 127.0.0.1:{settings.port} refused the user 'default' (code 516). "
        "Set store.user, and its password in WHENCE_STORE_PASSWORD or WHENCE_STORE_PASSWORD_FILE."
    )
    assert "hunter2" not in repr(settings)


def test_no_server_is_one_sentence() -> None:
    with pytest.raises(StoreAway) as refused:
        connect(StoreSettings(host="127.0.0.1", port=9))
    assert str(refused.value) == (
        "No ClickHouse answers at 127.0.0.1:9: Connection refused. Start it, or correct store.host and store.port."
    )


def test_a_server_that_stalls_is_away(server: ClickHouseServer, on_server: Callable[..., StoreSettings]) -> None:
    server.misbehave(stall_s=2.0)
    try:
        with pytest.raises(StoreAway, match="it did not answer in time"):
            connect(on_server(timeout_s=1))
    finally:
        server.misbehave()


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("Code: 243. DB::Exception: Cannot reserve 1.91 MiB, not enough space. (NOT_ENOUGH_SPACE)", StoreAway, "The store at h:8123 has no room left on its disk. Free some space"),
        ("Code: 241. DB::Exception: Memory limit exceeded (MEMORY_LIMIT_EXCEEDED)", StoreAway, "The store at h:8123 is out of memory. Give it more"),
        ("Code: 252. DB::Exception: Too many parts (TOO_MANY_PARTS)", StoreAway, "The store at h:8123 answers: Too many parts (TOO_MANY_PARTS). Run whence doctor."),
        ("Code: 497. DB::Exception: Not enough privileges (ACCESS_DENIED)", FatalError, "ClickHouse at h:8123 refused the user 'default' (code 497)."),
    ],
)  # fmt: skip
def test_every_error_is_explained(text: str, kind: type[FatalError], said: str) -> None:
    error = explained(DatabaseError(text), StoreSettings(host="h"))
    assert type(error) is kind
    assert str(error).startswith(said)


def test_a_full_disk_under_a_temporary_file_is_explained() -> None:
    error = explained(OSError(28, "No space left on device"), StoreSettings(host="h"))
    assert isinstance(error, StoreAway)
    assert "no room left" in str(error)


def test_codes_are_found_in_texts_of_either_kind() -> None:
    assert error_code(DatabaseError("Received ClickHouse exception, code: 60, server response: …")) == "60"
    assert error_code(DatabaseError("x", code=60)) == "60"
    assert error_code(ValueError("nothing")) == ""


def test_the_first_line_drops_what_only_a_developer_reads() -> None:
    text = "Code: 6. DB::Exception: Cannot parse 'x' (CANNOT_PARSE_TEXT) (version 26.9 (official build))\nStack trace"
    assert first_line(DatabaseError(text)) == "Cannot parse 'x' (CANNOT_PARSE_TEXT)"


@pytest.mark.parametrize("name", ["", "drop table", "a;b", "1st"])
def test_a_database_is_a_plain_name(name: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="database"):
        msgspec.convert({"database": name}, StoreSettings)


def test_tls_and_certificates_pass_through_to_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    def client(**options: object) -> None:
        asked.update(options)
        raise OSError(111, "stop here")

    monkeypatch.setattr("clickhouse_connect.get_client", client)
    with pytest.raises(StoreAway):
        connect(StoreSettings(host="h", port=8443, tls=True, verify=False, ca_cert="/ca.pem", user="u", password="p"))
    named = ("host", "port", "secure", "verify", "ca_cert", "username", "password")
    assert [asked[name] for name in named] == ["h", 8443, True, False, "/ca.pem", "u", "p"]


def test_a_store_behind_https_with_an_authority_of_ones_own(
    server: ClickHouseServer, on_server: Callable[..., StoreSettings], tmp_path: Path
) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    with tls_front(server.port, *authority.sign("server")) as port:
        secured = on_server(tls=True, port=port, ca_cert=str(authority.ca))
        client = connect(secured)
        migrate(client)
        assert client.command("SELECT count() FROM contacts_now") == 0
        client.close()
        assert _refused(replace(secured, ca_cert=str(other.ca))) == (
            f"The certificate of ClickHouse at 127.0.0.1:{port} is not trusted: unable to get local issuer certificate. "
            "Set store.ca_cert to the certificate of its authority."
        )
        assert _refused(replace(secured, port=server.port)) == (
            f"ClickHouse at 127.0.0.1:{server.port} does not speak TLS. "
            "Set store.port to its port for HTTPS, or store.tls = false."
        )
        assert _refused(replace(secured, tls=False)) == (
            f"ClickHouse at 127.0.0.1:{port} ends every connection. "
            "Set store.tls = true if that is its port for HTTPS, or correct store.port."
        )
    with tls_front(server.port, *authority.sign("old", days=-1)) as port:
        assert _refused(replace(secured, port=port)) == (
            f"The certificate of ClickHouse at 127.0.0.1:{port} is not trusted: certificate has expired. Renew it."
        )


def test_a_file_that_holds_no_authority_is_named(tmp_path: Path) -> None:
    torn = tmp_path / "torn.pem"
    torn.write_text("-----BEGIN CERTIFICATE-----")
    settings = StoreSettings(host="127.0.0.1", port=9, tls=True, ca_cert=str(torn))
    assert _refused(settings) == f"store.ca_cert is {torn}, which holds no certificate. Allowed is a PEM file"
    assert _refused(replace(settings, ca_cert="/no/such")) == (
        "store.ca_cert is /no/such, which does not exist. Allowed is a PEM file"
    )


def _refused(settings: StoreSettings) -> str:
    with pytest.raises(FatalError) as refused:
        connect(settings)
    return str(refused.value)


def test_a_definition_left_empty_by_a_full_disk_does_not_keep_the_store_shut(tmp_path: Path) -> None:
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "whence.sql").touch()
    (tmp_path / "metadata" / "other.sql").write_text("ATTACH DATABASE other")
    _prepare_folder(tmp_path)
    assert [path.name for path in (tmp_path / "metadata").iterdir()] == ["other.sql"]
