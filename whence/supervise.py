"""One process, several parts: each runs in a thread, and all end when one must stop or a person asks.

Parts that lose something outside wait by themselves; a part that raises :class:`RetryableError` is started again.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import structlog

from schemas.errors import RetryableError, WhenceError
from schemas.health import Health, Part
from whence.errors import Exit, exit_code

LOG = structlog.get_logger("whence")
STOP_WITHIN_S = 3.5
END_WITHIN_S = 4.7
_last_resort: list[float] = []


def set_last_resort(within_s: float = END_WITHIN_S) -> None:
    """From now on the process ends ``within_s`` seconds after the first Ctrl-C or SIGTERM, come what may.

    Even where the interrupt is lost, as one is that falls into a destructor.
    """
    _last_resort[:] = [within_s]
    signal.signal(signal.SIGINT, _interrupted)


def _interrupted(_number: int, _frame: FrameType | None) -> NoReturn:
    _end_later(b"Interrupted.\n")
    raise KeyboardInterrupt


def _end_later(said: bytes = b"") -> None:
    def end() -> None:
        os.write(2, said)
        os._exit(Exit.INTERRUPTED)

    for within_s in _last_resort:
        timer = threading.Timer(within_s, end)
        timer.daemon = True
        timer.start()


class Supervisor:
    """Runs parts until asked to stop or until one fails; ``failure`` then holds the first error."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = tuple(parts)
        self.stop = threading.Event()
        self.failure: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._run, args=(part,), name=part.name, daemon=True) for part in parts
        ]

    def start(self) -> None:
        """Start every part, in order."""
        for thread in self._threads:
            thread.start()

    def wait(self, until: Callable[[], bool] = lambda: False, *, every_s: float = 0.2) -> None:
        """Return when asked to stop, when a part failed, or when ``until()`` is true."""
        while not self.stop.wait(every_s) and not until():
            pass

    def end(self, within_s: float = STOP_WITHIN_S) -> tuple[str, ...]:
        """Ask all parts to stop and wait for them; the names of those that did not in time."""
        self.stop.set()
        deadline = time.monotonic() + within_s
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        late = tuple(thread.name for thread in self._threads if thread.is_alive())
        if late:
            LOG.warning("parts did not stop in time", parts=late, waited_s=within_s)
        return late

    def health(self) -> list[Health]:
        """What every part says of itself."""
        return [_health(part) for part in self.parts]

    def _run(self, part: Part) -> None:
        while not self.stop.is_set():
            try:
                part.run(self.stop)
                self._ended(part)
                return
            except RetryableError as error:
                LOG.warning("part waits", part=part.name, why=str(error))
                self.stop.wait(error.retry_after_s)
            except BaseException as error:
                self._failed(part, error)
                return

    def _ended(self, part: Part) -> None:
        if not self.stop.is_set():
            LOG.info("part has ended", part=part.name)

    def _failed(self, part: Part, error: BaseException) -> None:
        if self.failure is None:
            self.failure = error
        expected = isinstance(error, WhenceError | OSError)
        LOG.error("part failed", part=part.name, why=str(error), exc_info=None if expected else error)
        self.stop.set()


def _health(part: Part) -> Health:
    try:
        return part.health()
    except Exception as error:
        return Health(part=part.name, alive=False, ready=False, detail=f"cannot say how it is: {error}")


@contextmanager
def signals_stop(stop: threading.Event) -> Iterator[None]:
    """Within it, Ctrl-C and SIGTERM set ``stop``; a second one ends the process at once. See `set_last_resort`."""

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(Exit.INTERRUPTED)
        _end_later()
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_until_stopped(parts: Sequence[Part], *, ready: Callable[[Supervisor], None] | None = None) -> None:
    """Run parts until Ctrl-C, SIGTERM or the first failure, which is raised after all have stopped.

    Args:
        parts: Started in this order.
        ready: Called once with the running supervisor; may work until the supervisor's ``stop`` is set.
    """
    supervisor = Supervisor(parts)
    with signals_stop(supervisor.stop):
        supervisor.start()
        try:
            if ready is not None:
                ready(supervisor)
            supervisor.wait()
        finally:
            late = supervisor.end()
    if supervisor.failure is not None:
        raise supervisor.failure
    if late:
        os._exit(exit_code(KeyboardInterrupt()))


__all__ = ["Supervisor", "run_until_stopped", "set_last_resort", "signals_stop"]
