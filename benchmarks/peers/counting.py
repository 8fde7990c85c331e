"""What every peer does with a ticket: decode it, and count it by platform and minute. Standard library and msgspec only."""

import json
import resource
import time
from collections import Counter

import msgspec


class Ticket(msgspec.Struct):
    """As little of a ticket as the count needs."""

    occurred_at: str
    platform: str = ""


decode = msgspec.json.Decoder(Ticket).decode


class Counting:
    """Counts tickets; ``done`` after ``total`` messages. The clock starts with the first one."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.seen = 0
        self.counts: Counter[tuple[str, str]] = Counter()
        self._began = (0.0, 0.0)

    def take(self, value: bytes, key: bytes) -> bool:
        """Count one message; whether it was the last."""
        if self.seen == 0:
            self._began = (time.monotonic(), _cpu_s())
        self.seen += 1
        if key != b"\x00progress":
            ticket = decode(value)
            self.counts[ticket.platform, ticket.occurred_at[:16]] += 1
        return self.seen >= self.total

    def report(self) -> str:
        """The figures as one line of JSON."""
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        wall, cpu = self._began
        return json.dumps({"wall_s": time.monotonic() - wall, "cpu_s": _cpu_s() - cpu, "peak_mb": peak_mb})


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
