"""Several parts in one process: one failure ends all, being asked to stop ends all, and in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from schemas.errors import FatalError, RetryableError
from schemas.health import Health
from whence.supervise import Supervisor, run_until_stopped


class _Part:
    def __init__(self, name: str, work: Callable[[threading.Event], None]) -> None:
        self.name = name
        self._work = work
        self.ended = False

    def run(self, stop: threading.Event) -> None:
        self._work(stop)
        self.ended = True

    def health(self) -> Health:
        return Health(part=self.name, alive=True, ready=True, detail="fine")


def _waits(stop: threading.Event) -> None:
    assert stop.wait(10)


def _fails(stop: threading.Event) -> None:
    raise FatalError("the disk is full", remedy="Free some space.")


def test_first_fatal_error_stops_all_parts_and_is_raised() -> None:
    other = _Part("other", _waits)
    with pytest.raises(FatalError, match=r"^the disk is full\. Free some space\.$"):
        run_until_stopped([other, _Part("broken", _fails)])
    assert other.ended


def test_a_mistake_in_a_part_stops_all_parts_too() -> None:
    def divides(stop: threading.Event) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_until_stopped([_Part("mistaken", divides), _Part("other", _waits)])


def test_part_that_lost_something_outside_is_started_again() -> None:
    tries: list[float] = []

    def heals(stop: threading.Event) -> None:
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise RetryableError("no broker", retry_after_s=0.05)
        stop.set()

    run_until_stopped([_Part("patient", heals)])
    assert len(tries) == 3


def test_part_that_ends_by_itself_stops_nothing() -> None:
    supervisor = Supervisor([_Part("short", lambda stop: None), other := _Part("other", _waits)])
    supervisor.start()
    time.sleep(0.1)
    assert not supervisor.stop.is_set()
    assert supervisor.end() == ()
    assert other.ended


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_all_parts(number: signal.Signals) -> None:
    part = _Part("patient", _waits)
    before = signal.getsignal(number)
    run_until_stopped([part], ready=lambda supervisor: os.kill(os.getpid(), number))
    assert part.ended
    assert signal.getsignal(number) is before


def test_part_that_does_not_stop_is_named_and_not_waited_for() -> None:
    release = threading.Event()
    supervisor = Supervisor([_Part("deaf", lambda stop: _waits(release))])
    supervisor.start()
    assert supervisor.end(0.1) == ("deaf",)
    release.set()


def test_part_that_cannot_say_how_it_is_counts_as_dead() -> None:
    class Speechless(_Part):
        def health(self) -> Health:
            raise RuntimeError("lost")

    (health,) = Supervisor([Speechless("mute", _waits)]).health()
    assert (health.alive, health.detail) == (False, "cannot say how it is: lost")


def test_an_interrupt_that_is_lost_ends_the_process_all_the_same() -> None:
    script = """
import time
from whence.supervise import set_last_resort
set_last_resort(0.2)
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, b"Interrupted.\n")
