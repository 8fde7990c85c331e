"""Secrets that a process of its own makes once and keeps: where everything runs in one process, nobody else needs them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def own_key(path: Path) -> bytes:
    """The secret in a file, which is made (readable by its owner only) if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
    return path.read_bytes().strip()
