"""What a state depends on beside its records: whoever differs in any of it builds the state anew."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

import msgspec

import schemas
import stats
import streams
from schemas.codec import encode
from schemas.workspace import Workspace
from streams.stage import AnyStage

LIBRARIES = ("numpy", "scipy", "msgspec", "xxhash")


def fingerprint(stage: AnyStage, partition: int, workspaces: Mapping[str, Workspace], *, code: str) -> str:
    """A hash of the code, the libraries, the machine, the stage's settings, and every workspace's.

    ``code`` is :func:`code_of` the stage. An upgrade of any part of ``schemas``, ``stats`` or ``streams`` changes it.
    """
    parts = [
        code,
        platform.machine(),
        sys.byteorder,
        sys.version,
        *(f"{name} {version(name)}" for name in LIBRARIES),
        stage.name,
        str(partition),
        repr(sorted(vars(stage).items())),
        msgspec.json.encode([topic.name for topic in (*stage.reads, *stage.writes)]).decode(),
        *(encode(workspaces[name]).decode() for name in sorted(workspaces)),
    ]
    return _hash(part.encode() for part in parts)


def code_of(stage: AnyStage) -> str:
    """A hash of our packages' source, and of the module that defines the stage."""
    return _hash((_code().encode(), Path(str(sys.modules[type(stage).__module__].__file__)).read_bytes()))


@cache
def _code() -> str:
    return _hash(_sources())


def _sources() -> Iterator[bytes]:
    for package in (schemas, stats, streams):
        folder = Path(str(package.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            yield path.relative_to(folder).as_posix().encode()
            yield path.read_bytes()


def _hash(parts: Iterable[bytes]) -> str:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
