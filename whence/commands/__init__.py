"""The command line: which commands there are, what they take, and how they end.

Commands import what they run when they run, so that ``whence --help`` loads neither an engine nor Faust. They are told
in the order of the imports below.
"""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Sequence
from itertools import islice
from typing import Any

import typer

from schemas.errors import WhenceError
from whence.commands.base import app
from whence.errors import Exit, exit_code
from whence.show import say

# isort: split
from whence.commands import running

# isort: split
from whence.commands import asking

# isort: split
from whence.commands import people

# isort: split
from whence.commands import keeping

ANYWHERE = ("--debug", "--log-json")
ANYWHERE_WITH_VALUE = ("--config", "--log-level")


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; errors become one clear sentence each on standard error."""
    try:
        result = app(args=_front(arguments), prog_name="whence", standalone_mode=False)
        code = int(result) if isinstance(result, int) else Exit.OK
        if code == Exit.INTERRUPTED:
            say("Interrupted.")
        return code
    except (KeyboardInterrupt, typer.Abort):
        say("Interrupted.")
        return Exit.INTERRUPTED
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else Exit.OK
    except BaseException as error:
        return _told(error, debug="--debug" in arguments)


def _told(error: BaseException, *, debug: bool) -> int:
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, typer.Exit):
        return error.exit_code
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        if error.format_message():
            say(f"whence: {_wrong_usage(error)}")
        return Exit.USAGE
    code = exit_code(error)
    if isinstance(error, BrokenPipeError):
        return Exit.OK
    for line in _sentences(error, code).splitlines():
        say(f"whence: {line}")
    return code


def _wrong_usage(error: Any) -> str:
    """What Typer complains of, in one line, and which help has more."""
    told = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    asked = context.command_path if context is not None else "whence"
    return f"{told}{'' if told.endswith(('.', '?')) else '.'} See {asked} --help."


def _sentences(error: BaseException, code: Exit) -> str:
    if isinstance(error, OSError) and not isinstance(error, WhenceError):
        place = f"{error.filename}: " if error.filename is not None else ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return f"{place}no space is left on the disk that is written to. Free some, or write elsewhere."
        return f"{place}{error.strerror or error}"
    if code is Exit.BUG:
        return f"a mistake of Whence itself ({type(error).__name__}: {error}); --debug shows where"
    return str(error)


def _front(arguments: Sequence[str]) -> list[str]:
    """Options that may stand anywhere, moved before the command."""
    front: list[str] = []
    rest: list[str] = []
    left = iter(arguments)
    for one in left:
        if one == "--":
            return [*front, *rest, one, *left]
        if one in ANYWHERE or one.startswith(tuple(f"{name}=" for name in ANYWHERE_WITH_VALUE)):
            front.append(one)
        elif one in ANYWHERE_WITH_VALUE:
            front += [one, *islice(left, 1)]
        else:
            rest.append(one)
    return [*front, *rest]


__all__ = ["app", "asking", "keeping", "people", "run_command", "running"]
