"""A call that may take long beside the thread that has to hear the word to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from schemas.errors import RetryableError

T = TypeVar("T")
_LOOK_S = 0.1


def beside(call: Callable[[], T], stop: threading.Event, *, patience_s: float, asked: str, name: str) -> T:
    """The call's result; once ``stop`` is set, it has ``patience_s`` seconds left. ``asked`` is who has to answer,
    ``name`` the thread's.

    Raises:
        RetryableError: it did not come back in time. It is left alone, in a thread that no process waits for.
    """
    done: Future[T] = Future()
    threading.Thread(target=_into, args=(done, call), name=name, daemon=True).start()
    given_up_at = float("inf")
    while not wait([done], timeout=_LOOK_S).done:
        if stop.is_set():
            given_up_at = min(given_up_at, time.monotonic() + patience_s)
        if time.monotonic() > given_up_at:
            raise RetryableError(f"{asked} did not answer before the end", retry_after_s=0.0)
    return done.result()


def _into(done: Future[T], call: Callable[[], T]) -> None:
    try:
        done.set_result(call())
    except BaseException as error:
        done.set_exception(error)
