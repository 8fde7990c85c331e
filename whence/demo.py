"""The demo: a made-up company's story through the whole of Whence, to look at or to check."""

from __future__ import annotations

import fcntl
import secrets
import subprocess
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec.structs import replace

from schemas.broker import Broker
from sources.stories.launches import with_launches
from sources.stories.story import Story, make_story
from whence.feed import feed
from whence.settings import Settings
from whence.show import progress, say
from whence.up import run_up

DEMO_KEY = b"the story's customers are made up"
MOST_SEED = 1_000_000
PREFIX = "whence-demo-"
HELD = "held"

# The engine may still write a file while it ends, so one go may not be enough.
_REMOVE = """
import pathlib, shutil, sys, time
for _ in range(40):
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    if not pathlib.Path(sys.argv[1]).exists():
        break
    time.sleep(0.5)
"""
FOR_LOOKING = "The demo is for looking: its broker is in memory, its store in a folder that goes when it ends."
LOUDNESS = 1.6
"""The demo's effects against the generator's usual ones: a story for looking at; the benchmarks tell softer ones."""


def told_seed(seed: int, *, fresh: bool) -> int:
    """The seed to tell: the given one, or one that nobody has chosen, said aloud so that it can be told again."""
    if fresh:
        seed = secrets.randbelow(MOST_SEED)
        say(f"The fresh seed is {seed}: --seed {seed} tells this story again.")
    return seed


def told_story(seed: int) -> Story:
    """The story, with a word on its making."""
    with progress() as shown:
        shown.add_task("writing the story", total=None)
        return make_story(seed, loudness=LOUDNESS)


@contextmanager
def demo_settings(settings: Settings) -> Iterator[Settings]:
    """The settings with an embedded broker, and a store in a folder that is gone soon after the end; what demos left
    behind that were killed goes, too."""
    for left in left_behind():
        remove_later(left)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with _held(folder):
            yield settings.model_copy(
                update={
                    "broker": type(settings.broker)(),
                    "store": type(settings.store)(path=str(folder / "store")),
                    "admit": replace(settings.admit, customer_key=DEMO_KEY),
                }
            )
    finally:
        remove_later(folder)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a lock in the folder for as long as this process needs it."""
    making = folder / "making"
    with making.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        making.rename(folder / HELD)
        yield


def left_behind() -> list[Path]:
    """Folders of demos that ended without removing them."""
    found = []
    for held in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{HELD}"):
        with suppress(OSError), held.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found.append(held.parent)
    return found


def remove_later(folder: Path) -> subprocess.Popen[bytes]:
    """Remove a folder in a process of its own: a store's tens of thousands of files take seconds, and Ctrl-C should not."""
    command = [sys.executable, "-I", "-c", _REMOVE, str(folder)]
    nowhere = subprocess.DEVNULL
    remover = subprocess.Popen(  # noqa: S603 - the command is ours, the folder too
        command, start_new_session=True, stdin=nowhere, stdout=nowhere, stderr=nowhere
    )
    threading.Thread(target=remover.wait, daemon=True).start()
    return remover


def run_demo(settings: Settings, seed: int, *, speed: float, browser: bool) -> None:
    """Play history at full speed, then the live days at ``speed`` event seconds a second; the page stays until Ctrl-C.

    Raises:
        FatalError: the page's port is taken, or a part cannot go on.
    """
    story = with_launches(told_story(seed))

    def fed(broker: Broker, stop: threading.Event) -> None:
        say(f"{story.company} has {len(story.events):,} events; the live days begin on {story.live_from:%Y-%m-%d}.")
        feed(
            broker, story.workspace, story.events, stop, total=len(story.events), speed=speed, live_from=story.live_from
        )
        if not stop.is_set():
            say("The story has been told; the page stays until Ctrl-C.")

    def opened(url: str) -> None:
        if browser:
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    with demo_settings(settings) as embedded:
        run_up(embedded, workspaces=(story.workspace,), fed=fed, opened=opened, kept=FOR_LOOKING)
