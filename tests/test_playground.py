"""The playground in a real browser: what it shows, what it sends, and what a stranger's text can do."""

from __future__ import annotations

import base64
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.browser import Sheet, open_browser, sheet
from support.once import once
from support.patience import PATIENCE
from support.playground import FOLDER, built, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]
FLOW = """\
flow is_spam(email: text) {
  verdict = repeat 3 {
    ask "Answer SPAM or NOT only: {{ email }}" -> SPAM | NOT
  } reduce majority
  return verdict
}

test "votes" of is_spam {
  email = "Cheap pills!"
  reply verdict: SPAM, NOT, SPAM
  expect verdict == SPAM
}
"""
WRONG = FLOW.replace("{{ email }}", "{{ emial }}")
EVIL = "<img src=x onerror=window.canary=1>"
TAGS = f"</script><script>window.canary=1</script>{EVIL}<svg onload=window.canary=1>"
HOSTILE = f"""\
# {TAGS}
flow f(a: text) {{
  # {EVIL}
  b = ask "{EVIL} {{{{ a }}}} {EVIL}" -> "{EVIL}" | OTHER
  return b
}}

test "{EVIL}" of f {{
  a = "{EVIL}"
  reply b: OTHER
  expect b == "{EVIL}"
}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "playground", built)


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(folder) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as found:
        yield found


@pytest.fixture(scope="module")
def common(browser: Browser, address: str) -> Iterator[Sheet]:
    """A page for several tests, because Python takes seconds to load."""
    with opened(browser, address, FLOW) as shown:
        yield shown


def fragment(text: str) -> str:
    squeezed = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = squeezed.compress(text.encode()) + squeezed.flush()
    return "#f=" + base64.urlsafe_b64encode(packed).decode().rstrip("=")


@contextmanager
def opened(browser: Browser, address: str, text: str, width: int = 1400, **given: Any) -> Iterator[Sheet]:
    with sheet(browser, width, **given) as shown:
        shown.page.goto(address + "index.html" + fragment(text))
        ready(shown.page)
        yield shown


def ready(page: Page) -> None:
    page.wait_for_selector("body[data-ready]")
    says(page, "#state", "No problems", "error", "warning", "is ready again")


def says(page: Page, place: str, *words: str) -> None:
    """Wait until a part of the page has one of these words."""
    test = "([place, words]) => words.some((word) => document.querySelector(place).innerText.includes(word))"
    page.wait_for_function(test, arg=[place, list(words)])


def put(page: Page, text: str) -> None:
    """Type a text in place of all that is there."""
    page.locator("#editor .cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(text)


def text_of(page: Page) -> str:
    return str(page.evaluate("document.querySelector('#editor').shadowRoot.querySelector('.cm-content').innerText"))


def test_findings_appear_while_one_types_and_a_click_mends_them(common: Sheet) -> None:
    page = common.page
    put(page, WRONG)
    says(page, "#problems", "did you mean `email`?")
    assert page.locator("#editor .cm-lintRange-error").count() == 1
    page.locator("#problems button", has_text="email").first.click()
    says(page, "#state", "No problems")
    assert "{{ email }}" in text_of(page)
    put(page, FLOW.replace("return verdict", "return verdict;"))
    says(page, "#problems", "semicolon")
    page.click("#fix")
    says(page, "#state", "No problems")
    put(page, WRONG)
    says(page, "#problems", "did you mean `email`?")
    page.locator("#problems button", has_text="Explain").click()
    says(page, "#problems", "# F0")


def test_all_views_follow_the_text(common: Sheet) -> None:
    page = common.page
    put(page, FLOW)
    says(page, "#state", "No problems")
    page.click("#tab-plan")
    says(page, "#bounds", "`email` is not given")
    page.fill("#inputs input", "You won")
    page.wait_for_function("() => !document.querySelector('#bounds').innerText.includes('is not given')")
    page.keyboard.press("Enter")
    page.focus("#tab-plan")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#graph img")
    assert page.evaluate("document.querySelector('#graph img').decode().then(() => true)")
    page.keyboard.press("ArrowRight")
    says(page, "#reach", "no untrusted source")
    page.keyboard.press("Control+Enter")
    says(page, "#ran", "1 test passed")
    page.click("#tab-problems")
    put(page, FLOW.replace("  return", "     return"))
    page.keyboard.press("Shift+Alt+f")
    script = "() => document.querySelector('#editor').shadowRoot.querySelector('.cm-content').innerText"
    page.wait_for_function(script + ".includes('\\n  return')")


def test_names_are_proposed_and_described(common: Sheet) -> None:
    page = common.page
    put(page, FLOW.partition("email }}")[0])
    page.keyboard.press("Control+Space")
    page.wait_for_selector("#editor .cm-tooltip-autocomplete li:has-text('email')")
    page.keyboard.press("Escape")
    put(page, FLOW)
    says(page, "#state", "No problems")
    page.locator("#editor .cm-line", has_text="reduce majority").locator("span", has_text="majority").hover()
    page.wait_for_selector("#editor .cm-tooltip .hover")


def test_a_link_holds_the_text_and_nothing_is_sent(common: Sheet, browser: Browser, address: str) -> None:
    page = common.page
    text = "# größer 𝒳\n" + FLOW
    put(page, text + "}")
    says(page, "#state", "error")
    before = len(common.sent)
    put(page, text)
    page.click("#share")
    says(page, "#notice", "nothing was sent")
    says(page, "#state", "No problems")
    assert "nothing was sent" in page.inner_text("#notice")
    link = page.url
    assert link.startswith(address + "index.html#f=")
    assert common.sent[before:] == []
    with sheet(browser) as other:
        other.page.goto(link)
        ready(other.page)
        assert "größer 𝒳" in text_of(other.page)
        assert other.said == []


def test_the_page_asks_its_own_folder_only_and_the_console_is_silent(common: Sheet, address: str) -> None:
    assert common.said == []
    assert {one for one in common.sent if not one.startswith((address, f"blob:{address[:20]}", "data:"))} == set()
    page = common.page
    assert page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')") == "refused"
    page.evaluate(
        "document.head.append(Object.assign(document.createElement('script'), { text: 'window.inline = 1' }))"
    )
    assert page.evaluate("window.inline") is None
    assert "Content Security Policy" in " ".join(common.said)
    page.wait_for_timeout(200)
    common.said.clear()


@pytest.mark.parametrize(
    "text", [HOSTILE, HOSTILE.replace("{{ a }}", "{{ a <img> }}"), TAGS], ids=["flow", "bad", "tags"]
)
def test_a_strangers_text_stays_text(common: Sheet, text: str, address: str) -> None:
    page = common.page
    page.goto(address + "index.html")
    page.goto(address + "index.html" + fragment(text))
    page.reload()
    ready(page)
    for name in ("plan", "graph", "audit", "tests"):
        page.click(f"#tab-{name}")
        page.wait_for_timeout(400)
    page.keyboard.press("Control+Enter")
    says(page, "#tests", "passed", "failed", "see Problems")
    page.click("#tab-problems")
    for button in page.locator("#problems button", has_text="Explain").all():
        button.click()
    assert page.evaluate("window.canary") is None
    deep = "[document, document.querySelector('#editor').shadowRoot]"
    assert (
        page.evaluate(
            f"{deep}.flatMap((one) => [...one.querySelectorAll('img, svg, script, iframe')])"
            ".filter((one) => one.closest('#graph') === null && !one.src?.endsWith('app.js')).length"
        )
        == 0
    )
    assert EVIL in text_of(page)
    assert common.said == []


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("#f=!", ""),
        ("#f=AAAA", "damaged"),
        ("#f=_w", "damaged"),
        (fragment("x" * 10**7), "too long"),
        ("#f=", "damaged"),
    ],
    ids=["no", "zeros", "short", "bomb", "empty"],
)
def test_a_damaged_link_is_told_and_the_page_lives(common: Sheet, address: str, written: str, said: str) -> None:
    page = common.page
    page.goto(address + "index.html#")
    page.evaluate("document.querySelector('#notice').textContent = ''")
    page.evaluate("(one) => { location.hash = one; }", written)
    says(page, "#notice", said)
    assert common.said == []


def test_a_page_opened_by_a_damaged_link_says_so_beside_the_first_example(browser: Browser, address: str) -> None:
    with sheet(browser) as shown:
        shown.page.goto(address + "index.html#f=AAAA")
        ready(shown.page)
        says(shown.page, "#state", "No problems")
        assert "damaged" in shown.page.inner_text("#notice")
        put(shown.page, FLOW)
        says(shown.page, "#state", "No problems")
        assert shown.page.inner_text("#notice") == ""


def test_a_text_that_takes_too_long_ends_only_the_worker(browser: Browser, address: str) -> None:
    with sheet(browser) as shown:
        page = shown.page
        page.add_init_script("window.flowrunLimits = { look: 1 };")
        page.goto(address + "index.html" + fragment(FLOW))
        page.wait_for_selector("body[data-ready]")
        says(page, "#state", "so it was ended", "Python is ready again")
        put(page, "# the editor still works")
        assert "still works" in text_of(page)
        assert shown.said == []


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (1400, "dark"), (390, "light"), (390, "dark")])
def test_it_fits_its_window_and_can_be_read(browser: Browser, address: str, width: int, scheme: Any) -> None:
    with sheet(browser, width, color_scheme=scheme) as shown:
        page = shown.page
        page.goto(address + "index.html" + fragment(WRONG))
        page.wait_for_selector("#editor .cm-content", state="attached")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for place in ("#tabs", "footer p"):
            page.locator(place).scroll_into_view_if_needed()
            assert page.evaluate(UPPERMOST, place), f"something covers {place}"
        assert page.evaluate(CONTRAST) == []
        controls = "[...document.querySelectorAll('button, select, input')]"
        assert page.evaluate(f"{controls}.filter((one) => !one.innerText && !one.labels?.length).length") == 0


UPPERMOST = """(place) => {
  const part = document.querySelector(place);
  const { x, y, width, height } = part.getBoundingClientRect();
  return part.contains(document.elementFromPoint(x + width / 4, y + height / 2));
}"""
CONTRAST = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((one) => one / 255);
  const light = (colour) => numbers(colour).map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
  const probe = document.createElement('p');
  document.body.append(probe);
  const value = (name) => { probe.style.color = `var(--${name})`; return light(getComputedStyle(probe).color); };
  const faults = [];
  for (const under of ['paper', 'shade']) {
    for (const over of 'ink quiet accent error warning good keyword name literal comment mark'.split(' ')) {
      const [low, high] = [value(under), value(over)].sort((one, other) => one - other);
      if ((high + 0.05) / (low + 0.05) < 4.5) faults.push(`${over} on ${under}`);
    }
  }
  const [low, high] = [value('accent'), value('on-accent')].sort((one, other) => one - other);
  if ((high + 0.05) / (low + 0.05) < 4.5) faults.push('on-accent on accent');
  probe.remove();
  return faults;
}"""


def test_the_first_paint_is_quick_and_python_follows(browser: Browser, address: str) -> None:
    with sheet(browser) as shown:
        for turn in ("cold", "warm"):
            shown.page.goto("about:blank")
            shown.page.goto(address + "index.html")
            ready(shown.page)
            painted = shown.page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            done = shown.page.evaluate("performance.getEntriesByName('ready')[0].startTime")
            print(
                f"{turn}: painted after {painted:.0f} ms, ready after {done:.0f} ms",
                shown.page.get_attribute("body", "data-ready"),
            )
        # The machine of the tests may be busy: idle, a paint takes 0.1 s, and Python 3 s.
        assert painted < 3000
        assert done < 60_000


NODE = """
import fs from "node:fs";
import { loadPyodide } from "pyodide";
const [folder, flow] = process.argv.slice(2);
const python = await loadPyodide();
python.unpackArchive(new Uint8Array(fs.readFileSync(folder + "/python.zip")), "zip", { extractDir: "/packages" });
python.FS.writeFile("/text.flow", fs.readFileSync(flow, "utf8"));
console.log(python.runPython(`
import sys
sys.path.insert(0, "/packages")
from pathlib import Path
from desk import Desk
import json
desk = Desk(Path("/"))
ask = lambda kind, **given: json.loads(desk.answer(json.dumps({"kind": kind, **given})))
ask("look", text=Path("/text.flow").read_text())
found = [ask("test")["text"], *sorted({"aiohttp", "pydantic_core", "sqlite3"} & {*sys.modules})]
" ".join(found)
`));
"""


def test_python_under_node_needs_no_browser(folder: Path, tmp_path: Path) -> None:
    npm = folder.parent / "npm"
    (npm / "try.mjs").write_text(NODE)
    (tmp_path / "text.flow").write_text(FLOW)
    command = ["node", "try.mjs", str(folder / FOLDER), str(tmp_path / "text.flow")]
    done = subprocess.run(command, cwd=npm, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("1 test passed in 1 file")
    assert done.stdout.strip().endswith("s)")
