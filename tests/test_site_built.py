"""The built site: strict, without requests to elsewhere, with a search, and readable in a browser."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from builder import SiteError, tool
from builder import site as site_module
from builder.html_pages import read_html
from builder.links import faults_of, other_sites
from builder.navigation import Group
from builder.policy import policy_of, with_policy
from builder.site import Pages, Site, build_site, missing_parts

from support.browser import open_browser, sheet
from support.once import once

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


READY = "document.documentElement.classList.contains('js')"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    pytest.importorskip("zensical", reason="the extra [site] is not installed")
    return once(tmp_path_factory, "site", build_site)


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site.folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as found:
        yield found


@pytest.mark.slow
def test_the_pages_of_codes_have_the_addresses_that_are_promised(site: Site) -> None:
    assert (site.folder / "codes" / "F0203" / "index.html").is_file()
    assert (site.folder / "index.html").is_file()
    assert site.pages > 250


@pytest.mark.slow
def test_blocks_of_flows_have_colours(site: Site) -> None:
    page = (site.folder / "language.html").read_text(encoding="utf-8")
    assert '<span class="kd">flow</span>' in page and '<span class="k">ask</span>' in page


@pytest.mark.slow
def test_no_page_asks_another_site_for_anything(site: Site) -> None:
    for path in site.folder.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "unpkg.com" not in text
        assert "fonts.g" not in text
        head = text.index("<head>")
        assert text.index('http-equiv="Content-Security-Policy"') < text.index("<script", head), path


@pytest.mark.slow
def test_the_search_finds_what_pages_say(site: Site) -> None:
    index = json.loads((site.folder / "search.json").read_text(encoding="utf-8"))
    assert {one["location"].partition("#")[0] for one in index["items"]} >= {"index.html", "reference/reducers.html"}


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1360, 390])
def test_a_browser_shows_pages_and_says_nothing(browser: Browser, address: str, scheme: Any, width: int) -> None:
    with sheet(browser, width, color_scheme=scheme) as shown:
        for name in ("index.html", "codes/F0203/", "reference/reducers.html", "patterns.html", "api/flowrun.html"):
            shown.page.goto(address + name)
            wait_for(shown.page, READY)
            assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert shown.said == []
        assert {one for one in shown.sent if not one.startswith((address, "data:"))} == set()
        assert shown.page.evaluate("document.body.dataset.mdColorScheme") == (
            "slate" if scheme == "dark" else "default"
        )


def wait_for(page: Page, wanted: str) -> None:
    """Wait until an expression is true. `wait_for_function` would need `eval`, which the policy of the page forbids."""
    for _ in range(600):
        if page.evaluate(wanted):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"{wanted} never came true")


def searched(page: Page, words: str) -> str:
    """Search for words, and return what the list of results says."""
    wait_for(page, READY)
    page.keyboard.press("Control+k")
    shown = "[...document.querySelectorAll('*')].map(one => one.shadowRoot?.textContent ?? '').join('')"
    wait_for(page, f"({shown}).length > 0")
    # Letters that are typed before the field has the focus are lost.
    wait_for(page, "document.activeElement?.shadowRoot?.activeElement?.tagName === 'INPUT'")
    page.keyboard.type(words, delay=40)
    wait_for(page, f"/[0-9] results/.test({shown})")
    return str(page.evaluate(shown))


@pytest.mark.slow
def test_the_search_works_on_a_server_and_from_a_folder(browser: Browser, address: str, site: Site) -> None:
    for top in (address, site.folder.as_uri() + "/"):
        with sheet(browser) as shown:
            shown.page.goto(top + "language.html")
            assert "Reducers: forms and types" in searched(shown.page, "majority")
            assert shown.said == []
            assert {one for one in shown.sent if not one.startswith((top, "data:"))} == set()


def write(folder: Path, pages: dict[str, str]) -> list[str]:
    for name, text in pages.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return [*faults_of(folder, {name: read_html(text) for name, text in pages.items() if name.endswith(".html")})]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('<a href="gone.html">x</a>', "the link gone.html leads nowhere"),
        ('<a href="b/#no">x</a>', "a name that b/index.html does not have"),
        ('<a href="#no">x</a>', "a name that a.html does not have"),
        ('<img src="x.png">', "x.png leads nowhere"),
        ('<a href="../../etc">x</a>', "leads nowhere"),
        ('<a href="/b/">x</a>', "at the top of the server"),
        ('<script src="https://cdn.example/x.js"></script>', "<script> fetches https://cdn.example/x.js"),
        ('<link rel="stylesheet" href="//fonts.example/x.css">', "<link> fetches //fonts.example/x.css"),
        ('<p id="x"></p><p id="x"></p>', "two parts have the name x"),
        ('<p onclick="f()">', "<p onclick> is against the policy"),
    ],
)
def test_a_fault_of_the_built_site_is_found(body: str, said: str, tmp_path: Path) -> None:
    (fault,) = write(tmp_path, {"a.html": body, "b/index.html": '<h1 id="top">B</h1>'})
    assert said in fault


def test_a_sound_site_has_no_faults(tmp_path: Path) -> None:
    body = '<a href="b/#top">b</a> <a href="b/index.html?x#top">c</a> <a href="https://x.example/">d</a>'
    pages = {"a.html": body, "b/index.html": '<h1 id="top">B</h1><a href="../a.html">a</a><a href="#top">t</a>'}
    assert write(tmp_path, pages) == []
    assert other_sites({"a.html": read_html(body)}) == {"https://x.example/": 1}


def test_a_list_that_the_site_loses_is_found() -> None:
    built = {"a.html": read_html("<article><h1>A</h1><p>- one</p></article>")}
    assert missing_parts({"a.md": "# A\n\n- one\n"}, built) == [
        "a.md: the site has 0 of <ul>, and GitHub 1",
        "a.md: the site has 0 of <li>, and GitHub 1",
        "a.md: the site says “A - one”, and GitHub “A one”",
    ]


def test_a_policy_names_the_scripts_of_its_page() -> None:
    text = '<html><head><title>a</title><script>one()</script><script type="application/json">{}</script></head></html>'
    policy = policy_of(read_html(text))
    assert policy.startswith("default-src 'none'; script-src 'self' 'sha256-")
    assert policy.count("sha256-") == 2
    assert "unsafe" not in policy
    assert re.match(r'<html><head><meta http-equiv="Content-Security-Policy"', with_policy(text, read_html(text)))


@pytest.mark.slow
def test_a_dead_link_stops_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("zensical", reason="the extra [site] is not installed")
    texts = {"index.md": "# One\n\n[here](two.md#here)\n", "two.md": "# Two\n\n## Here\n\nOf [one](index.md).\n"}
    files = {f"assets/{name}": (tool.THEME / name).read_bytes() for name in tool.OWN_FILES}
    pages = Pages(texts, files, (Group("All", (("One", "index.md"), ("Two", "two.md"))),))
    monkeypatch.setattr(site_module, "collected", lambda: pages)
    assert build_site(tmp_path / "good").pages >= 2
    texts["index.md"] += "\n[nowhere](two.md#no-such-heading)\n"
    with pytest.raises(SiteError, match="anchor does not exist"):
        build_site(tmp_path / "site")
