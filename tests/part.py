"""One part in a process of its own, as ``whence run`` starts it, that can kill itself at a chosen moment.

``python -m tests.part admit|agents|sink [MOMENT:NUMBER]`` takes its settings from ``WHENCE_CONFIG`` and the
environment, and dies by SIGKILL at the so-manieth time that the moment comes.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable

from schemas.health import Part
from sinks.writer import Writer
from streams.admit.agent import Admit
from streams.worker import Agents
from tests.dying import dying_at
from whence.settings import Settings, load_settings


def part(name: str, settings: Settings, at: Callable[[str], None]) -> Part:
    """The part of that name."""
    broker = settings.broker.broker()
    if name == "admit":
        return Admit(broker, settings.admit, settings.workspaces, at=at)
    if name == "agents":
        return Agents(broker, settings.workspaces, settings.agents, at=at)
    return Writer(broker, settings.store, settings.sink, before_commit=lambda: at("before_commit"))


def main(name: str, moment: str = "never:0") -> None:
    """Serve until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    part(name, load_settings(), dying_at(moment)).run(stop)


if __name__ == "__main__":
    main(*sys.argv[1:])
