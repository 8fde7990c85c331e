"""A process that kills itself at a chosen moment, as a crash would."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable


def dying_at(moment: str) -> Callable[[str], None]:
    """A hook that kills this process with -9, at the so-manieth time that ``MOMENT:NUMBER`` comes."""
    name, _, number = moment.partition(":")
    seen: Counter[str] = Counter()

    def at(what: str) -> None:
        seen[what] += 1
        if what == name and seen[what] == int(number):
            os.kill(os.getpid(), signal.SIGKILL)

    return at
