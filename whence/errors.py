"""Exit codes, and the errors that the command line itself raises."""

from __future__ import annotations

from enum import IntEnum

from schemas.errors import FatalError, RejectedEvent, RetryableError, TooMuchRefused, WhenceError


class Exit(IntEnum):
    """How a command ends; the same for every command."""

    OK = 0
    CHECK_FAILED = 1
    USAGE = 2
    AWAY = 3
    REFUSED = 4
    BUG = 70
    INTERRUPTED = 130


EXIT_MEANINGS: dict[Exit, str] = {
    Exit.OK: "done; for up, demo and run also: stopped when asked to (Ctrl-C, SIGTERM)",
    Exit.CHECK_FAILED: "a check failed (demo --check, doctor, quality)",
    Exit.USAGE: "wrong usage or settings",
    Exit.AWAY: "something outside is away, taken, full or refuses (Kafka, ClickHouse, a port, the disk)",
    Exit.REFUSED: "data was refused (a file, a mapping, a stream beyond the ceiling of dead letters)",
    Exit.BUG: "a mistake of Whence itself; --debug shows where",
    Exit.INTERRUPTED: "interrupted by Ctrl-C before the end",
}


class SettingsError(WhenceError):
    """The settings cannot be used; ``problems`` holds one sentence each."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class CheckFailed(WhenceError):
    """A check ran to its end and found something wrong."""


class DataRefused(WhenceError):
    """Input that the user gave cannot be read as what it should be."""


def exit_code(error: BaseException) -> Exit:
    """The exit code that an error ends a command with.

    >>> exit_code(KeyboardInterrupt())
    <Exit.INTERRUPTED: 130>
    """
    codes: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Exit], ...] = (
        (KeyboardInterrupt, Exit.INTERRUPTED),
        (SettingsError, Exit.USAGE),
        (CheckFailed, Exit.CHECK_FAILED),
        (TooMuchRefused, Exit.REFUSED),
        ((RetryableError, FatalError, OSError), Exit.AWAY),
        ((RejectedEvent, WhenceError), Exit.REFUSED),
    )
    return next((code for kinds, code in codes if isinstance(error, kinds)), Exit.BUG)
