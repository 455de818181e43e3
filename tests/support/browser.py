"""A real browser for the tests of pages: Chromium without a network, whose console must stay empty."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pytest

from .patience import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def browser_path() -> str | None:
    """The browser of this machine, None if there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def must_have_browser() -> str:
    """The browser of this machine. Without one the test is skipped, or fails where everything must be tested."""
    found = browser_path()
    if found is None:
        why = "there is no Chromium on the PATH: install the package `chromium`"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(why)
        pytest.skip(why)
    return found


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start the browser for several tests."""
    path = must_have_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


_spare: WeakKeyDictionary[Browser, list[Page]] = WeakKeyDictionary()


class Sheet:
    """A page in the browser. ``said`` has what its console said, and ``sent`` the addresses that it asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        self.sent: list[str] = []
        self._heard: dict[Any, Callable[..., None]] = {
            "console": lambda one: self.said.append(f"{one.type}: {one.text}"),
            "pageerror": lambda one: self.said.append(f"error: {one}"),
            "dialog": self._refuse,
            "request": lambda one: self.sent.append(one.url),
        }
        for event, hear in self._heard.items():
            page.on(event, hear)

    def leave(self) -> None:
        """Hear nothing more, and make the page blank for another test."""
        for event, hear in self._heard.items():
            self.page.remove_listener(event, hear)
        self.page.goto("about:blank")
        self.page.mouse.move(0, 0)
        self.page.emulate_media(media="null")

    def _refuse(self, dialog: Dialog) -> None:
        self.said.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, path: Path, fragment: str = "") -> Page:
        """Open a file and wait until the page is ready."""
        self.page.goto(path.as_uri() + (f"#{fragment}" if fragment else ""))
        self.page.wait_for_selector("body[data-ready]")
        return self.page

    def check_silent(self) -> None:
        """The console said nothing, and nothing but the file itself was asked for."""
        assert self.said == []
        assert [one for one in self.sent if not one.startswith("file:")] == []
        assert len(self.sent) <= 1


@contextmanager
def sheet(
    browser: Browser, width: int = 1400, height: int = 900, color_scheme: Any = "light", **given: Any
) -> Iterator[Sheet]:
    """A blank page of a size. ``given`` goes to the browser, for example ``device_scale_factor=2``.

    A page that showed files and met no failure is used again: a process for a new page takes longer than most tests.
    """
    spare = _spare.setdefault(browser, [])
    if spare and not given:
        page = spare.pop()
        page.set_viewport_size({"width": width, "height": height})
    else:
        page = browser.new_context(viewport={"width": width, "height": height}, **given).new_page()
        page.context.set_default_timeout(1000 * PATIENCE)
    page.emulate_media(color_scheme=color_scheme)
    kept = False
    try:
        shown = Sheet(page)
        yield shown
        if not given and page.url.startswith("file:"):
            shown.leave()
            spare.append(page)
            kept = True
    finally:
        if not kept:
            page.context.close()
