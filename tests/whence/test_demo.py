"""The demo's store is gone after it, without holding up its end."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from whence import demo
from whence.demo import DEMO_KEY, demo_settings, remove_later
from whence.settings import load_settings


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
