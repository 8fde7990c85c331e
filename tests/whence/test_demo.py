"""The demo's store is gone after it, without holding up its end."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from whence import demo
from whence.demo import DEMO_KEY, demo_settings, left_behind, remove_later
from whence.settings import load_settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_the_demos_store_is_put_away_beside_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    removers: list[subprocess.Popen[bytes]] = []
    monkeypatch.setattr(demo, "remove_later", lambda folder: removers.append(remove_later(folder)))
    settings = load_settings(environ={"WHENCE_BROKER_SERVERS": "kafka:9092", "WHENCE_STORE_HOST": "clickhouse"})
    with demo_settings(settings) as own:
        assert own.broker.embedded
        assert own.admit.customer_key == DEMO_KEY
        store = Path(own.store.path)
        (store / "data").mkdir(parents=True)
        (store / "data" / "part.bin").write_bytes(b"x")
    (remover,) = removers
    assert remover.wait(30) == 0
    assert not store.parent.exists()


KILLED = """
import os, signal, sys, tempfile
from whence.demo import demo_settings
from whence.settings import load_settings
tempfile.tempdir = sys.argv[1]
with demo_settings(load_settings(environ={})):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_demo_left_goes_with_the_next_one_and_a_running_ones_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[Path] = []
    monkeypatch.setattr(demo, "remove_later", removed.append)
    (tmp_path / "whence-demo-begins").mkdir()
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, cwd=Path(demo.__file__).parents[1])
    (left,) = left_behind()
    settings = load_settings(environ={})
    with demo_settings(settings) as first:
        assert removed == [left]
        left.joinpath("held").unlink()
        assert left_behind() == []
        with demo_settings(settings):
            assert removed == [left]
    running = Path(first.store.path).parent
    assert running in removed
    assert tmp_path / "whence-demo-begins" not in removed
