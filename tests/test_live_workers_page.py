"""The live page of a run with workers in a real browser: a worker is killed while the page is open."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowrun.runtime import Result, RunOptions, run
from flowrun.runtime.workers import beginning
from support.browser import open_browser
from support.live_pages import address_in, live_sheet
from support.model_server import model_server
from support.patience import eventually
from support.worker_pids import workers_of
from support.worker_runs import MODEL, environ

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="workers are found in /proc"),
]
FLOW = f"""
model m = "{MODEL}" with concurrency: 8
flow many(items: [text]) {{
  notes = map item in items {{
    draft = ask m "Draft {{{{ item }}}}"
    good = repeat 3 {{ ask m "Is {{{{ draft }}}} good?" -> yes | no }} reduce majority
    {{ draft, good }}
  }} reduce collect
  return notes
}}
"""
COUNT = 80


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


def test_the_page_shows_calls_labels_and_votes_of_workers_and_becomes_the_report(
    browser: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginning, "MOST_HERE", 0)
    flow = tmp_path / "f.flow"
    flow.write_text(FLOW)
    found: list[Result] = []
    with model_server(tmp_path / "log", seconds=0.3) as server:
        options = RunOptions(workers=2, live=True, journal=tmp_path / "run.db", environ=environ(server, tmp_path))
        inputs = {"items": [f"thing {n}" for n in range(COUNT)]}
        thread = threading.Thread(target=lambda: found.append(run(flow, inputs, options=options)))
        thread.start()
        address = address_in(capsys)
        with live_sheet(browser, address) as page:

            def calls() -> int:
                return int(re.sub(r"\D.*", "", page.inner_text("#calls .count").replace(",", "")))

            eventually(lambda: calls() > 30)
            assert "Running" in page.inner_text("#state")
            assert "under way" in page.inner_text("#now")
            eventually(lambda: page.evaluate("F.store.model.votes.length") > 0)
            labels = page.evaluate("F.store.model.calls.map((one) => one.labels.join())")
            assert labels and all(one.startswith("thing ") for one in labels)
            page.locator("#calls .row .state.answered").first.click()
            assert page.inner_text("#call pre >> nth=0").startswith(("Draft thing", "Is "))
            os.kill(workers_of(os.getpid())[0], signal.SIGKILL)
            thread.join(120)
            eventually(lambda: page.inner_text("#state").startswith("Done"))
            assert page.inner_text("#now") == "The run has ended. This page stays until you close it."
            assert page.evaluate("F.store.model.votes.length") == COUNT
            assert page.evaluate("F.store.model.calls.filter((one) => one.state === 'open').length") == 0
            assert calls() >= 3 * COUNT
            assert page.title() == f"many {found[0].run} · flowrun"
    assert found[0].ok
