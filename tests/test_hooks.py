"""What runs flowrun in CI: the hooks for pre-commit and the action for GitHub, run as they would be."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowrun.dsl import FORMATS
from support.patience import PATIENCE

ROOT = Path(__file__).resolve().parent.parent
GOOD = "flow f(x: text) {\n  return x\n}\n"
BAD = "flow f(x: text) {\n  return y\n}\n"
RIGHT = f'{GOOD}test "same" of f {{\n  x = "a"\n  expect result == "a"\n}}\n'
WRONG = RIGHT.replace('== "a"', '== "b"')
UNUSED = 'flow f(x: text) { a = ask "{{ x }}" return x }\n'


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


def test_the_hooks_are_as_pre_commit_wants_them() -> None:
    assert [hook["id"] for hook in HOOKS] == ["flowrun-validate", "flowrun-fmt", "flowrun-test"]
    for hook in HOOKS:
        assert {"id", "name", "entry", "language"} <= set(hook)
        assert hook["language"] == "python"
        assert re.search(hook["files"], "flows/a.flow")
        assert not re.search(hook["files"], "flows/a.flow.md")


def test_the_hooks_run_and_fail_on_bad_files(tmp_path: Path) -> None:
    plant(tmp_path, {"good.flow": GOOD, "bad.flow": BAD, "ugly.flow": "flow f(x:text){return x}\n"})
    path = f"{flowrun(tmp_path).parent}{os.pathsep}{os.environ['PATH']}"
    validate, fmt, test = (hook["entry"] for hook in HOOKS)
    assert bash(f"{validate} good.flow", tmp_path, PATH=path) == Ran(0, "", "")
    ran = bash(f"{validate} good.flow bad.flow", tmp_path, PATH=path)
    assert ran.code == 1
    assert "error[F0201]" in ran.err
    plant(tmp_path, {"right.flow": RIGHT, "wrong.flow": WRONG})
    assert bash(f"{test} good.flow right.flow", tmp_path, PATH=path).code == 0
    ran = bash(f"{test} right.flow wrong.flow", tmp_path, PATH=path)
    assert (ran.code, "wrong.flow:6" in ran.out) == (1, True)
    before = (tmp_path / "ugly.flow").read_text()
    assert bash(f"{fmt} good.flow ugly.flow", tmp_path, PATH=path).code == 0
    # pre-commit fails a hook that changes a file.
    assert (tmp_path / "ugly.flow").read_text() != before


def steps() -> list[dict[str, Any]]:
    return list(ACTION["runs"]["steps"])


def test_the_action_hands_over_its_inputs_and_nothing_else() -> None:
    assert ACTION["runs"]["using"] == "composite"
    assert set(ACTION["inputs"]) == {"paths", "strict", "test", "version"}
    assert all(isinstance(one["default"], str) and one["description"] for one in ACTION["inputs"].values())
    mentioned = set(re.findall(r"inputs\.(\w+)", json.dumps(ACTION["runs"])))
    assert mentioned == set(ACTION["inputs"])
    ids = {step["id"] for step in steps() if "id" in step}
    assert set(re.findall(r"steps\.(\w+)\.", json.dumps(ACTION["runs"]))) <= ids
    for step in steps():
        # An input in a script's text would be run as a part of it.
        assert "${{" not in step.get("run", "")
        assert "uses" in step or step["shell"] == "bash"


def plant(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def flowrun(folder: Path) -> Path:
    """The command of the Python that runs the tests."""
    script = f"#!/bin/sh\nexec {sys.executable} -c 'from flowrun.runtime.cli import main; main()' \"$@\"\n"
    return shim(folder / "programs" / "flowrun", script)


def shim(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return path


def bash(script: str, folder: Path, **environ: str) -> Ran:
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    env = {"PATH": os.environ["PATH"], **environ}
    ran = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, encoding="utf-8", timeout=PATIENCE, check=False
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


@pytest.mark.parametrize(
    ("paths", "strict", "code", "told"),
    [
        ("good.flow", "false", 0, []),
        ("good.flow\nbad.flow\n\n", "false", 1, ["bad.flow"]),
        ("**/*.flow", "false", 1, ["bad.flow", "in a folder/bad.flow"]),
        ("in a folder", "false", 1, ["in a folder/bad.flow"]),
        ("warn.flow", "false", 0, ["warn.flow"]),
        ("warn.flow", "true", 1, ["warn.flow"]),
        ("$(touch owned)\n`touch owned`;touch owned", "false", 2, ["$(touch owned)", "`touch owned`;touch owned"]),
        ("--fix", "false", 2, ["--fix"]),
        ("", "false", 2, []),
    ],
)
def test_the_action_validates(tmp_path: Path, paths: str, strict: str, code: int, told: list[str]) -> None:
    folder = tmp_path / "checkout"
    plant(folder, {"good.flow": GOOD, "bad.flow": BAD, "in a folder/bad.flow": BAD})
    if "warn" in paths:
        plant(folder, {"warn.flow": UNUSED})
    command = flowrun(tmp_path)
    ran = bash(steps()[-1]["run"], folder, FLOWRUN=str(command), PATHS=paths, STRICT=strict)
    assert ran.code == code, ran.err
    assert re.findall(r"^::\w+ file=([^,]*),", ran.out, re.MULTILINE) == told
    assert not list(tmp_path.rglob("owned"))


@pytest.mark.parametrize(
    ("paths", "test", "code", "told"),
    [
        ("right.flow", "true", 0, []),
        ("right.flow\nwrong.flow\n", "true", 1, ["wrong.flow"]),
        ("*.flow", "true", 1, ["wrong.flow"]),
        ("wrong.flow", "false", 0, []),
        # The tests of a file with errors do not run.
        ("bad/", "true", 1, ["bad/bad.flow"]),
    ],
)
def test_the_action_runs_the_tests(tmp_path: Path, paths: str, test: str, code: int, told: list[str]) -> None:
    folder = tmp_path / "checkout"
    plant(folder, {"right.flow": RIGHT, "wrong.flow": WRONG, "bad/bad.flow": BAD})
    command = flowrun(tmp_path)
    ran = bash(steps()[-1]["run"], folder, FLOWRUN=str(command), PATHS=paths, STRICT="false", TEST=test)
    assert ran.code == code, ran.err
    assert re.findall(r"^::\w+ file=([^,]*),", ran.out, re.MULTILINE) == told


@pytest.mark.parametrize(("version", "wanted"), [("", "/the/action"), ("0.1.0", "flowrun-dsl==0.1.0")])
def test_the_action_installs_the_version_that_is_asked_for(tmp_path: Path, version: str, wanted: str) -> None:
    """The fake Python tells what it is called with, and makes an environment whose Python does the same."""
    log, output = tmp_path / "log", tmp_path / "output"
    inner = f'#!/bin/sh\necho "$@" >> {log}\n'
    outer = inner + f'mkdir -p "$3/bin" && cp {tmp_path}/inner "$3/bin/python"\n'
    shim(tmp_path / "inner", inner)
    python = shim(tmp_path / "python", outer)
    temp = tmp_path / "temp here"
    environ = {
        "PYTHON": str(python),
        "VERSION": version,
        "OWN": "/the/action",
        "RUNNER_TEMP": str(temp),
        "GITHUB_OUTPUT": str(output),
    }
    ran = bash(steps()[1]["run"], tmp_path, **environ)
    assert ran.code == 0, ran.err
    made, installed = log.read_text().splitlines()
    assert made == f"-m venv {temp}/flowrun"
    assert installed.split()[-1] == wanted
    assert output.read_text() == f"flowrun={temp}/flowrun/bin/flowrun\n"


def test_output_needs_no_terminal_that_knows_utf_8(tmp_path: Path) -> None:
    command = flowrun(tmp_path)
    (tmp_path / "ä.flow").write_text(BAD, encoding="utf-8")
    for format in FORMATS:
        ran = bash(f"{command} validate . --format {format}", tmp_path, PYTHONIOENCODING="ascii")
        assert ran.code == 1, ran.err
        assert ("ä.flow" in ran.out) == (format != "sarif")
