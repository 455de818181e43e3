"""The plugin for pytest: the tests of flows are items, and the fixture runs a flow with scripted answers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from xml.etree import ElementTree

import pytest

from support.command_line import command
from support.patience import PATIENCE

FLOW = """\
flow label(mail: text) {
  kind = repeat 3 { ask "Is this spam? {{ mail }}" -> spam | fine } reduce majority
  return kind
}
"""
TESTS = """
test "two of three" of label {
  mail = "You have won!"
  reply kind: spam, fine, spam
  expect kind == spam
}

test "a wrong hope" of label {
  mail = "Hello"
  reply kind: fine
  expect kind == spam
}

test "each mail" of label {
  cases "mails.jsonl"
  reply kind when mail == "a": spam
  reply kind when mail == "never": spam
  reply kind: fine
  expect kind == row.want
}
"""
MAILS = '{"id": 1, "mail": "a", "want": "spam"}\n{"id": 2, "mail": "b", "want": "fine"}\n'
INI = "[pytest]\nflowrun_files = flows/**/*.flow\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    plant(tmp_path, {"pytest.ini": INI, "flows/a.flow": FLOW + TESTS, "flows/mails.jsonl": MAILS})
    plant(tmp_path, {"other/b.flow": FLOW + TESTS, "flows/deep/c.flow": FLOW + TESTS[: TESTS.index('\ntest "a')]})
    return tmp_path


def plant(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def run(folder: Path, *args: str) -> tuple[int, str]:
    """Run pytest with the plugin alone, because the other plugins take most of the time."""
    words = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "flowrun.testing.plugin", *args]
    environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ran = subprocess.run(
        words, cwd=folder, env=environ, capture_output=True, encoding="utf-8", timeout=PATIENCE, check=False
    )
    return ran.returncode, ran.stdout + ran.stderr


async def test_a_failure_reads_as_that_of_the_command(project: Path) -> None:
    code, out = run(project)
    assert (code, out.splitlines()[-1].split(" in ")[0]) == (1, "2 failed, 3 passed")
    shown = (await command("test", "flows/a.flow", folder=project)).out
    wrong, never = (part for part in shown.split("\n\n") if part.startswith("failed: "))
    for part in (wrong, never):
        assert part in out
    assert "flows/a.flow:15:" in wrong
    assert "this reply was never used" in never
    assert "other/b.flow" not in out
    assert "FAILED flows/a.flow::each mail [2] - this reply was never used" in out
    assert "FAILED flows/a.flow::a wrong hope - the two are not equal" in out


def test_each_test_and_each_row_is_an_item(project: Path) -> None:
    _, out = run(project, "--collect-only")
    assert out.splitlines()[:5] == [
        "flows/a.flow::two of three",
        "flows/a.flow::a wrong hope",
        "flows/a.flow::each mail [1]",
        "flows/a.flow::each mail [2]",
        "flows/deep/c.flow::two of three",
    ]


@pytest.mark.parametrize(
    ("args", "code", "ends"),
    [
        (("-k", "three"), 0, "2 passed, 3 deselected"),
        pytest.param(("-k", "label and deep"), 0, "1 passed, 4 deselected", marks=pytest.mark.slow),
        (("-m", "flowrun", "--strict-markers", "-k", "not hope and not 2"), 0, "3 passed, 2 deselected"),
        pytest.param(("-m", "not flowrun"), 5, "5 deselected", marks=pytest.mark.slow),
        (("flows/a.flow::each mail [1]",), 0, "1 passed"),
        pytest.param(("flows/a.flow::each mail [2]",), 1, "1 failed", marks=pytest.mark.slow),
        # A file that the command names is collected, as pytest does with files of Python.
        (("other/b.flow", "-k", "three"), 0, "1 passed, 3 deselected"),
        pytest.param(("other",), 5, "no tests ran", marks=pytest.mark.slow),
        (("-o", "flowrun_files=b.flow", "-k", "three"), 0, "1 passed, 3 deselected"),
        pytest.param(("-o", "flowrun_files=flows/deep"), 0, "1 passed", marks=pytest.mark.slow),
        pytest.param(
            ("-o", "flowrun_files=./flows/*.flow", "-k", "three"), 0, "1 passed, 3 deselected", marks=pytest.mark.slow
        ),
        (("-o", "flowrun_files="), 5, "no tests ran"),
        pytest.param(("-p", "xdist.plugin", "-n", "2"), 1, "2 failed, 3 passed", marks=pytest.mark.slow),
    ],
)
def test_pytest_chooses(project: Path, args: tuple[str, ...], code: int, ends: str) -> None:
    if "b.flow" in str(args):
        (project / "other" / "mails.jsonl").write_text(MAILS, encoding="utf-8")
    ran, out = run(project, *args)
    assert (ran, out.splitlines()[-1].split(" in ")[0]) == (code, ends), out


def test_a_failure_has_colours_and_a_place_for_other_tools(project: Path) -> None:
    _, out = run(project, "-k", "hope", "--color=yes", "--junit-xml=out.xml", "-o", "junit_family=xunit1")
    assert "\x1b[" in next(line for line in out.splitlines() if "failed: " in line)
    (case,) = ElementTree.parse(project / "out.xml").iter("testcase")
    failure = case[0]
    # pytest counts the lines from 0.
    assert (case.get("file"), case.get("line")) == ("flows/a.flow", "11")
    assert (case.get("name"), failure.get("message")) == ("a wrong hope", "the two are not equal")
    assert "flows/a.flow:15:" in (failure.text or "") and "\x1b" not in (failure.text or "")


def test_a_title_is_one_part_of_a_name(project: Path) -> None:
    """Brackets, quotes, colons and other scripts stand in titles. A process of xdist tells the same as pytest alone."""
    title = 'ü → 汉 \\"q\\" a/b:::c [x]'
    text = FLOW + TESTS[: TESTS.index('\ntest "each')].replace("a wrong hope", title)
    plant(project, {"flows/a.flow": text})
    name = 'flows/a.flow::ü → 汉 "q" a/b:c [x]'
    for more in ((), ("-p", "xdist.plugin", "-n", "1", "--junit-xml=out.xml")):
        _, out = run(project, *more)
        assert f"FAILED {name} - the two are not equal" in out, out
        assert "flows/a.flow:15:" in out and '"q" a/b:::c [x]\n' in out
    failure = next(case[0] for case in ElementTree.parse(project / "out.xml").iter("testcase") if len(case))
    assert failure.get("message") == "the two are not equal"
    assert run(project, name)[1].splitlines()[-1].startswith("1 failed in")
    _, out = run(project, "--lf", "--tb=line")
    assert "flows/a.flow:15: the two are not equal\n" in out and out.splitlines()[-1].startswith("1 failed in"), out


def test_patterns_that_are_no_texts_are_refused(project: Path) -> None:
    (project / "pytest.ini").unlink()
    plant(project, {"pyproject.toml": "[tool.pytest.ini_options]\nflowrun_files = [3]\n"})
    code, out = run(project)
    assert code == 4 and "flowrun_files is a list of patterns, such as flows/**/*.flow; found [3]" in out


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", '[tool.pytest.ini_options]\nflowrun_files = ["flows/a.flow", "other/*.flow"]\n'),
        ("pyproject.toml", '[tool.pytest.ini_options]\nflowrun_files = "flows/a.flow other/*.flow"\n'),
        ("tox.ini", "[pytest]\nflowrun_files =\n    flows/a.flow\n    other\n"),
        ("setup.cfg", "[tool:pytest]\nflowrun_files = flows/a.flow other\n"),
    ],
)
def test_the_setting_stands_in_any_file_of_pytest(project: Path, file: str, text: str) -> None:
    (project / "pytest.ini").unlink()
    (project / "other" / "mails.jsonl").write_text(MAILS, encoding="utf-8")
    plant(project, {file: text})
    _, out = run(project, "-k", "three", "--collect-only")
    assert out.splitlines()[:2] == ["flows/a.flow::two of three", "other/b.flow::two of three"], out


def test_errors_of_a_file_are_shown_with_their_place(project: Path) -> None:
    plant(project, {"flows/bad.flow": FLOW.replace("return kind", "return kin")})
    (project / "flows" / "latin.flow").write_bytes(b"\xff\xfe\xfd\x80 flow")
    code, out = run(project, "-k", "three")
    assert code == 2
    assert " --> flows/bad.flow:3:10" in out
    assert "flows/latin.flow" in out
    assert "Traceback" not in out and "runtime/testing" not in out


def test_a_table_that_cannot_be_read_fails_its_test(project: Path) -> None:
    (project / "flows" / "mails.jsonl").unlink()
    code, out = run(project, "-k", "each")
    assert code == 1
    assert "error: each mail" in out and "mails.jsonl" in out


def test_pytest_finds_the_plugin() -> None:
    (plugin,) = entry_points(group="pytest11", name="flowrun")
    assert plugin.value == "flowrun.testing.plugin"


def test_pytest_starts_without_the_rest_of_flowrun(tmp_path: Path) -> None:
    """A project without flows pays for the plugin itself alone."""
    test = "import sys\n\ndef test_it():\n    print(*sorted(m for m in sys.modules if m.startswith('flowrun')))\n"
    plant(tmp_path, {"pytest.ini": INI, "test_it.py": test, "flows/notes.txt": "", "other/b.flow": "no flow at all"})
    code, out = run(tmp_path, "-s")
    assert code == 0
    loaded = {
        "flowrun",
        "flowrun.runtime",
        "flowrun.testing",
        "flowrun.testing.plugin",
        "flowrun.testing.path_patterns",
    }
    assert set(re.findall(r"flowrun[\w.]*", out)) == loaded


def test_the_fixture_runs_a_flow_beside_the_test(project: Path) -> None:
    test = """
        import asyncio, pytest
        from flowrun.testing import ScriptError

        def test_here(flow):
            result = flow("near.flow", mail="Hi", replies={"kind": ["spam", "fine", "spam"]})
            assert (result.value, result.tallies["kind"].asked, len(result.calls)) == ("spam", 3, 3)
            assert "Hi" in result.calls[0].prompt

        def test_from_the_root(flow):
            assert flow("flows/a.flow", {"mail": "Hi"}, replies={"kind": "fine"}).value == "fine"

        def test_beside_a_loop(flow):
            async def inner():
                return flow("near.flow", mail="Hi", replies={"kind": "fine"}).value
            assert asyncio.run(inner()) == "fine"

        def test_fails(flow):
            flow("near.flow", mail="Hi")
    """
    lines = "\n".join(line[8:] for line in test.splitlines())
    plant(project, {"tests/test_it.py": lines, "tests/near.flow": FLOW})
    code, out = run(project, "tests")
    assert (code, out.splitlines()[-1].split(" in ")[0]) == (1, "1 failed, 3 passed")
    assert "no reply answers `kind.ask` (it was asked 3 times)" in out
    # The traceback ends at the line of the test.
    assert "scripted_run.py" not in out
