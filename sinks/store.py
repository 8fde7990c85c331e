"""The store: ClickHouse on a server, or its engine in this process (chDB); one client interface to both."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path
from typing import Annotated

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from msgspec import Meta, Struct

from schemas.errors import FatalError
from schemas.tls import advised, trusting, untrusted

# The embedded engine shares its process with everything else. Its caches may each grow to 5 GB by default, and a query
# may take what there is; with these, five million contacts and questions about them stay near 600 MB.
EMBEDDED_OPTIONS = {
    "mark_cache_size": 64_000_000,
    "index_mark_cache_size": 16_000_000,
    "primary_index_cache_size": 64_000_000,
    "query_condition_cache_size": 16_000_000,
    "compiled_expression_cache_size": 16_000_000,
}
EMBEDDED_SETTINGS = {
    "max_threads": 2,
    "max_memory_usage": 800_000_000,
    "max_bytes_before_external_group_by": 200_000_000,
    "max_bytes_before_external_sort": 200_000_000,
}
# Keys hold the time that tables are partitioned by, so a row's doubles lie in its own partition.
CLIENT_SETTINGS = {"do_not_merge_across_partitions_select_final": 1}
_UNTRUSTED = (
    ("expired", "Renew it."),
    ("mismatch", "Name the server in store.host as its certificate does."),
    ("issuer", "Set store.ca_cert to the certificate of its authority."),
)
_REFUSED = {"192", "193", "194", "492", "497", "516"}


class StoreAway(FatalError):
    """The store does not answer now. A command stops; a part that can wait, waits and tries again."""


class StoreInUse(FatalError):
    """Another process holds the embedded store."""


class StoreSettings(Struct, frozen=True, kw_only=True):
    """Where the store is. With ``path``, the engine runs in this process and keeps its data in that folder;
    otherwise a server is asked at ``host`` and ``port`` over HTTP, or HTTPS with ``tls``. ``ca_cert`` is a file of
    trusted certificates, ``timeout_s`` the patience with one query in seconds."""

    path: str = ""
    host: str = "localhost"
    port: Annotated[int, Meta(ge=1, le=65_535)] = 8123
    user: str = "default"
    password: str = ""
    tls: bool = False
    verify: bool = True
    ca_cert: str = ""
    database: Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "whence"
    connect_timeout_s: Annotated[int, Meta(ge=1)] = 5
    timeout_s: Annotated[int, Meta(ge=1)] = 60

    @property
    def place(self) -> str:
        """The store in words, without secrets."""
        return f"the folder {self.path}" if self.path else f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"StoreSettings({self.place}, database={self.database!r}, user={self.user!r})"


def connect(settings: StoreSettings) -> Client:
    """A client on the store's database, which is created if it is not there. One client serves one thread.

    Raises:
        StoreAway: nothing answers there, or it is out of room.
        FatalError: a wrong password, a folder that cannot be written, a second process on an embedded store.
    """
    if settings.path:
        _prepare_folder(Path(settings.path))
        _refuse_second_process(settings)
    elif settings.tls and settings.verify and settings.ca_cert:
        trusting(settings.ca_cert, setting="store.ca_cert")
    try:
        client = _open(settings)
        client.command(f"CREATE DATABASE IF NOT EXISTS {settings.database}")
        client.database = settings.database
    except (ClickHouseError, OSError) as error:
        raise explained(error, settings) from error
    return client


def _open(settings: StoreSettings) -> Client:
    if settings.path:
        return clickhouse_connect.get_client(
            interface="chdb",
            path=settings.path,
            chdb_options=dict(EMBEDDED_OPTIONS),
            settings={**CLIENT_SETTINGS, **EMBEDDED_SETTINGS},
            tz_mode="aware",
        )
    return clickhouse_connect.get_client(
        host=settings.host,
        port=settings.port,
        username=settings.user,
        password=settings.password,
        secure=settings.tls,
        verify=settings.verify,
        ca_cert=settings.ca_cert or None,
        connect_timeout=settings.connect_timeout_s,
        send_receive_timeout=settings.timeout_s,
        autogenerate_session_id=False,
        query_retries=0,
        settings=dict(CLIENT_SETTINGS),
        tz_mode="aware",
        client_name="whence",
    )


def _prepare_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FatalError(
            f"The store's folder {path} cannot be made: {error.strerror}",
            remedy="Name a folder that this user may write, with store.path.",
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise FatalError(
            f"The store's folder {path} cannot be written by this user",
            remedy="Change its owner or its permissions, or name another with store.path.",
        )
    for torn in (path / "metadata").glob("*.sql"):
        # A disk that is full when a database is made leaves its definition empty, and the engine then opens nothing.
        if torn.stat().st_size == 0:
            torn.unlink()


def error_code(error: BaseException) -> str:
    """ClickHouse's number of an error, or an empty text for one that is not ClickHouse's."""
    code = getattr(error, "code", None)
    if code is not None:
        return str(code)
    found = re.search(r"[Cc]ode: (\d+)", str(error))
    return found.group(1) if found else ""


def explained(error: BaseException, settings: StoreSettings) -> FatalError:
    """What a failed call means, in one sentence with what to do."""
    code = error_code(error)
    if code in _REFUSED:
        return FatalError(
            f"ClickHouse at {settings.place} refused the user {settings.user!r} (code {code})",
            remedy="Set store.user, and its password in WHENCE_STORE_PASSWORD or WHENCE_STORE_PASSWORD_FILE.",
        )
    if code == "243" or getattr(error, "errno", None) == 28:
        return StoreAway(
            f"The store at {settings.place} has no room left on its disk",
            remedy="Free some space or shorten the retention; nothing is lost meanwhile.",
        )
    if code == "241":
        return StoreAway(
            f"The store at {settings.place} is out of memory",
            remedy="Give it more memory or fewer queries at once; nothing is lost meanwhile.",
        )
    if settings.path and "EmbeddedServer" in str(error):
        return _embedded(error, settings)
    if code:
        return StoreAway(f"The store at {settings.place} answers: {first_line(error)}", remedy="Run whence doctor.")
    return _of_tls(str(error), settings) or StoreAway(
        f"No ClickHouse answers at {settings.place}: {first_line(error)}",
        remedy="Start it, or correct store.host and store.port.",
    )


def _of_tls(text: str, settings: StoreSettings) -> StoreAway | None:
    """What is wrong with the encryption of the way, if that is it."""
    if why := untrusted(text):
        what = f"The certificate of ClickHouse at {settings.place} is not trusted: {why}"
        return StoreAway(what, remedy=advised(why, _UNTRUSTED))
    if "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER_FAILURE" in text:
        return StoreAway(
            f"ClickHouse at {settings.place} does not speak TLS",
            remedy="Set store.port to its port for HTTPS, or store.tls = false.",
        )
    if "Connection aborted" in text and not settings.tls:
        return StoreAway(
            f"ClickHouse at {settings.place} ends every connection",
            remedy="Set store.tls = true if that is its port for HTTPS, or correct store.port.",
        )
    return None


def _refuse_second_process(settings: StoreSettings) -> None:
    """Asked before the engine opens, which would complain on the terminal in its own words."""
    owner = _owner(Path(settings.path))
    if owner is not None and owner != f" ({os.getpid()})":
        raise _in_use(settings, owner)


def _in_use(settings: StoreSettings, owner: str) -> FatalError:
    return StoreInUse(
        f"The embedded store in {settings.path} is in use by another process{owner}",
        remedy="End that one, or use a ClickHouse server, which many processes can share.",
    )


def _embedded(error: BaseException, settings: StoreSettings) -> FatalError:
    owner = _owner(Path(settings.path))
    if owner is not None:
        return _in_use(settings, owner)
    return FatalError(
        f"The embedded store in {settings.path} does not open: {first_line(error)}",
        remedy="Name an empty folder with store.path, or restore this one.",
    )


def _owner(path: Path) -> str | None:
    """Who holds the engine's lock in words (empty if unknown), or ``None`` when nobody does."""
    try:
        with (path / "status").open("rb") as file:
            text = file.read(200).decode(errors="replace")
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        found = re.search(r"PID: (\d+)", text)
        return f" ({found.group(1)})" if found else ""
    except OSError:
        return None
    return None


def first_line(error: BaseException) -> str:
    """The operating system's reason, or the first line without ClickHouse's trailers, at most 300 characters."""
    if refused := re.search(r"\[Errno -?\d+\] ([^'\")]+)", str(error)):
        return refused.group(1)
    if "timed out" in str(error):
        return "it did not answer in time"
    text = next(iter(str(error).strip().splitlines()), type(error).__name__)
    text = re.sub(r"^.*?DB::Exception: ", "", text)
    return re.sub(r"\s*\((?:official build|version|for url).*$", "", text)[:300]
