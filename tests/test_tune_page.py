"""The files of `flowrun tune -o`: a page that stands alone, and JSON. They are opened before anything is paid."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowrun.runtime.eval.tuned import Tried, Tuned
from flowrun.runtime.eval.tuned_page import tuned_page
from flowrun.runtime.vocabulary.errors import UsageError
from support.answering import Answering
from support.tunings import FLOW, Tune, report, rows, server, tune

__all__ = ["server", "tune"]

HOSTILE = "</pre></table><script>window.canary=1</script>\x1b[2J\u202e"


def test_the_page_has_what_the_terminal_has(tune: Tune, tmp_path: Path) -> None:
    rows(tmp_path, 20, "slip", "slip", "toss", "broken")
    told = tune("--lose", "10%", "-o", "tune.html")
    assert told.exception is None and "the result is in `tune.html`" in told.stderr
    page = (tmp_path / "tune.html").read_text(encoding="utf-8")
    cells = told.stdout.split("\n\n")[0].split()
    assert "promised" in cells and all(f">{one}<" in page or one in page for one in cells)
    assert next(line for line in told.stdout.splitlines() if line.startswith("ahead 3: ")) in page
    assert "   4 |   kind = repeat 3..9" in page.replace("&quot;", '"')
    found = report(tune("--lose", "10%", "--json"))
    assert len({one["run"] for one in found["settings"]}) == 5


def test_the_json_of_the_file_is_that_of_the_terminal(tune: Tune, tmp_path: Path) -> None:
    told = tune("--lose", "20%", "--json", "-o", "tune.json")
    assert json.loads((tmp_path / "tune.json").read_text(encoding="utf-8")) == json.loads(told.stdout)


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("tune.txt", "end it in .html"),
        ("-", "-o names a file"),
        ("label.flow.html/none.html", "label.flow.html"),
        ("rows.json", "rows.json"),
    ],
)
def test_a_file_that_cannot_be_written_sends_nothing(tune: Tune, server: Answering, out: str, said: str) -> None:
    Path("rows.json").write_text(json.dumps([{"mail": f"m {at}", "want": "spam"} for at in range(60)]))
    result = tune("--lose", "5%", "-o", out, "--rows", "rows.json")
    assert said in str(result.exception) and not server.prompts


def test_a_read_only_flow_is_told_before_anything_is_sent(tune: Tune, tmp_path: Path, server: Answering) -> None:
    (tmp_path / "label.flow").chmod(0o444)
    result = tune("--lose", "5%", "--write")
    assert isinstance(result.exception, UsageError) and "read-only" in str(result.exception)
    assert not server.prompts and (tmp_path / "label.flow").read_text(encoding="utf-8") == FLOW


def test_foreign_text_stays_text() -> None:
    many = (True,) * 60
    tries = [Tried((HOSTILE,), "run-1", many, 0, 3, None, 3, None), Tried(("x",), "run-2", many, 1, 2, None, 0, None)]
    page = tuned_page(HOSTILE, Tuned((HOSTILE,), tries, 0.05, 0.9, True, 1), [(1, HOSTILE)])
    assert "<script" not in page and "\x1b" not in page and "\u202e" not in page
    assert "1 setting did not run" in page and "no answer" in page
