"""The mapping file: which column of which export is which field of ours, so that a folder becomes events without code."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct

from schemas.base import Name
from schemas.catalog import RAW_TOPICS, Topic
from schemas.errors import FatalError
from schemas.workspace import Workspace
from sources.contract import told

RawTopicName = Literal["tickets", "chats", "surveys", "releases", "promotions", "changes", "populations", "signals"]
FILLED_IN = ("event_id", "workspace", "source")
TOPIC_BY_NAME = {topic.name: topic for topic in RAW_TOPICS}


class FieldMap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one field comes from: a ``column``, a constant ``value``, or a ``template`` such as
    ``"{product} {version}"`` over other fields and columns. Then, in this order:

    ``pattern`` (a regular expression searched for; ``take`` says what of it stays, by default its first group or all
    of it), ``replace`` (pairs of pattern and replacement), ``lower``, ``values`` (old to new value; what is not named
    there, or does not match ``pattern``, is ``otherwise``, by default left as it is), ``default`` where nothing is
    left, ``split`` (a list by this separator), ``json`` (the cell holds JSON), ``decimal`` (the mark before decimals),
    ``time_format`` (as ``strptime`` has it, or ``unix``, ``unix_ms``; by default ISO 8601).
    """

    column: str | None = None
    value: str | int | float | bool | list[str] | None = None
    template: str | None = None
    pattern: str | None = None
    take: str | None = None
    replace: list[tuple[str, str]] = []
    lower: bool = False
    values: dict[str, str] = {}
    otherwise: str | None = None
    default: str | None = None
    split: str | None = None
    json: bool = False
    decimal: Annotated[str, Meta(min_length=1, max_length=1)] | None = None
    time_format: str | None = None


class FileMap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of file. ``glob`` is relative to the folder. ``same_fields``: the rows are our own contract already.
    ``where``: only rows whose column holds one of these values. ``extra``: columns kept in ``extra``.
    ``timezone`` is for times that state none. ``optional``: no such file is no error."""

    glob: Annotated[str, Meta(min_length=1)]
    topic: RawTopicName
    format: Literal["csv", "jsonl"] | None = None
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8"
    timezone: str = "UTC"
    source: Name | None = None
    fields: dict[str, str | FieldMap] = {}
    same_fields: bool = False
    where: dict[str, list[str]] = {}
    extra: list[str] = []
    optional: bool = False

    def field_maps(self) -> dict[str, FieldMap]:
        """The fields' sources, a bare column name written out."""
        return {name: FieldMap(column=one) if isinstance(one, str) else one for name, one in self.fields.items()}


class Mapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole mapping file. ``rejected_share``: when more than this share of a file's rows is refused, the mapping is
    taken to be wrong and reading stops."""

    workspace: Workspace
    files: Annotated[tuple[FileMap, ...], Meta(min_length=1)]
    rejected_share: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.5


def load_mapping(path: Path) -> Mapping:
    """Read and check a mapping file (TOML; ``docs/mapping.md`` describes it).

    Raises:
        FatalError: the file cannot be read, or a setting in it is wrong; the sentence names it and what is allowed.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FatalError(f"The mapping {path} cannot be read: {error.strerror}", remedy="Check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FatalError(f"The mapping {path} is not TOML: {error}", remedy="Correct that line.") from error
    if isinstance(raw.get("workspace"), dict):
        raw["workspace"] = {"progress": "input", "alerts": False, **raw["workspace"]}
    _refuse_unknown_settings(path, raw)
    try:
        mapping = msgspec.convert(raw, Mapping)
    except msgspec.ValidationError as error:
        refused = told(str(error), raw, Mapping)
        what = f"{refused.field} is missing" if refused.reason == "missing_field" else str(refused)
        raise FatalError(f"The mapping {path} is wrong: {what}", remedy="docs/mapping.md has all settings.") from error
    for number, file in enumerate(mapping.files):
        _check_file(path, f"files[{number}] ({file.glob})", file)
    return mapping


def _refuse_unknown_settings(path: Path, raw: dict[str, object]) -> None:
    """Named with what there is instead; the workspace's type itself is open to newer producers, a mapping file is not."""
    sections: list[tuple[str, str, object, type[Struct]]] = [("", "the mapping", raw, Mapping)]
    sections.append(("workspace.", "a workspace", raw.get("workspace"), Workspace))
    files = raw.get("files")
    for number, file in enumerate(files if isinstance(files, list) else ()):
        sections.append((f"files[{number}].", "a file", file, FileMap))
        fields = file.get("fields") if isinstance(file, dict) else None
        for name, one in fields.items() if isinstance(fields, dict) else ():
            sections.append((f"files[{number}].fields.{name}.", "a field", one, FieldMap))
    for where, whose, section, kind in sections:
        known = [field.name for field in msgspec.structs.fields(kind)]
        for name in section if isinstance(section, dict) else ():
            if name not in known:
                raise _wrong(path, f"{where}{name} is no setting of {whose}", name, known)


def _check_file(path: Path, where: str, file: FileMap) -> None:
    topic = TOPIC_BY_NAME[file.topic]
    try:
        ZoneInfo(file.timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise FatalError(
            f"The mapping {path}: {where}.timezone is {file.timezone!r}, which is no time zone",
            remedy="Name one such as Europe/Berlin or UTC.",
        ) from error
    try:
        "".encode(file.encoding)
    except LookupError as error:
        raise FatalError(
            f"The mapping {path}: {where}.encoding is {file.encoding!r}, which nobody knows",
            remedy="Name one such as utf-8 or cp1252.",
        ) from error
    if file.same_fields:
        return
    _check_fields(path, where, file, topic)


def _check_fields(path: Path, where: str, file: FileMap, topic: Topic) -> None:
    fields = msgspec.structs.fields(topic.type)
    known = [field.name for field in fields]
    for name, one in file.field_maps().items():
        if name not in known:
            raise _wrong(path, f"{where}.fields.{name} is no field of {topic.name}", name, known)
        _check_field(path, f"{where}.fields.{name}", one)
    for field in fields:
        if field.required and field.name not in file.fields and field.name not in FILLED_IN:
            raise FatalError(
                f"The mapping {path}: {where}.fields lacks {field.name}, which {topic.name} need",
                remedy=f'Add {field.name} = "column" to it.',
            )


def _check_field(path: Path, where: str, one: FieldMap) -> None:
    given = [name for name in ("column", "value", "template") if getattr(one, name) is not None]
    if len(given) != 1:
        raise FatalError(
            f"The mapping {path}: {where} names {' and '.join(given) or 'no origin'}",
            remedy="Give exactly one of column, value and template.",
        )
    for pattern in filter(None, (one.pattern, *(old for old, _ in one.replace))):
        try:
            re.compile(pattern)
        except re.error as error:
            raise FatalError(
                f"The mapping {path}: {where} has the pattern {pattern!r}, which is wrong: {error}",
                remedy="Correct the regular expression.",
            ) from error


def _wrong(path: Path, what: str, name: str, known: list[str]) -> FatalError:
    near = difflib.get_close_matches(name, known, n=1)
    remedy = f"Did you mean {near[0]}?" if near else f"Allowed are {', '.join(known)}."
    return FatalError(f"The mapping {path}: {what}", remedy=remedy)
