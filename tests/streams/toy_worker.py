"""A worker of the toy stages as a process of its own, to be killed.

``python -m tests.streams.toy_worker SERVERS WORKSPACES [MOMENT:NUMBER]`` dies by its own hand at the so-manieth time
that the moment comes. It says :data:`LISTENING` on its output when SIGTERM will end it in good order.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable

from schemas.broker import Broker
from streams.worker import Agents, AgentSettings
from tests.streams.toys import TOYS, workspaces

LISTENING = "listening"


def dying_at(moment: str, number: int) -> Callable[[str], None]:
    """A hook that kills this process with -9."""
    seen: Counter[str] = Counter()

    def at(name: str) -> None:
        seen[name] += 1
        if name == moment and seen[name] == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return at


def main(arguments: list[str]) -> None:
    """Serve until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    os.write(1, f"{LISTENING}\n".encode())
    moment, _, number = (arguments[2] if len(arguments) > 2 else "never:0").partition(":")
    agents = Agents(
        Broker(servers=arguments[0]),
        workspaces(int(arguments[1])),
        AgentSettings(group="toys", session_s=2.0, check_s=1.0),
        stages=TOYS,
        at=dying_at(moment, int(number)),
    )
    agents.run(stop)


if __name__ == "__main__":
    main(sys.argv[1:])
