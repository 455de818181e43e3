"""The page of a run with 20,000 calls of 500 characters in and 100 out: size, first paint, filters.

    python benchmarks/page.py [--check] [--calls N]

The texts are random words of a vocabulary of 5,000, so that nothing repeats but the words; a prompt that shares a
template with others packs better. ``--check`` fails above 5 MB, 2 s to the first paint, or 100 ms for a filter. It
needs Chromium on the PATH. Times are wall times of the browser; the median of the rounds counts.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from flowrun.runtime.pages import report_page
from support.browser import open_browser, sheet
from support.page_records import large

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BOUNDS = {"MB": 5.0, "first paint, s": 2.0, "ready, s": 10.0, "filter, ms": 100.0}
ROUNDS = 3
WORDS = ("tri", "notes[1999", "nothing has this", "bane lo", "su")
FILTER = """(word) => {
  const begin = performance.now();
  F.table.set(word);
  document.body.offsetHeight;
  return performance.now() - begin;
}"""


def measure(browser: Browser, path: Path) -> dict[str, float]:
    """Open the page once: the seconds to its first paint and until it is ready, and the ms of its slowest filter."""
    with sheet(browser) as seen:
        page = seen.page
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-ready]", timeout=120_000)
        ready = page.evaluate("performance.now()")
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        changes = [{"q": word} for word in WORDS] + [
            {"q": "", "flags": ["slow"]},
            {"flags": [], "sort": "-ms"},
            {"sort": "path"},
            {"sort": "answer"},
            {"sort": "", "step": "notes"},
        ]
        times = [page.evaluate(FILTER, change) for change in changes]
        seen.check_silent()
    return {"first paint, s": paint / 1000, "ready, s": ready / 1000, "filter, ms": max(times)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--calls", type=int, default=20_000)
    given = parser.parse_args()
    record = large(given.calls)
    begin = time.process_time()
    text = report_page(record)
    found = {"CPU to make, s": time.process_time() - begin, "MB": len(text.encode()) / 1e6}
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        path = Path(folder) / "report.html"
        path.write_text(text, encoding="utf-8")
        rounds = [measure(browser, path) for _ in range(ROUNDS)]
    found |= {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    failed = []
    for name, value in found.items():
        bound = BOUNDS.get(name)
        print(f"{name:<16} {value:>8.2f}" + (f"   at most {bound:g}" if bound else ""))
        if bound is not None and value > bound:
            failed.append(name)
    return 1 if given.check and failed else 0


if __name__ == "__main__":
    sys.exit(main())
