"""Errors divided by what to do next: dead-letter it, try again, or stop."""

from __future__ import annotations

from typing import Literal, get_args

Reason = Literal[
    "not_json",
    "not_utf8",
    "wrong_type",
    "missing_field",
    "unknown_value",
    "bad_time",
    "bad_number",
    "bad_value",
    "too_large",
    "too_deep",
    "schema_version",
    "unknown_workspace",
    "conflicting_repeat",
]
REASONS: tuple[str, ...] = get_args(Reason)


class WhenceError(Exception):
    """Base of every error that Whence raises on purpose; its text is one sentence for a person."""


class RejectedEvent(WhenceError):
    """One event cannot be admitted: dead-letter it and go on."""

    def __init__(self, reason: Reason, *, field: str, value: str, allowed: str) -> None:
        self.reason = reason
        self.field = field
        self.value = value
        self.allowed = allowed
        super().__init__(f"{field or 'the message'} was {value or 'empty'}; allowed is {allowed}")


class RetryableError(WhenceError):
    """Something outside is away: wait ``retry_after_s`` seconds and try again; ``remedy`` is what a person can do."""

    def __init__(self, what: str, *, retry_after_s: float, remedy: str = "") -> None:
        self.what = what
        self.retry_after_s = retry_after_s
        self.remedy = remedy
        self.advised = f"{what}: {remedy}" if remedy else what
        super().__init__(f"{self.advised}; trying again in {retry_after_s:g} s")


class FatalError(WhenceError):
    """Going on would lose or falsify something: stop, and say what a person has to do."""

    def __init__(self, what: str, *, remedy: str) -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what}. {remedy}")


class TooMuchRefused(FatalError):
    """So much of the input breaks the contract that going on would drain it into the bin."""
