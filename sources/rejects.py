"""Rows that could not be used, told so that a person can mend the export or the mapping."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from schemas.errors import Reason

_SHOWN = 80


class RejectedRow(Struct, frozen=True, kw_only=True):
    """One row (or, with line 0, a whole file) that was not used, and why. Lines count from 1, the header's included."""

    file: str
    line: int
    reason: Reason
    column: str = ""
    value: str = ""
    allowed: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" if self.line else self.file
        value = "empty" if self.reason == "missing_field" else shown(self.value)
        found = f"{self.column or 'the row'} is {value}" if self.line else self.value
        return f"{place}: {found}; allowed is {self.allowed}. {self.remedy}"


Rejects = Callable[[RejectedRow], None]


def shown(value: object) -> str:
    """A value as a message quotes it, cut to a readable length.

    >>> shown("abc")
    "'abc'"
    """
    text = value if isinstance(value, str) else repr(value)
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def whole_file(name: str, what: str, *, allowed: str, remedy: str) -> RejectedRow:
    """What is wrong with a file rather than with one of its rows."""
    return RejectedRow(file=name, line=0, reason="bad_value", value=what, allowed=allowed, remedy=remedy)
