"""Whence as processes: started by its own command line, watched, killed, and started again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import msgspec

from schemas.workspace import Workspace
from tests.clickhouse_server import ClickHouseServer

SECRETS = {"WHENCE_ADMIT_CUSTOMER_KEY": "only-for-tests-0123456789"}


class Slot(NamedTuple):
    """A part and which one of its kind."""

    part: str
    number: int = 0


class Processes:
    """The running parts, one process a slot. A process that dies by -9 is replaced by :meth:`tend`; one that ends in
    any other way is an error."""

    def __init__(
        self,
        folder: Path,
        servers: str,
        workspaces: Sequence[Workspace],
        *,
        partitions: int = 4,
        store: ClickHouseServer | None = None,
        database: str = "whence",
        group: str = "whence-sink",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.deaths: Counter[Slot] = Counter()
        self._moments: dict[Slot, list[str]] = {}
        self._doomed: set[Slot] = set()
        self._processes: dict[Slot, subprocess.Popen[bytes]] = {}
        self._config = folder / "whence.toml"
        sections: dict[str, dict[str, object]] = {
            "broker": {"servers": servers, "partitions": partitions},
            "health": {"port": 0},
            "data": {"folder": str(folder)},
            "agents": {"checkpoint_s": 1.0},
            "sink": {"group": group},
        }
        self._environment = {**os.environ, **SECRETS, "WHENCE_CONFIG": str(self._config)}
        if store is not None:
            sections["store"] = {"host": "127.0.0.1", "port": store.port, "user": store.user, "database": database}
            self._environment["WHENCE_STORE_PASSWORD"] = store.password
        self._config.write_text(_toml(sections, [msgspec.to_builtins(one) for one in workspaces]))

    def whence(self, *arguments: str) -> None:
        """Run a command of the command line to its end."""
        command = [sys.executable, "-m", "whence", *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def start(self, slot: Slot, *moments: str) -> None:
        """Start it; its first lives end at these moments, by its own hand (see :mod:`tests.part`)."""
        self._moments[slot] = list(moments)
        self._spawn(slot)

    def _spawn(self, slot: Slot) -> None:
        moments = self._moments[slot]
        (self._doomed.add if moments else self._doomed.discard)(slot)
        command = ["tests.part", slot.part, moments.pop(0)] if moments else ["whence", "run", slot.part]
        environment = {**self._environment, "WHENCE_ADMIT_TRANSACTIONAL_ID": f"whence-admit-{slot.number}"}
        with self._log(slot).open("ab") as log:
            self._processes[slot] = subprocess.Popen(
                [sys.executable, "-m", *command], env=environment, stdout=log, stderr=log
            )

    def _log(self, slot: Slot) -> Path:
        return self.folder / f"{slot.part}-{slot.number}.log"

    def kill(self, slot: Slot) -> None:
        """``kill -9``; :meth:`tend` replaces it."""
        self._processes[slot].kill()

    def pending(self, slot: Slot) -> int:
        """How many of its moments have not come yet."""
        return len(self._moments[slot]) + (slot in self._doomed)

    def tend(self) -> None:
        """Replace those that were killed; ``deaths`` counts them."""
        for slot, process in self._processes.items():
            code = process.poll()
            if code is None:
                continue
            assert code == -9, f"{slot} ended with {code}: {self._log(slot).read_text()[-3_000:]}"
            self.deaths[slot] += 1
            self._spawn(slot)

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            process.terminate()
        codes = {slot: _ended(process) for slot, process in self._processes.items()}
        if error is None:
            assert set(codes.values()) <= {0, -9, -15}, codes  # -15: was still starting


def _toml(sections: dict[str, dict[str, object]], workspaces: list[dict[str, object]]) -> str:
    """Strings, numbers and lists are written in TOML as in JSON."""
    tables = [(f"[{name}]", values) for name, values in sections.items()]
    tables += [("[[workspaces]]", values) for values in workspaces]
    return "\n".join(
        line for head, values in tables for line in (head, *(f"{name} = {json.dumps(v)}" for name, v in values.items()))
    )


def _ended(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(10.0)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
