"""Checkpoints: states on disk, so that a restart need not read everything again. A cache, never the truth.

A file is written beside its name, flushed to the disk and renamed, so it is whole or not there; a checksum says so again.
What is missing, damaged, not ours, or made by other code, libraries or settings is passed over with one line in the log.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

import cramjam
import msgspec
import structlog
from msgspec import Struct

from streams.ledger import Series
from streams.told import Told

log = structlog.get_logger("whence.agents")
MAGIC = b"whence checkpoint 1\n"
DIGEST = 32
KEPT = 2
SUFFIX = ".checkpoint"
STALE_S = 3_600.0
OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Mark(NamedTuple):
    """Where a topic had been read to, and a hash of the last record before that, with its offset (-1: there was none)."""

    to: int
    seam: int
    digest: bytes


class Snapshot(Struct, frozen=True, kw_only=True):
    """A runner's whole progress. ``topics`` says which topics they were, by the broker's own ids where it has any;
    ``states`` holds each workspace's frozen state (:mod:`streams.frozen`)."""

    fingerprint: str
    made_s: float
    topics: dict[str, str]
    reads: dict[str, Mark]
    writes: dict[str, Mark]
    applied: list[tuple[Series, int]]
    emitted: list[tuple[Series, int]]
    written: list[tuple[Series, int]]
    told: Told
    states: dict[str, bytes]


class DamagedError(Exception):
    """A file that is no checkpoint of ours: why."""


def seam_digest(value: bytes) -> bytes:
    """What is kept of a record."""
    return blake2b(value, digest_size=16).digest()


class Shelf:
    """The checkpoints of one stage and partition in a folder.

    ``at`` is called with ``keeping`` when a checkpoint lies beside its name, and with ``kept`` when it bears it.
    """

    def __init__(
        self,
        folder: Path,
        stage: str,
        partition: int,
        fingerprint: str,
        *,
        at: Callable[[str], None] = lambda _: None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.fingerprint = fingerprint
        self._folder = folder
        self._name = f"{stage}-{partition}"
        self._at = at
        self._now_s = now_s
        self._broken = False

    def now_s(self) -> float:
        """Epoch seconds, for people to read."""
        return self._now_s()

    def candidates(self) -> Iterator[Snapshot]:
        """What can be read and was made under the same fingerprint, the newest first."""
        for path in reversed(self._paths()):
            try:
                snapshot = read_checkpoint(path)
            except (DamagedError, OSError) as error:
                log.warning("checkpoint_ignored", file=str(path), why=str(error))
                continue
            if snapshot.fingerprint != self.fingerprint:
                why = "it was made by another version, or under other settings"
                log.info("checkpoint_ignored", file=str(path), why=why)
                continue
            yield snapshot

    def keep(self, snapshot: Snapshot) -> bool:
        """Write it and drop older ones; whether that worked. What does not is said once until it does again."""
        try:
            self._write(msgspec.msgpack.encode(snapshot))
        except OSError as error:
            if not self._broken:
                why = f"{error.strerror or error} at {self._folder}"
                log.warning("checkpoints_off", name=self._name, why=why, meaning="a restart reads everything again")
            self._broken = True
            return False
        self._broken = False
        self._at("kept")
        return True

    def _write(self, body: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths = self._paths()
        number = _number(paths[-1]) + 1 if paths else 1
        final = self._folder / f"{self._name}.{number:09}{SUFFIX}"
        beside = self._folder / f"{final.name}.{token_hex(8)}.part"
        try:
            _write_whole(beside, MAGIC + blake2b(body, digest_size=DIGEST).digest() + body)
            self._at("keeping")
            beside.rename(final)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        _sync_folder(self._folder)
        self._tidy()

    def _tidy(self) -> None:
        """Drop all but the newest, and what others have left half-written long ago."""
        for path in self._paths()[:-KEPT]:
            path.unlink(missing_ok=True)
        for path in self._folder.glob(f"{self._name}.*.part"):
            if self._now_s() - path.stat().st_mtime > STALE_S:
                path.unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        try:
            return sorted(self._folder.glob(f"{self._name}.*{SUFFIX}"))
        except OSError:
            return []


def read_checkpoint(path: Path) -> Snapshot:
    """One file.

    Raises:
        DamagedError: it is not whole, or not ours.
        OSError: it cannot be read.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        found = os.fstat(file.fileno())
        if found.st_uid != os.geteuid() or found.st_mode & OTHERS_MAY_WRITE:
            raise DamagedError("others may have written it: it belongs to another user, or its mode lets them")
        content = file.read()
    digest, body = content[len(MAGIC) : len(MAGIC) + DIGEST], content[len(MAGIC) + DIGEST :]
    if not content.startswith(MAGIC):
        raise DamagedError("it is no checkpoint of this format")
    if blake2b(body, digest_size=DIGEST).digest() != digest:
        raise DamagedError("its checksum is wrong")
    try:
        return msgspec.msgpack.decode(body, type=Snapshot)
    except msgspec.DecodeError as error:
        raise DamagedError(f"it cannot be decoded ({error})") from error


def packed(state: bytes) -> bytes:
    """A frozen state as it is kept."""
    return bytes(cramjam.zstd.compress(state, 1))


def unpacked(state: bytes) -> bytes:
    """The frozen state again.

    Raises:
        DamagedError: it is none.
    """
    try:
        return bytes(cramjam.zstd.decompress(state))
    except cramjam.DecompressionError as error:
        raise DamagedError(str(error)) from error


def newest_age_s(folder: Path, now_s: float) -> dict[str, float]:
    """Seconds since the newest checkpoint of each stage and partition was written, by its name."""
    ages: dict[str, float] = {}
    for path in folder.glob(f"*{SUFFIX}"):
        name, age = path.name.split(".", 1)[0], now_s - path.stat().st_mtime
        ages[name] = min(age, ages.get(name, age))
    return dict(sorted(ages.items()))


def _number(path: Path) -> int:
    middle = path.name.removesuffix(SUFFIX).rpartition(".")[2]
    return int(middle) if middle.isdigit() else 0


def _write_whole(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
