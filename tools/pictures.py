"""Takes the pictures of the documentation: ``python -m tools.pictures docs/images``.

Plays the demo's story to its end and takes the page's views in Chromium, light, dark and on a phone, each small enough
to stand in a repository. With ``--url`` of a page that runs already, nothing is played.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
from msgspec import Struct
from playwright.sync_api import Browser

from tools.screenshot import Look, browser, chromium, new_page, visit

MOST_BYTES = 250_000
LONGEST_PX = 2_400
QUALITIES = (88, 80, 72, 64, 55)
TOLD_WITHIN_S = 900.0
LIGHT, DARK, PHONE = Look(sharpness=1), Look(sharpness=1, scheme="dark"), Look(sharpness=1.5, phone=True)


class Shot(Struct, frozen=True):
    """One picture: its file's name, the address (``{spike}`` stands for the loudest spike), and how it is looked at."""

    name: str
    path: str
    look: Look


SHOTS = (
    Shot("now-light", "/now?span=1w", LIGHT),
    Shot("now-dark", "/now", DARK),
    Shot("now-phone", "/now", PHONE),
    Shot("spike-light", "{spike}", LIGHT),
    Shot("spike-dark", "{spike}", DARK),
    Shot("spike-phone", "{spike}", PHONE),
    Shot("releases-light", "/releases", LIGHT),
    Shot("releases-phone", "/releases", PHONE),
    Shot("campaigns-light", "/campaigns", LIGHT),
    Shot("campaigns-dark", "/campaigns", DARK),
    Shot("bill-light", "/bill?span=all", LIGHT),
    Shot("pipeline-light", "/pipeline?span=all", LIGHT),
)


def taken(opened: Browser, url: str, look: Look) -> bytes:
    """One view, from its top, as good as the size allows.

    Raises:
        ValueError: even the coarsest is too large.
    """
    page = new_page(opened, look)
    try:
        visit(page, url)
        page.wait_for_timeout(500)
        high = min(int(page.evaluate("document.documentElement.scrollHeight")), LONGEST_PX)
        wide = int(page.evaluate("document.documentElement.clientWidth"))
        page.set_viewport_size({"width": wide, "height": high})
        page.wait_for_timeout(300)
        for quality in QUALITIES:
            picture = page.screenshot(type="jpeg", quality=quality)
            if len(picture) <= MOST_BYTES:
                return picture
    finally:
        page.context.close()
    raise ValueError(f"{url} takes {len(picture):,} bytes; allowed are {MOST_BYTES:,}")


def loudest(spikes: Sequence[dict[str, Any]]) -> str:
    """The address of the spike to show: of those that a change explains, the one with the most excess on a slice.

    >>> loudest([{"key": "a", "slice": "", "excess": 9, "spike_id": "x"}, {"key": "b", "slice": "p=q", "excess": 5, "spike_id": "y"}])
    '/spikes/y'
    """
    explained = [spike for spike in spikes if spike["key"]]
    return f"/spikes/{max(explained, key=lambda one: (one['slice'] != '', one['excess']))['spike_id']}"


def _answer(url: str, view: str) -> dict[str, Any]:
    panels: dict[str, Any] = httpx.get(f"{url}/api/views/{view}", timeout=30.0, trust_env=False).json()["panels"]
    return panels


def _told(url: str) -> bool:
    """Whether the story has been judged to its end and every spike has its last word."""
    try:
        judged = [
            row["ended"] for row in _answer(url, "pipeline")["progress"]["rows"] if row["topic"] == "expectations"
        ]
        last_words = [spike["final"] for spike in _answer(url, "changes")["spikes"]["rows"]]
    except (httpx.HTTPError, ValueError):
        return False
    return len(judged) > 1 and all(judged) and bool(last_words) and all(last_words)


@contextmanager
def demo(seed: int) -> Iterator[str]:
    """The demo's page, once its story has been told.

    Raises:
        TimeoutError: it was not told in time.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "whence", "demo", "--no-open", "--seed", str(seed), "--speed", "1000000", "--port", str(port)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:  # noqa: S603 - our own command
        try:
            deadline = time.monotonic() + TOLD_WITHIN_S
            while not _told(f"http://127.0.0.1:{port}"):
                if time.monotonic() > deadline or running.poll() is not None:
                    raise TimeoutError(f"the demo's story was not told within {TOLD_WITHIN_S:.0f} s")
                time.sleep(2.0)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()


def main(arguments: Sequence[str] | None = None) -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(prog="python -m tools.pictures", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", help="of a page that runs already")
    parser.add_argument("--seed", type=int, default=1, help="which story is told")
    asked = parser.parse_args(arguments)
    program = chromium()
    if program is None:
        parser.exit(2, "No Chromium found: install one, or name it in WHENCE_CHROMIUM.\n")
    asked.folder.mkdir(parents=True, exist_ok=True)
    with nullcontext(asked.url) if asked.url else demo(asked.seed) as url, browser(program) as opened:
        spike = loudest(_answer(url, "changes")["spikes"]["rows"])
        for shot in SHOTS:
            picture = taken(opened, url + shot.path.replace("{spike}", spike), shot.look)
            (asked.folder / f"{shot.name}.jpg").write_bytes(picture)
            sys.stdout.write(f"{asked.folder / shot.name}.jpg  {len(picture):,} bytes\n")


if __name__ == "__main__":
    main()
