"""Doctor says how old the agents' checkpoints are, where this machine has any."""

from __future__ import annotations

import os
import time
from pathlib import Path

from whence.doctor import diagnose
from whence.settings import load_settings


def _found(folder: Path) -> list[tuple[bool, str]]:
    environ = {"WHENCE_AGENTS_CHECKPOINT_FOLDER": str(folder), "WHENCE_DATA_FOLDER": str(folder)}
    return [(one.ok, one.detail) for one in diagnose(load_settings(environ=environ)) if one.check == "checkpoints"]


def test_the_age_of_checkpoints_is_shown_by_stage_and_partition(tmp_path: Path) -> None:
    now = time.time()
    for name, minutes in (("detect-0.000000001", 90), ("detect-0.000000002", 30), ("alert-3.000000007", 60)):
        path = tmp_path / f"{name}.checkpoint"
        path.touch()
        os.utime(path, (now - 60 * minutes, now - 60 * minutes))
    assert _found(tmp_path) == [(True, f"2 in {tmp_path}, 30 to 60 minutes old")]


def test_none_are_no_finding(tmp_path: Path) -> None:
    assert _found(tmp_path) == []
    assert _found(tmp_path / "missing") == []
