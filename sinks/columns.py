"""What a table, a column and a view are: the vocabulary of the table catalogue."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

INSTANT = "DateTime64(3, 'UTC')"
MAYBE_INSTANT = f"Nullable({INSTANT})"
WORD = "LowCardinality(String)"
WORDS = "Array(String)"
PAIRS = "Map(String, String)"

Kept = Literal["contacts", "counts", "decisions", "checks", "letters"]


class Column(Struct, frozen=True):
    """One column. ``default`` is an SQL expression for what a row does not bring. ``written`` is false for columns
    that only their default fills."""

    name: str
    type: str
    default: str = ""
    written: bool = True

    @property
    def sql(self) -> str:
        """The column as it stands in ``CREATE TABLE``."""
        return f"`{self.name}` {self.type}" + (f" DEFAULT {self.default}" if self.default else "")


class Table(Struct, frozen=True, kw_only=True):
    """One ``ReplacingMergeTree``: of the rows that are equal in ``key`` the one with the highest ``row_version``
    stays, and until a merge has come by, only the views hide the others. ``kept`` names the retention setting,
    ``check`` is what the store itself refuses a row without."""

    name: str
    purpose: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    kept: Kept
    partition: str = ""
    check: str = ""

    @property
    def written(self) -> tuple[Column, ...]:
        """The columns that the writer fills, in order."""
        return tuple(column for column in self.columns if column.written)

    @property
    def sql(self) -> str:
        """The statement that creates the table."""
        lines = [column.sql for column in self.columns]
        columns = ",\n    ".join([*lines, f"CONSTRAINT complete CHECK {self.check}"] if self.check else lines)
        partition = f"\nPARTITION BY {self.partition}" if self.partition else ""
        return (
            f"CREATE TABLE {self.name} (\n    {columns}\n)\nENGINE = ReplacingMergeTree(row_version)"
            f"{partition}\nORDER BY ({', '.join(self.key)})\nSETTINGS merge_with_ttl_timeout = 86400"
        )


class View(Struct, frozen=True, kw_only=True):
    """One view that never shows a double. ``columns`` are those that it shows."""

    name: str
    purpose: str
    columns: tuple[Column, ...]
    select: str

    @property
    def sql(self) -> str:
        """The statement that creates the view, or replaces it."""
        return f"CREATE OR REPLACE VIEW {self.name} AS\n{self.select}"


def parsed(text: str) -> tuple[Column, ...]:
    """Columns from lines of ``name type [= default]``; words of a type that is used often are written short.

    >>> parsed('''
    ...     at      instant
    ...     event   word = 'opened'
    ... ''')[1]
    Column(name='event', type='LowCardinality(String)', default="'opened'", written=True)
    """
    return tuple(_parsed(line.strip()) for line in text.strip().splitlines())


_SHORT = {
    "instant": INSTANT,
    "instant?": MAYBE_INSTANT,
    "word": WORD,
    "text": "String",
    "words": WORDS,
    "pairs": PAIRS,
    "number": "Float64",
    "number?": "Nullable(Float64)",
    "count": "UInt32",
    "count?": "Nullable(UInt32)",
    "numbers": "Array(Float64)",
    "flag": "Bool",
}


def _parsed(line: str) -> Column:
    left, _, default = line.partition(" = ")
    name, _, kind = left.strip().partition(" ")
    kind = kind.strip()
    return Column(name, _SHORT.get(kind, kind), default.strip())
