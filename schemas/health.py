"""What a running part says of itself; served as ``/health`` and ``/ready``."""

from __future__ import annotations

import threading
from typing import Protocol

from msgspec import Struct


class Health(Struct, frozen=True, kw_only=True):
    """``alive``: restart it if not. ``ready``: it is doing its work now. ``detail``: one sentence for a person."""

    part: str
    alive: bool
    ready: bool
    detail: str


class Part(Protocol):
    """A long-running part: admit, agents, sink, quality, web."""

    name: str

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; return within three seconds of it.

        Raises:
            FatalError: a person has to act.
        """
        ...

    def health(self) -> Health:
        """Callable from any thread, at any time."""
        ...
