"""A stand-in for a ClickHouse server: chDB in a process of its own behind the part of the HTTP protocol that we use.

``python -m tests.clickhouse_server --path DIR --port 8123 --password secret`` serves until it is killed; the data stay
in the folder, so it can be killed with -9 and started again. ``POST /control`` makes it misbehave: ``stall_s`` (wait
before every query), ``fail_code`` (answer this error instead), ``drop`` (do the work, then close the connection
without an answer) for the next ``times`` inserts.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import clickhouse_connect
import lz4.frame  # type: ignore[import-untyped]
from clickhouse_connect.driver.client import Client

from tools.kafka.run import free_port

ROOT = Path(__file__).parents[1]
_INSERT = re.compile(rb"\s*INSERT\s+INTO\s.*?\bFORMAT\s+(\w+)[ \t]*\n", re.IGNORECASE | re.DOTALL)
_ANSWERS = re.compile(r"\s*(SELECT|WITH|SHOW|DESCRIBE|DESC|EXISTS|EXPLAIN|\()", re.IGNORECASE)
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_NOT_SETTINGS = {"query", "database", "query_id", "session_id", "client_protocol_version", "wait_end_of_query"}
_NAMES = {60: "UNKNOWN_TABLE", 241: "MEMORY_LIMIT_EXCEEDED", 243: "NOT_ENOUGH_SPACE", 252: "TOO_MANY_PARTS"}


class Refusal(Exception):
    """An answer that is an error, with ClickHouse's number."""

    def __init__(self, code: int, text: str, status: int = 500) -> None:
        self.code, self.text, self.status = code, text, status
        super().__init__(text)


class Engine:
    """The engine; every thread has a connection of its own, as a session would."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._local = threading.local()
        self._first = self._connect()

    def _connect(self) -> Client:
        return clickhouse_connect.get_client(interface="chdb", path=self._path)

    def ask(self, sql: str | bytes, settings: dict[str, str], parameters: dict[str, str], database: str) -> bytes:
        if not hasattr(self._local, "client"):
            self._local.client = self._connect()
        engine: Any = self._local.client._backend
        known = engine._engine_settings(settings)
        try:
            result = engine._run_with_settings(sql, "TabSeparated", known, params=parameters, database=database or None)
        except Exception as error:
            found = re.search(r"Code: (\d+)", str(error))
            raise Refusal(int(found.group(1)) if found else 1002, str(error)) from error
        return bytes(result.bytes() or b"")

    def insert(self, statement: str, data: bytes, settings: dict[str, str], database: str) -> None:
        head, _, form = statement.rstrip().rpartition("FORMAT")
        with tempfile.NamedTemporaryFile(suffix=".data") as file:
            file.write(data)
            file.flush()
            sql = f"{head} FROM INFILE '{file.name}' FORMAT {form.strip()}"
            self.ask(sql, settings, {}, database)


class Faults:
    """How the server misbehaves now."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def take(self, kind: str) -> Any:
        """The value of a fault if it is on, counting down ``times``."""
        if kind not in self.asked or self.asked.get("times", 1) <= 0:
            return None
        self.asked["times"] = self.asked.get("times", 1) - 1
        return self.asked[kind]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: ClassVar[Engine]
    faults: ClassVar[Faults] = Faults()
    credentials: ClassVar[tuple[str, str]] = ("default", "")

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/ping":
            self._answer(200, b"Ok.\n", {})
        else:
            self._query()

    def do_POST(self) -> None:
        if urlsplit(self.path).path == "/control":
            type(self).faults.asked = json.loads(self._body())
            self._answer(200, b"Ok.\n", {})
        else:
            self._query()

    def _query(self) -> None:
        body = self._body()
        try:
            self._authenticate()
            time.sleep(float(self.faults.asked.get("stall_s", 0.0)))
            answer, headers, dropped = self._work(body)
        except Refusal as refusal:
            text = refusal.text if "Code:" in refusal.text else f"Code: {refusal.code}. DB::Exception: {refusal.text}"
            self._answer(refusal.status, text.encode(), {"X-ClickHouse-Exception-Code": str(refusal.code)})
            return
        if dropped:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._answer(200, answer, headers)

    def _authenticate(self) -> None:
        user, password = self.headers.get("X-ClickHouse-User", ""), self.headers.get("X-ClickHouse-Key", "")
        scheme, _, coded = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            user, _, password = b64decode(coded).decode().partition(":")
        if (user, password) != self.credentials:
            text = f"{user}: Authentication failed: password is incorrect, or there is no user with such name."
            raise Refusal(516, f"{text} (AUTHENTICATION_FAILED)", 403)

    def _work(self, body: bytes) -> tuple[bytes, dict[str, str], bool]:
        asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        settings = {k: v for k, v in asked.items() if k not in _NOT_SETTINGS and not k.startswith("param_")}
        parameters = {k.removeprefix("param_"): v for k, v in asked.items() if k.startswith("param_")}
        database = asked.get("database", "")
        whole = (asked["query"].encode() + b"\n" if "query" in asked else b"") + body
        insert = _INSERT.match(whole)
        if insert:
            if (code := self.faults.take("fail_code")) is not None:
                raise Refusal(int(code), f"planted fault ({_NAMES.get(int(code), 'FAULT')})")
            self.engine.insert(insert.group(0).decode(), whole[insert.end() :], settings, database)
            return b"", {"X-ClickHouse-Summary": "{}"}, self.faults.take("drop") is not None
        sql = whole.decode()
        named = _FORMAT.search(sql)
        headers = {"X-ClickHouse-Timezone": "UTC"}
        if named or _ANSWERS.match(sql):
            headers["X-ClickHouse-Format"] = named.group(1) if named else "TabSeparated"
        return self.engine.ask(sql, settings, parameters, database), headers, False

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b"".join(self._chunks())
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "lz4":
            return bytes(lz4.frame.decompress(body))
        return body

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class ClickHouseServer:
    """The stand-in as a child process that can be killed, started again, and made to misbehave."""

    def __init__(self, path: Path, *, user: str = "default", password: str = "secret") -> None:
        self.path, self.user, self.password = path, user, password
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> ClickHouseServer:
        command = [
            sys.executable,
            "-m",
            "tests.clickhouse_server",
            "--path",
            str(self.path.absolute()),
            "--port",
            str(self.port),
            "--user",
            self.user,
        ]
        environment = {**os.environ, "WHENCE_TEST_PASSWORD": self.password, "TZ": "UTC"}
        self._process = subprocess.Popen(command, env=environment, cwd=ROOT)
        deadline = time.monotonic() + 60.0
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the stand-in for ClickHouse did not start")
            time.sleep(0.05)
        return self

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=1.0) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def misbehave(self, **faults: object) -> None:
        """Switch faults on; without arguments, off."""
        data = json.dumps(faults).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/control", data=data, method="POST")
        urllib.request.urlopen(request, timeout=10.0).close()


@contextmanager
def clickhouse_server(path: Path) -> Iterator[ClickHouseServer]:
    """A running stand-in that is gone at the end of the block."""
    server = ClickHouseServer(path)
    try:
        yield server.start()
    finally:
        server.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", default="default")
    parser.add_argument("--password", default=os.environ.get("WHENCE_TEST_PASSWORD", ""))
    asked = parser.parse_args()
    Handler.engine = Engine(asked.path)
    Handler.credentials = (asked.user, asked.password)
    server = ThreadingHTTPServer(("127.0.0.1", asked.port), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
