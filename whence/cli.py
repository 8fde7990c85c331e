"""The console script: so small that Ctrl-C ends it cleanly even while everything else is being imported."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command of the command line and exit with its code.

    What has to be put away has been by then; the engines' own tearing down would take seconds, and is skipped.
    """
    try:
        from whence import supervise
        from whence.commands import run_command

        supervise.set_last_resort()
        code = run_command(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        code = 130
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            continue
    os._exit(code)
