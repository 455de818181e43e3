"""The Python half of the playground: its answers, and what it needs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playground import HERE
from playground.build import LEFT_OUT, examples
from playground.desk import LONGEST, Desk, Units

from support.patience import PATIENCE

WORKFLOWS = HERE.parents[1] / "workflows"
FLOW = (WORKFLOWS / "is_spam.flow").read_text(encoding="utf-8")


class Asked:
    """A desk that takes and returns plain values."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk(folder)

    def __call__(self, kind: str, **given: Any) -> Any:
        return json.loads(self.desk.answer(json.dumps({"kind": kind, **given})))


@pytest.fixture
def ask(tmp_path: Path) -> Asked:
    return Asked(tmp_path)


def test_a_mistake_is_told_with_a_change_that_mends_it(ask: Asked) -> None:
    text = FLOW.replace("{{ email }}", "{{ emial }}")
    (found,) = ask("look", text=text)["findings"]
    assert found["severity"] == "error"
    assert text[found["from"] : found["to"]] == "emial"
    assert "did you mean `email`?" in found["text"]
    assert [one["edits"] for one in found["actions"]] == [
        [{"from": found["from"], "to": found["to"], "insert": "email"}]
    ]
    assert ask("plan")["error"] == "the text has 1 error: see Problems"
    assert ask("test")["error"] == "the text has 1 error: see Problems"
    assert ask("explain", code=found["code"])["text"].startswith("# F")


def test_offsets_count_the_units_of_javascript(ask: Asked) -> None:
    text = "# 𝒳𝒴\n" + FLOW.replace("{{ email }}", "{{ emial }}")
    (found,) = ask("look", text=text)["findings"]
    units = text.encode("utf-16-le")
    assert units[2 * found["from"] : 2 * found["to"]].decode("utf-16-le") == "emial"
    hover = ask("hover", at=found["from"] - 40)
    assert hover is None or hover["from"] <= found["from"] - 40 <= hover["to"]
    both = Units("a𝒳b𝒴c")
    assert [both.unit(at) for at in range(6)] == [0, 1, 3, 4, 6, 7]
    assert [both.character(unit) for unit in (0, 1, 3, 4, 6, 7)] == [0, 1, 2, 3, 4, 5]


def test_the_views_of_a_flow(ask: Asked) -> None:
    found = ask("look", text=FLOW)
    assert (found["findings"], found["tests"], found["params"]) == (
        [],
        1,
        [{"name": "email", "type": "text", "required": True}],
    )
    assert "`email` is not given" in ask("plan", inputs={"email": " "})["text"]
    assert "is not given" not in ask("plan", inputs={"email": "You won"})["text"]
    assert ask("graph")["svg"].startswith("<svg")
    assert "no untrusted source" in ask("audit")["text"]
    assert [one["status"] for one in ask("test")["tests"]] == ["passed"]
    assert {one["label"] for one in ask("complete", at=FLOW.index("{{ email") + 3)} >= {"email"}
    assert "text" in ask("hover", at=FLOW.index("email:"))["text"]
    assert ask("format", text=FLOW.replace("  return", "      return"))["text"] == FLOW


def test_a_test_that_fails_is_shown_with_its_line(ask: Asked, tmp_path: Path) -> None:
    ask("look", text=FLOW.replace("expect verdict == SPAM", "expect verdict == NOT"))
    (found,) = ask("test")["tests"]
    assert found["status"] == "failed"
    assert "expect verdict == NOT" in found["text"]
    assert str(tmp_path) not in found["text"]


@pytest.mark.parametrize(
    ("text", "said"),
    [("x" * (LONGEST + 1), "at most 200,000 characters"), ("flow\0", "zero byte")],
)
def test_what_is_no_flow_is_refused_in_a_sentence(ask: Asked, text: str, said: str) -> None:
    assert said in ask("look", text=text)["error"]


@pytest.mark.parametrize("text", ["", "\ufeff", "{", "flow", "}" * 400, '"' * 999, "flow f() {" * 300])
def test_each_text_has_an_answer(ask: Asked, text: str) -> None:
    assert "error" not in ask("look", text=text)
    for kind in ("plan", "graph", "audit", "test"):
        answer = ask(kind)
        assert "bug" not in answer.get("error", ""), answer
    assert ask("format", text=text).keys() <= {"text", "error"}


def test_an_input_of_a_wrong_type_is_a_sentence(ask: Asked) -> None:
    ask("look", text='flow f(n: int) {\n  a = ask "{{ n }}"\n  return a\n}\n')
    assert "`n`" in ask("plan", inputs={"n": "many"})["error"]
    assert "error" not in ask("plan", inputs={"n": "3"})


BLOCKED = """
import sys

class Refuses:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r} or name.startswith(tuple({rooms!r})):
            raise ModuleNotFoundError("there is no " + name, name=name)

sys.meta_path.insert(0, Refuses())
sys.path.insert(0, {docs!r})
import json
from pathlib import Path
from playground.desk import Desk

told = []
for path in sorted(Path({folder!r}).glob("*.flow")):
    desk = Desk(Path({folder!r}))
    def ask(kind, **given):
        answer = json.loads(desk.answer(json.dumps(dict(given, kind=kind))))
        if isinstance(answer, dict) and "error" in answer:
            told.append(path.name + " " + kind + ": " + answer["error"])
        return answer
    text = path.read_text("utf-8")
    ask("look", text=text, name=path.name)
    ask("complete", at=len(text) // 2)
    ask("hover", at=len(text) // 2)
    ask("plan", inputs={{}})
    ask("graph")
    ask("audit")
    for one in ask("test").get("tests", ()):
        if one["status"] != "passed":
            told.append(path.name + ": " + one["text"])
    if ask("format", text=text).get("text") != text:
        told.append(path.name + " is laid out otherwise")
print(json.dumps(told))
"""
ABSENT = {"aiohttp", "pydantic", "pydantic_core", "sqlite3", "ssl", "click", "multiprocessing", "typing_extensions"}


def test_no_answer_needs_what_a_web_page_does_not_have(tmp_path: Path) -> None:
    shutil.copytree(WORKFLOWS, tmp_path / "flows")
    rooms = [f"flowrun.runtime.{room}." for room in LEFT_OUT]
    code = BLOCKED.format(blocked=ABSENT, rooms=rooms, docs=str(HERE.parent), folder=str(tmp_path / "flows"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_the_examples_are_the_flows_of_the_project() -> None:
    assert {one["name"] for one in examples()} == {path.name for path in WORKFLOWS.glob("*.flow")}


def test_the_policy_of_the_page_is_strict_and_holds_for_all_that_it_loads() -> None:
    html = (HERE / "index.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in html
    assert not re.search(r"unsafe-inline|'unsafe-eval'|https?:", html)
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", html)
    assert html.index("Content-Security-Policy") < html.index("<link") < html.index("<script")
    for path in HERE.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            path
        )


def test_the_lock_file_names_hashes_and_no_host() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert packages.keys() >= {"node_modules/pyodide", "node_modules/@codemirror/view"}
    assert all(one["integrity"].startswith("sha512-") and "resolved" not in one for one in packages.values())
    wanted = [line for line in (HERE / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w-]+==[\d.]+ --hash=sha256:[0-9a-f]{64}", line) for line in wanted)
