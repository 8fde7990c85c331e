"""Why a value was refused, in words for a person: what a field may hold, and numbers that JSON does not have."""

from __future__ import annotations

import json
import math
import re
import types
import typing
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a JSON object",
}
_TYPE = re.compile(rf"\b({'|'.join(_WORDS)})\b")


def expected_in_words(expected: str) -> str:
    """What a decoder says that it expected, without Python's names.

    >>> expected_in_words("`str` of length >= 1")
    'text of length >= 1'
    >>> expected_in_words("`float | null`")
    'a number or null'
    """
    plain = expected.replace("`", "").replace(" | ", " or ")
    return _TYPE.sub(lambda found: _WORDS[found[0]], plain, count=0 if " or " in plain else 1)


def choices(kind: type[Struct], path: str) -> tuple[str, ...]:
    """The values that the field at a decoder's ``path`` (``turns[0].who``) may have; empty where it may have any."""
    hints: list[Any] = [kind]
    for name, index in _STEP.findall(path):
        hints = [inner for hint in hints for inner in (_items(hint) if index else _field(hint, name))]
    return tuple(str(value) for hint in hints if typing.get_origin(hint) is typing.Literal for value in hint.__args__)


def _field(hint: Any, name: str) -> Iterator[Any]:
    if isinstance(hint, type) and issubclass(hint, Struct):
        found = typing.get_type_hints(hint).get(name)
        yield from _members(found) if found is not None else ()


def _items(hint: Any) -> Iterator[Any]:
    inside = [one for one in typing.get_args(hint) if one is not Ellipsis]
    yield from _members(inside[-1]) if inside else ()


def _members(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def bad_numbers(text: str) -> Iterator[tuple[str, str]]:
    """(field, number) of what JSON does not have but producers send: NaN, Infinity, 1e999.

    >>> list(bad_numbers('{"score": NaN, "tries": [1, 1e999]}'))
    [('score', 'nan'), ('tries[1]', 'inf')]
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from _not_finite("", found)


def _not_finite(path: str, found: Any) -> Iterator[tuple[str, str]]:
    if isinstance(found, float) and not math.isfinite(found):
        yield path, str(found)
    elif isinstance(found, dict):
        for name, inner in found.items():
            yield from _not_finite(f"{path}.{name}" if path else name, inner)
    elif isinstance(found, list):
        for i, inner in enumerate(found):
            yield from _not_finite(f"{path}[{i}]", inner)
