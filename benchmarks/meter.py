"""What a process has used since a moment: wall and CPU seconds of all its threads, and its peak memory."""

from __future__ import annotations

import json
import os
import resource
import time
from pathlib import Path


class Meter:
    """Starts when made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), _cpu_s()

    def report(self) -> str:
        """The figures as one line of JSON."""
        return json.dumps(
            {
                "wall_s": time.monotonic() - self._wall,
                "cpu_s": _cpu_s() - self._cpu,
                "peak_mb": peak_mb(),
                "by_thread_s": by_thread_s(),
            }
        )


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def by_thread_s() -> dict[str, float]:
    """CPU seconds of each living thread since its start, the largest first; small ones are left out."""
    found: dict[str, float] = {}
    for task in Path("/proc/self/task").iterdir():
        try:
            told = (task / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        name, _, fields = told.partition("(")[2].rpartition(") ")
        used = sum(map(int, fields.split()[11:13])) / os.sysconf("SC_CLK_TCK")
        found[name] = round(found.get(name, 0.0) + used, 2)
    return {name: used for name, used in sorted(found.items(), key=lambda pair: -pair[1]) if used >= 0.05}


def peak_mb() -> float:
    """The most resident memory so far; of this program only, which ``ru_maxrss`` is not after a fork."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024


def memory_mb() -> float:
    """Resident memory now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20
