"""The console script: so small that Ctrl-C ends it cleanly even while everything else is being imported."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command of the command line and exit with its code."""
    try:
        from whence.commands import run_command

        code = run_command(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        code = 130
    sys.exit(code)
