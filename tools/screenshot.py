"""Takes a picture of a running page: ``python -m tools.screenshot http://127.0.0.1:8750/now docs/now.png``."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from msgspec import Struct
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LAPTOP = ViewportSize(width=1280, height=860)
PHONE = ViewportSize(width=390, height=844)
READY = "main .headline, main .empty"


class Look(Struct, frozen=True, kw_only=True):
    """How the page is looked at."""

    phone: bool = False
    scheme: Literal["light", "dark"] = "light"
    zone: str = "UTC"
    sharpness: float = 2.0


def chromium() -> str | None:
    """The browser's program: ``WHENCE_CHROMIUM``, or what is found on the path."""
    named = os.environ.get("WHENCE_CHROMIUM")
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return named or next((path for path in found if path), None)


@contextmanager
def browser(program: str) -> Iterator[Browser]:
    """A headless Chromium that is closed at the end."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield opened
        finally:
            opened.close()


def new_page(opened: Browser, look: Look, token: str | None = None) -> Page:
    """An empty page that looks as asked for."""
    context = opened.new_context(
        viewport=PHONE if look.phone else LAPTOP,
        color_scheme=look.scheme,
        timezone_id=look.zone,
        locale="en-GB",
        device_scale_factor=look.sharpness,
        extra_http_headers={"Authorization": f"Bearer {token}"} if token else {},
    )
    return context.new_page()


def visit(page: Page, url: str) -> None:
    """Go there and wait until something is shown and drawn."""
    page.goto(url)
    page.wait_for_selector(READY)
    page.wait_for_timeout(300)


def main(arguments: Sequence[str] | None = None) -> None:
    """Take one picture and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m tools.screenshot", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("file", type=Path)
    parser.add_argument("--dark", action="store_true", help="in the dark theme")
    parser.add_argument("--phone", action="store_true", help="as wide as a phone")
    parser.add_argument("--zone", default="UTC", help="the viewer's time zone")
    parser.add_argument("--wait-for", help="CSS selector or text=… to wait for first, at most a minute")
    parser.add_argument("--click", help="CSS selector or text=… to click before the picture is taken")
    parser.add_argument("--window", action="store_true", help="only the window, not the whole page")
    asked = parser.parse_args(arguments)
    program = chromium()
    if program is None:
        parser.exit(2, "No Chromium found: install one, or name it in WHENCE_CHROMIUM.\n")
    look = Look(phone=asked.phone, scheme="dark" if asked.dark else "light", zone=asked.zone)
    asked.file.parent.mkdir(parents=True, exist_ok=True)
    with browser(program) as opened:
        page = new_page(opened, look, os.environ.get("WHENCE_WEB_TOKEN"))
        visit(page, asked.url)
        if asked.wait_for:
            page.wait_for_selector(asked.wait_for, timeout=60_000)
        if asked.click:
            page.locator(asked.click).first.click()
            page.wait_for_timeout(2_000)
        page.screenshot(path=asked.file, full_page=not asked.window)


if __name__ == "__main__":
    main()
