"""How the C library keeps freed memory: without a word it keeps holes for every thread, half as much again as is used."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE = 1 << 19
_KEPT = 64 << 20


def keep_little() -> bool:
    """Let large blocks go back to the system as soon as they are freed, and threads share two heaps.

    Returns: whether the C library knows how (GNU's does); elsewhere nothing happens.
    """
    mallopt = _function("mallopt")
    return mallopt is not None and all(
        [mallopt(_ARENA_MAX, 2), mallopt(_MMAP_THRESHOLD, _LARGE), mallopt(_TRIM_THRESHOLD, _KEPT)]
    )


def give_back() -> bool:
    """Let the pages of all holes go back to the system, which takes some milliseconds; the same is returned."""
    trim = _function("malloc_trim")
    return trim is not None and bool(trim(0))


def _function(name: str) -> Callable[..., int] | None:
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return None
    return found
