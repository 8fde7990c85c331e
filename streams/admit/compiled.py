"""Whether admit's compiled step is there, and in use. It is optional: everything it does is done in Python as well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from schemas.base import SCHEMA_VERSION

try:
    from streams.admit import _quick
except ImportError:  # there was no compiler when it was installed
    _quick = None  # type: ignore[assignment]

_VERSION = 2
_in_use = _quick is not None and (_quick.VERSION, _quick.SCHEMA_VERSION) == (_VERSION, SCHEMA_VERSION)


def step() -> ModuleType | None:
    """The module ``_quick``; None where it was not built, or from other sources."""
    return _quick if _in_use else None


@contextmanager
def purely() -> Iterator[None]:
    """Do everything in Python, to compare."""
    global _in_use  # noqa: PLW0603 - one switch for the process, as there is one module
    before, _in_use = _in_use, False
    try:
        yield
    finally:
        _in_use = before
