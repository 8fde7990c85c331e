"""What a refused value is told as: the values that a field may have, and a decoder's types in words."""

from __future__ import annotations

import pytest
from msgspec import Struct

from schemas.faults import choices, expected_in_words
from schemas.raw import Survey, Ticket
from sources.mapping import Mapping


@pytest.mark.parametrize(
    ("kind", "path", "allowed"),
    [
        (Ticket, "event", ("opened", "updated")),
        (Ticket, ".turns[0].who", ("customer", "agent", "bot", "system")),
        (Ticket, "exposed[...]", ("exposed", "control")),
        (Survey, "kind", ("nps", "csat", "ces", "review")),
        (Mapping, "files[0].format", ("csv", "jsonl")),
        (Ticket, "contact", ()),
        (Ticket, "nosuch[3].field", ()),
    ],
)
def test_values_that_a_field_may_have_are_found_by_its_place(
    kind: type[Struct], path: str, allowed: tuple[str, ...]
) -> None:
    assert choices(kind, path) == allowed


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        ("`str`", "text"),
        ("`int` >= 1", "a whole number >= 1"),
        ("`array | null`", "a list or null"),
        ("`object`", "a JSON object"),
        ("`str` matching regex '^str$'", "text matching regex '^str$'"),
    ],
)
def test_types_are_told_in_words(expected: str, words: str) -> None:
    assert expected_in_words(expected) == words
