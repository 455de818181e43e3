"""What the README shows is what happens."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flowrun import testing
from flowrun.dsl import Source, check_flow
from flowrun.runtime.catalog import catalog
from flowrun.runtime.reducers import REDUCERS
from flowrun.testing import run_scripted
from flowrun.testing.failure_text import failure_text
from flowrun.testing.parallel import run_files
from flowrun.testing.scripted_setup import beside
from support.patience import PATIENCE
from support.taped import tape

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {"README.md": README, **{path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}}
FENCE = re.compile(r"^```flow\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = [(name, text) for name, page in PAGES.items() for text in FENCE.findall(page)]
LIBRARY = {
    "lib/summaries.flow": 'flow summary(of: text, tone: text) {\n  short = ask "Summarise {{ of }}, {{ tone }}"\n'
    "  return short\n}\n",
    "lib/words.flow": "type Tone = plain | formal\n",
    "prompts/note.md": "A {{ tone }} note on: {{ section }} {% if hint %}{{ hint }}{% endif %}\n",
}
FLOWS = re.findall(r"^```flow\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
CONSOLES = re.findall(r"^```console\n\$ flowrun (.*?)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def load(path: str) -> Source | str:
    return Source(LIBRARY[path], path) if path in LIBRARY else "there is no such file"


@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_a_flow_in_a_page_is_clean(name: str, text: str) -> None:
    assert check_flow(Source(text, name), catalog(), load).warnings == ()


def test_there_is_a_page_on_the_language() -> None:
    assert len([name for name, _ in EXAMPLES if name == "language.md"]) >= 4


def test_the_flows_of_the_readme_are_those_that_ship() -> None:
    shipped = [path.read_text(encoding="utf-8") for path in (ROOT / "workflows").glob("*.flow")]
    for text in FLOWS[:3]:
        body = text[text.index("flow ") :]
        assert any(body.strip() in one for one in shipped)


@pytest.mark.parametrize(
    ("arguments", "shown"), [console for console in CONSOLES if console[0].split()[0] in ("validate", "plan")]
)
def test_what_needs_no_model_prints_what_the_readme_shows(arguments: str, shown: str) -> None:
    command = [sys.executable, "-c", "from flowrun.runtime.cli import main; main()", *arguments.split()]
    # The README shows a machine with two cores; with four, more requests at once are possible if runs learn.
    environ = {**os.environ, "FLOWRUN_LEARN": "0"}
    ran = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert shown.strip() in ran.stdout + ran.stderr


def test_the_readme_shows_both() -> None:
    assert {console[0].split()[0] for console in CONSOLES} >= {"validate", "plan", "workflows/is_spam.flow"}


def test_every_command_is_on_the_front_pages() -> None:
    from flowrun.runtime.cli.commands import COMMANDS

    front = README + PAGES["index.md"]
    assert [name for name in COMMANDS if f"flowrun {name}" not in front] == []


def test_every_page_is_on_the_front_page() -> None:
    others = {name for name in PAGES if name not in ("README.md", "index.md")}
    assert {name for name in others if f"]({name}" not in PAGES["index.md"]} == set()


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 200


def test_every_reducer_has_its_page() -> None:
    page = PAGES["reducers.md"]
    for name, rule in REDUCERS.items():
        assert f"### `{name}`" in page
        part = page.split(f"### `{name}`")[1].split("\n### ")[0]
        assert [
            param.name for param in rule.spec.params if f"`{param.name}" not in part and f"{param.name}:" not in part
        ] == []


PAGE = PAGES["testing.md"]
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_on_testing_shows_what_happens(tmp_path: Path) -> None:
    (text,) = FENCE.findall(PAGE)
    path = tmp_path / "triage.flow"
    path.write_text(text, encoding="utf-8")
    (result,) = run_files([str(path)])
    assert [outcome.status for outcome in result.outcomes] == ["passed", "passed"]
    path.write_text(text.replace("quick: billing\n", "quick: sales\n"), encoding="utf-8")
    (result,) = run_files([str(path)])
    failed = result.outcomes[0]
    shown = re.search(r"^```\n(failed: .*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown
    told = failure_text(failed, failed.failures[0], Source(path.read_text(encoding="utf-8"), "triage.flow"))
    assert told == shown[1].strip()


def test_the_python_of_the_page_on_testing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "triage.flow").write_text(FENCE.findall(PAGE)[0], encoding="utf-8")
    names: dict[str, Any] = {}
    exec("".join(PYTHON.findall(PAGE)), names)
    names["test_refund"](beside(run_scripted, tmp_path))
    names["test_an_hour"]()
    message = "My invoice is wrong."
    teams = iter(["billing", "sales"] * 9)
    tape(tmp_path / "triage.cassette.jsonl", tmp_path / "triage.flow", lambda prompt: next(teams), message=message)
    names["test_the_real_answers"](beside(run_scripted, tmp_path))
    flow = 'flow hello(message: text) {\n  a = ask "{{ message }}"\n  return a\n}\n'
    (tmp_path / "hello.flow").write_text(flow, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    asyncio.run(names["test_a_busy_server"](monkeypatch))
    names["test_code_that_runs_a_flow"]()


def test_the_page_on_cassettes_shows_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = PAGES["cassettes.md"]
    written = re.search(r"^```flow\n(# label.flow\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
    shown = re.search(r"^```\n(failed: .*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert written and shown
    flow = written[1]
    monkeypatch.chdir(tmp_path)
    file = Path("label.flow")
    file.write_text(flow, encoding="utf-8")

    def answer(prompt: str) -> str:
        return "a sum" if prompt.startswith("Say") else "spam" if "million" in prompt else "fine"

    tape(Path("label.cassette.jsonl"), file, answer, mails=["You have won a million! Click here.", "See you at noon."])
    (result,) = run_files(["label.flow"])
    assert [outcome.status for outcome in result.outcomes] == ["passed"]
    exec("".join(PYTHON.findall(page)), {})
    assert capsys.readouterr().out == "kinds[0].ask 0 spam\nkinds[1].ask 0 fine\nnote 0 a sum\n"
    file.write_text(flow.replace("in one sentence", "briefly"), encoding="utf-8")
    (result,) = run_files(["label.flow"])
    (failed,) = result.outcomes
    assert failure_text(failed, failed.failures[0], Source(file.read_text(), "label.flow")) == shown[1].strip()


ANY_FENCE = re.compile(r"^```(?:flow)?\n(test .*?|type .*?|flow .*?|import .*?)^```$", re.MULTILINE | re.DOTALL)
SUMMARIES = 'flow summary(of: text, tone: text) {\n  short = ask "{{ of }} {{ tone }}"\n  return short\n}\n'
ROWS = '{"id": "an offer", "want": "spam"}\n{"id": "a note", "want": "fine"}\n'


@pytest.mark.parametrize(
    ("page", "parts", "tests"),
    [("language.md", (0, 2), 2), ("language.md", (1,), 4), ("testing.md", (0, 1), 3), ("coverage.md", (0,), 1)],
)
def test_the_tests_of_a_page_pass(page: str, parts: tuple[int, ...], tests: int, tmp_path: Path) -> None:
    text = PAGES[page]
    fences = ANY_FENCE.findall(text.split("\n## Tests\n")[1] if page == "language.md" else text)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "summaries.flow").write_text(SUMMARIES, encoding="utf-8")
    (tmp_path / "mails.jsonl").write_text(ROWS, encoding="utf-8")
    path = tmp_path / "page.flow"
    path.write_text("\n".join(fences[part] for part in parts), encoding="utf-8")
    (result,) = run_files([str(path)])
    assert not result.broken
    assert [(one.status, one.failures) for one in result.outcomes] == [("passed", ())] * tests


def test_every_name_of_testing_is_on_a_page() -> None:
    pages = PAGE + PAGES["plugins.md"]
    assert [name for name in testing.__all__ if f"`{name}" not in pages and f"import {name}" not in pages] == []
