"""An admit process for tests that kills itself: ``python -m tests.streams.admit.dying SERVERS MOMENT COUNT``.

It dies by SIGKILL when ``MOMENT`` comes for the ``COUNT``-th time.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter

from schemas.broker import Broker
from streams.admit.agent import Admit
from tests.streams.admit.making import ACME, SMALL_BATCHES


def main(servers: str, moment: str, count: str) -> None:
    """Admit until death."""
    seen: Counter[str] = Counter()

    def at(name: str) -> None:
        seen[name] += 1
        if name == moment and seen[name] == int(count):
            os.kill(os.getpid(), signal.SIGKILL)

    Admit(Broker(servers=servers), SMALL_BATCHES, [ACME], at=at).run(threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
