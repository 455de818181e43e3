"""Draw docs/report.png: the page of a run of workflows/spam_accuracy.flow with scripted answers, in light colours.

    python benchmarks/picture.py

It needs the extra `test`, and Chromium on the PATH.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary.call import Request
from support.browser import open_browser, sheet

TOP = Path(__file__).resolve().parent.parent
WIDTH, HEIGHT = 1400, 1060
MOST = 150_000
"""The most bytes of the picture."""


def script(model: str, draw: random.Random) -> ScriptedProvider:
    """Return a model of this address that takes its time, and is sometimes wrong."""

    def reply(request: Request, number: int) -> Scripted:
        spam = "http" in request.messages[-1].text or draw.random() < 0.25
        return Scripted("SPAM" if spam else "NOT", draw.uniform(0.2, 0.9))

    return ScriptedProvider(reply, model=model)


def main() -> int:
    draw, flow = random.Random(4), str(TOP / "workflows" / "spam_accuracy.flow")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = RunOptions(
            model="openai:gpt-4o-mini",
            environ={"OPENAI_API_KEY": "none"},
            opener=lambda model, around: script(model, draw),
            journal=folder / "journal.db",
            learn=False,
        )
        result = asyncio.run(run_async(flow, {"mails": Path(flow).with_name("emails.jsonl")}, options=options))
        result.report(folder / "report.html")
        with open_browser() as browser, sheet(browser, WIDTH, HEIGHT, color_scheme="light") as seen:
            seen.open(folder / "report.html")
            seen.page.wait_for_function("document.querySelector('#graph .drawing').scrollWidth <= innerWidth")
            data = seen.page.screenshot()
            seen.check_silent()
    if len(data) > MOST:
        print(f"the picture has {len(data):,} bytes, and may have {MOST:,}", file=sys.stderr)
        return 1
    (TOP / "docs" / "report.png").write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
