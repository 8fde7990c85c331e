"""An admit process for tests that kills itself: ``python -m tests.streams.admit.dying SERVERS MOMENT COUNT [SLOT]``.

It dies by SIGKILL when ``MOMENT`` comes for the ``COUNT``-th time, and names the moments on its output as they come.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter

from msgspec.structs import replace

from schemas.broker import Broker
from streams.admit.agent import Admit
from tests.streams.admit.making import ACME, SMALL_BATCHES


def main(servers: str, moment: str, count: str, slot: str = "0") -> None:
    """Admit until death."""
    seen: Counter[str] = Counter()

    def at(name: str) -> None:
        os.write(1, f"{name}\n".encode())
        seen[name] += 1
        if name == moment and seen[name] == int(count):
            os.kill(os.getpid(), signal.SIGKILL)

    settings = replace(SMALL_BATCHES, transactional_id=f"whence-admit-{slot}")
    Admit(Broker(servers=servers), settings, [ACME], at=at).run(threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
