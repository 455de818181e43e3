"""Questions to people in the live page: its form, and the guard of what may answer."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from flowrun import Result, RunOptions, run
from flowrun.runtime.providers.scripted import ScriptedProvider
from support.browser import open_browser, sheet
from support.live_pages import ADDRESS
from support.patience import PATIENCE, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FLOW = """flow look(topic: text) {
  draft = ask "Write about {{ topic }}"
  ok = ask human "Publish {{ draft }}?" -> yes | no | text
  grade = ask human "How good is {{ topic }}?" -> 1..5
  return { ok, grade }
}
"""
HOSTILE = "<img src=x onerror=window.canary=1>\u202e\x1b[2J"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


class Going:
    """A run with a live page, in a thread of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], **given: Any) -> None:
        (folder / "look.flow").write_text(FLOW)
        model = ScriptedProvider(lambda request, number: f"a draft {HOSTILE}", model="scripted:m")
        options = RunOptions(live=True, opener=lambda *_: model, model="scripted:m", **given)
        self.result: Result | None = None

        def work() -> None:
            self.result = run(folder / "look.flow", topic="cats", options=options)

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()
        told = ""
        while not (found := ADDRESS.search(told)):
            time.sleep(0.02)
            told += capsys.readouterr().err
        self.address = found[1]
        split = urlsplit(self.address)
        assert split.port is not None
        self.port, self.query = split.port, f"?{split.query}"

    def end(self) -> Result:
        self._thread.join(PATIENCE)
        assert self.result is not None
        return self.result

    def post(self, body: object, path: str = "", **headers: str) -> tuple[int, str]:
        own = {"Origin": f"http://127.0.0.1:{self.port}", "Content-Type": "application/json"}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, str) else json.dumps(body)
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            sent = {name: value for name, value in {**own, **given}.items() if value}
            connection.request("POST", path or f"/answer{self.query}", data, sent)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()


def test_a_person_answers_in_the_page(browser: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    going = Going(tmp_path, capsys)
    with sheet(browser) as seen:
        page = seen.page
        page.goto(going.address)
        page.wait_for_selector("#people article >> nth=1")
        articles = page.locator("#people article")
        grade = articles.filter(has_text="How good is cats?")
        grade.locator("textarea").fill("7")
        grade.locator("button.answer").click()
        eventually(lambda: "less than or equal to 5" in grade.inner_text())
        # The page goes on with its updates, and what was typed stays.
        time.sleep(1.2)
        assert grade.locator("textarea").input_value() == "7"
        grade.locator("textarea").fill("4")
        grade.locator("button.answer").click()
        eventually(lambda: articles.count() == 1)
        ok = articles.first
        assert "Publish a draft" in ok.inner_text() and "yes | no | text" in ok.inner_text()
        assert page.locator("#people :is(img, script, form)").count() == 0
        assert "\u202e" not in ok.inner_text() and "\x1b" not in ok.inner_text()
        ok.locator("button", has_text="yes").click()
        result = going.end()
        assert result.value == {"ok": "yes", "grade": 4}
        eventually(lambda: page.inner_text("#now").startswith("The run has ended"))
        assert not page.locator("#people").is_visible()
        assert page.evaluate("window.canary") is None
        assert [one for one in seen.said if "422" not in one] == []


def test_only_the_page_itself_can_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    going = Going(tmp_path, capsys)
    answer = {"question": 1, "answer": "5"}
    eventually(lambda: going.post({"question": 1, "answer": "nothing"})[0] == 422)
    refused = [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Content_Type": "text/plain"}, 403),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 403),
    ]
    for headers, status in refused:
        assert going.post(answer, **headers)[0] == status, headers
    for path in ("/answer", "/answer?key=", "/answer?key=wrong"):
        assert going.post(answer, path)[0] == 403
    for path in ("/", "/events", "/other"):
        assert going.post(answer, path + going.query)[0] == 405
    for body in ("", "{", "[]", "5", '{"question": 1}', '{"question": "1", "answer": "yes"}', "[" * 100_000):
        assert going.post(body)[0] == 400, body[:20]
    assert going.post({"question": True, "answer": "yes"})[0] == 400
    assert going.post({"question": 1, "answer": "x" * 2**21})[0] == 413
    assert going.post({"question": 99, "answer": "yes"})[0] == 409
    assert going.post({"question": 1, "answer": "3"})[0] == 200
    assert going.post({"question": 1, "answer": "4"})[0] == 409
    eventually(lambda: going.post({"question": 2, "answer": "no"})[0] == 200)
    assert going.end().value == {"ok": "no", "grade": 3}


def test_the_first_of_two_places_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    withdrawn: list[str] = []

    async def person(question: Any) -> str:
        if question.path == "ok":
            return "no"
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            withdrawn.append(question.path)
            raise
        return ""

    going = Going(tmp_path, capsys, ask_person=person)
    numbers = range(1, 4)
    eventually(lambda: any(going.post({"question": one, "answer": "5"})[0] == 200 for one in numbers))
    assert going.end().value == {"ok": "no", "grade": 5}
    assert withdrawn == ["grade"]
