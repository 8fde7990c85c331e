"""Settings sections that are the parts' own frozen classes: read from plain data, refused in one sentence each."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import fields
from pydantic_core import PydanticCustomError

from schemas.errors import WhenceError
from schemas.faults import choices, expected_in_words

T = TypeVar("T", bound=Struct)
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_SECRET = re.compile(r"(password|secret|token|credentials?|^key|customer_key|_salt)$")
HIDDEN = "********"


def is_secret(name: str) -> bool:
    """Whether a setting's name says that its value must never be shown.

    >>> is_secret("sasl_password"), is_secret("customer_key"), is_secret("ssl_key_file")
    (True, True, False)
    """
    return _SECRET.search(name) is not None


def nearest(name: str, known: Iterable[str]) -> str:
    """What someone who wrote ``name`` may have meant, as the end of a sentence.

    >>> nearest("prot", ["port", "address"])
    'address, port (did you mean port?)'
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    return ", ".join(names) + (f" (did you mean {close[0]}?)" if close else "")


def struct_section(kind: type[T], place: str) -> Callable[[object], T]:
    """A validator that reads plain data into ``kind``; ``place`` names the section in messages."""

    def read(data: object) -> T:
        return read_struct(kind, data, place)

    return read


def read_struct(kind: type[T], data: object, place: str) -> T:
    """Plain data (from TOML, JSON or the environment) as a frozen struct.

    Raises:
        PydanticCustomError: one sentence with field, value and what is allowed.
    """
    if isinstance(data, kind):
        return data
    if not isinstance(data, Mapping):
        raise refusal(f"{place} is {shown(place, data)}; allowed is a section of settings")
    known = {field.name for field in fields(kind)}
    for name in data:
        if name not in known:
            raise refusal(f"{place}.{name} is not a setting; allowed in {place} is {nearest(name, known)}")
    try:
        return msgspec.convert(data, kind, strict=False)
    except msgspec.ValidationError as error:
        raise refusal(_sentence(str(error), data, place, kind)) from None
    except (ValueError, WhenceError) as error:
        raise refusal(f"{place}: {error}") from None


def refusal(sentence: str) -> PydanticCustomError:
    """An error that carries a finished sentence through pydantic."""
    return PydanticCustomError("sentence", "{sentence}", {"sentence": sentence})


def _sentence(text: str, data: Mapping[str, Any], place: str, kind: type[Struct]) -> str:
    match = _PLACE.match(text)
    what, path = (match["what"], match["path"] or "") if match else (text, "")
    if what.startswith("Object missing required field"):
        return f"{place}{path}.{what.split('`')[1]} is missing; it has no default"
    if not path:
        return f"{place}: {what}"
    allowed = expected_in_words(what.removeprefix("Expected ").split(", got")[0])
    if what.startswith("Invalid enum value"):
        allowed = ", ".join(choices(kind, path))
    return f"{place}{path} is {shown(path, _at(data, path))}; allowed is {allowed}"


def shown(name: str, value: object) -> str:
    """A value for an error message; a secret's is hidden, a long one cut."""
    if is_secret(name):
        return HIDDEN
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 100 else text[:97] + "..."


def _at(data: object, path: str) -> object:
    for step in re.findall(r"[^.\[\]]+", path):
        if isinstance(data, Mapping) and step in data:
            data = data[step]
        elif isinstance(data, list | tuple) and step.isdigit() and int(step) < len(data):
            data = data[int(step)]
        else:
            return "what it is"
    return data
