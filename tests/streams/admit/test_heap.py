"""The C library is asked politely, and need not be GNU's."""

from __future__ import annotations

import ctypes

import pytest

from streams.admit.heap import give_back, keep_little


def test_options_that_the_library_takes_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[int, int] = {}

    class Library:
        @staticmethod
        def mallopt(option: int, value: int) -> int:
            asked[option] = value
            return 1

        @staticmethod
        def malloc_trim(pad: int) -> int:
            return 1 - pad

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Library)
    assert keep_little()
    assert asked == {-8: 2, -3: 1 << 19, -1: 64 << 20}
    assert give_back()


def test_a_library_without_them_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not keep_little()
    assert not give_back()
