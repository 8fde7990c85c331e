"""The embedded store, which one process holds, lent to commands beside it: they ask the process that holds it.

``whence up`` answers read-only questions at its page's address to whoever brings the token that it writes beside the
store, in a file that only its user can read. So ``why``, ``impact``, ``campaign``, ``export`` and ``quality`` work meanwhile.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hmac import compare_digest
from pathlib import Path
from typing import IO, Any

import anyio
import httpx
import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from msgspec import Struct

from schemas.errors import FatalError, WhenceError
from sinks.store import StoreSettings, connect, explained

PATH = "/api/store"
READS = re.compile(r"\s*(SELECT|WITH|EXISTS)\b", re.IGNORECASE)
_LENGTH = 4
_CHUNK = 1 << 20


class Door(Struct, frozen=True):
    """Where the process that holds the store answers, and what to bring."""

    url: str
    token: str


class Question(Struct, frozen=True):
    """One statement that only reads, and its parameters."""

    sql: str
    parameters: dict[str, Any] = {}


@contextmanager
def opened(store: StoreSettings, url: str, token: str) -> Iterator[None]:
    """Within it, commands beside this process find the way to the store."""
    path = _door(store)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(Door(url, token)))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _door(store: StoreSettings) -> Path:
    return Path(f"{store.path.rstrip('/')}.door")


def new_token() -> str:
    """A secret for one life of the process."""
    return secrets.token_urlsafe(32)


def lending_router(store: StoreSettings, token: str) -> APIRouter:
    """Answers questions to the store for whoever brings the token."""
    router = APIRouter()

    @router.post(PATH, include_in_schema=False)
    async def lend(request: Request) -> Response:
        if not compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token}".encode()):
            return Response("This needs the token of the file beside the store.", 401)
        body = await request.body()
        try:
            answer = await anyio.to_thread.run_sync(_answered, store, body)
        except (WhenceError, msgspec.MsgspecError) as error:
            return Response(str(error), 400)
        return StreamingResponse(_chunks(answer), media_type="application/octet-stream")

    return router


def _answered(store: StoreSettings, body: bytes) -> IO[bytes]:
    """The answer's names and blocks of rows in a file, so that a long one takes no memory."""
    asked = msgspec.msgpack.decode(body, type=Question)
    if not READS.match(asked.sql):
        raise FatalError("Only questions are answered here", remedy="Allowed is a statement that reads.")
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    client = connect(store)
    try:
        for item in _items_of(client, asked):
            _put(file, item)
        _put(file, None)
    except ClickHouseError as error:
        file.close()
        raise explained(error, store) from error
    finally:
        client.close()
    file.seek(0)
    return file


def _items_of(client: Client, asked: Question) -> Iterator[object]:
    if asked.sql.lstrip()[:6].upper() == "EXISTS":  # the engine does not stream its answer
        yield ["result"]
        yield [[client.command(asked.sql)]]
        return
    with client.query_row_block_stream(asked.sql, parameters=asked.parameters) as blocks:
        yield list(blocks.source.column_names)
        for block in blocks:
            yield [[_zoned(value) for value in row] for row in block]


def _zoned(value: object) -> object:
    """The store's times are UTC, whether they say so or not."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def _put(file: IO[bytes], item: object) -> None:
    data = msgspec.msgpack.encode(item)
    file.write(len(data).to_bytes(_LENGTH, "big") + data)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk


class Answer(Struct, frozen=True):
    """Rows with the names of their columns, as ``clickhouse_connect`` gives them."""

    column_names: list[str]
    result_rows: list[Sequence[Any]]

    def named_results(self) -> Iterator[dict[str, Any]]:
        """Every row by its columns' names."""
        return (dict(zip(self.column_names, row, strict=True)) for row in self.result_rows)


class Borrowed:
    """What of a ``clickhouse_connect`` client the reading commands use, answered by the process that holds the store."""

    def __init__(self, door: Door, *, timeout_s: float) -> None:
        headers = {"Authorization": f"Bearer {door.token}"}
        self._http = httpx.Client(base_url=door.url, headers=headers, timeout=timeout_s, trust_env=False)

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Answer:
        """All rows at once."""
        items = self._ask(sql, parameters)
        return Answer(next(items), [row for block in items for row in block])

    @contextmanager
    def query_rows_stream(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[Iterator[Any]]:
        """Rows as they come."""
        items = self._ask(sql, parameters)
        next(items)
        yield (row for block in items for row in block)

    def command(self, sql: str) -> Any:
        """The first row's first value."""
        return self.query(sql).result_rows[0][0]

    def _ask(self, sql: str, parameters: Mapping[str, Any] | None) -> Iterator[Any]:
        body = msgspec.msgpack.encode(Question(sql, dict(parameters or {})))
        try:
            with self._http.stream("POST", PATH, content=body) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise _refused(answer.status_code, answer.read().decode(errors="replace"))
                yield from _items(answer.iter_bytes(_CHUNK))
        except httpx.HTTPError as error:
            raise _unlent(str(error)) from error

    def close(self) -> None:
        """End the conversation."""
        self._http.close()


def _items(chunks: Iterator[bytes]) -> Iterator[Any]:
    kept = b""
    for chunk in chunks:
        kept += chunk
        while len(kept) >= _LENGTH and len(kept) >= (end := _LENGTH + int.from_bytes(kept[:_LENGTH], "big")):
            item = msgspec.msgpack.decode(kept[_LENGTH:end])
            if item is None:
                return
            yield item
            kept = kept[end:]
    raise _unlent("its answer broke off")


def _refused(status: int, said: str) -> FatalError:
    what, _, remedy = said.partition(". ")
    return (
        FatalError(what, remedy=remedy or "Run whence doctor.") if status == httpx.codes.BAD_REQUEST else _unlent(said)
    )


def _unlent(why: str) -> FatalError:
    what = f"The process that holds the embedded store does not answer ({why.rstrip('.')})"
    return FatalError(what, remedy="Look at its page or its log, or end it first.")


def borrowed(store: StoreSettings) -> Borrowed | None:
    """The store through the process that holds it, if that one lends it and answers."""
    with suppress(OSError, msgspec.MsgspecError):
        door = msgspec.json.decode(_door(store).read_bytes(), type=Door)
        client = Borrowed(door, timeout_s=float(store.timeout_s))
        with suppress(FatalError):
            client.command("SELECT 1")
            return client
        client.close()
    return None
