"""A client says good-bye to its broker, but not for longer than the process has."""

from __future__ import annotations

import threading

import pytest

from schemas import broker
from schemas.broker import leave


class Client:
    """One whose broker answers when it is let."""

    def __init__(self) -> None:
        self.answered, self.closed = threading.Event(), threading.Event()

    def close(self) -> None:
        self.answered.wait(60.0)
        self.closed.set()


def test_in_a_hurry_nobody_waits_for_a_good_bye_that_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "LEAVE_S", 0.0)
    client = Client()
    leave(client, hurry=True)
    assert not client.closed.is_set()
    client.answered.set()
    assert client.closed.wait(10.0)


def test_otherwise_the_good_bye_is_waited_for() -> None:
    client = Client()
    threading.Timer(0.05, client.answered.set).start()
    leave(client, hurry=False)
    assert client.closed.is_set()
