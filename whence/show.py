"""What people and programs see on the terminal: data on standard output, everything else on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

WIDE = 160
OUT = Console(width=None if sys.stdout.isatty() else WIDE)
ERR = Console(stderr=True, soft_wrap=True, highlight=False)


def print_json(data: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """A sentence for the person at the terminal, on standard error."""
    ERR.print(text, markup=False)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table of plain cells; a cell that starts with ``[`` is no markup."""
    made = Table(title=title or None, title_justify="left", header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(str(cell).replace("[", r"\[") for cell in row))
    return made


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on standard output."""
    OUT.print(table(title, columns, rows))


def flat(data: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Nested plain data as dotted names and values.

    >>> list(flat({"web": {"port": 1}, "names": ["a"]}))
    [('web.port', 1), ('names', ['a'])]
    """
    for name, value in data.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for at, one in enumerate(value):
                yield from flat(one, f"{prefix}{name}[{at}].")
        else:
            yield f"{prefix}{name}", value


@contextmanager
def progress() -> Iterator[Progress]:
    """A progress display on standard error; silent where that is no terminal."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as shown:
        yield shown
