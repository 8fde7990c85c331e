"""What a part needs when it starts, and what it may wait for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI

from schemas.errors import FatalError
from schemas.workspace import Workspace
from sinks.store import StoreAway
from whence import up
from whence.settings import load_settings


def _store_fails(monkeypatch: pytest.MonkeyPatch, error: FatalError) -> None:
    @contextmanager
    def client(_settings: object) -> Iterator[None]:
        raise error
        yield

    monkeypatch.setattr(up, "store_client", client)


def test_the_page_starts_while_its_store_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    _store_fails(monkeypatch, StoreAway("No ClickHouse answers at ch:8123", remedy="Start it."))
    up._check_store(load_settings(environ={}))


def test_the_page_does_not_start_on_a_store_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    _store_fails(monkeypatch, FatalError("ClickHouse at ch:8123 refused the user 'x'", remedy="Set store.user."))
    with pytest.raises(FatalError, match="refused the user 'x'"):
        up._check_store(load_settings(environ={}))


def test_the_page_knows_whose_time_is_the_clocks() -> None:
    environ = {"WHENCE_WORKSPACES": '[{"name": "shop"}, {"name": "last-year", "progress": "input"}]'}
    settings = load_settings(environ=environ)
    told: list[object] = []

    def create(*_: object, progress: object, **__: object) -> FastAPI:
        told.append(progress)
        return FastAPI()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(up, "create_app", create)
        up.page_app(settings, None, list)
        up.page_app(settings, None, list, [Workspace(name="story", progress="input")])
    assert told == [{"shop": "clock", "last-year": "input"}, {"story": "input"}]
