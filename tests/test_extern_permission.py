"""Python that a flow calls: nothing is imported or run without permission, and what cannot be called is told first."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import plan
from flowrun.runtime.api import RunOptions, run, run_async
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PlanError, UsageError
from support.extern_flows import CALL, answers, extern, go, module, own_modules, program, with_plain
from support.patience import PATIENCE


@pytest.fixture(autouse=True)
def modules() -> Iterator[None]:
    with own_modules():
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return with_plain(tmp_path)


# Permission and finding


async def test_nothing_runs_and_nothing_is_imported_without_permission(folder: Path) -> None:
    name = module(folder, "raise AssertionError('imported')\n")
    whole = program(folder, CALL, look=extern(f"{name}:look", "n"))
    opened: list[str] = []

    def opener(model: str, around: Any) -> ScriptedProvider:
        opened.append(model)
        return ScriptedProvider(answers)

    with pytest.raises(UsageError) as caught:
        await run_async(whole, {"n": "x"}, options=RunOptions(opener=opener))
    assert "`look`" in str(caught.value)
    assert "--allow-python" in str(caught.value)
    assert name not in sys.modules
    assert not opened
    with pytest.raises(UsageError, match=r"importing .* failed: AssertionError: imported"):
        await run_async(whole, {"n": "x"}, options=RunOptions(opener=opener, allow_python=True))
    assert not opened


def test_run_takes_the_permission(folder: Path) -> None:
    whole = program(
        folder, 'flow f(n: text) { s = { extern: "look", args: { n } } return s }', look=extern("g_plain:look", "n")
    )
    with pytest.raises(UsageError, match="allow_python=True"):
        run(whole, n="x")
    assert run(whole, n="x", options=RunOptions(allow_python=True)).value == {"n": "x", "length": 1}


async def test_an_extern_that_is_not_called_needs_no_permission(folder: Path) -> None:
    whole = program(folder, "flow f() { return 1 }", look=extern("g_missing:look", "n"))
    assert (await run_async(whole)).value == 1


async def test_externs_of_called_flows_need_it_too(folder: Path) -> None:
    inner = program(folder, 'flow inner() { s = { extern: "look", args: { n: "q" } } return s }')
    whole = program(folder, "flow f() { s = 1 return s }", look=extern("g_plain:look", "n"))
    whole = replace(
        whole,
        steps=(replace(whole.steps[0], node=plan.FlowCall("inner", {})),),
        flows={"inner": plan.Flow((), inner.steps, inner.result, inner.type)},
    )
    with pytest.raises(UsageError, match="look"):
        await run_async(whole)
    assert (await go(whole)).value["n"] == "q"


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        ("g_nowhere.deep:look", "", "Python module `g_nowhere`"),
        ("{0}:lok", "def look(n): pass", "has no function `lok`; did you mean `look`?"),
        ("{0}:look", "look = 5", "`look` is not a function (it is a Python int)"),
        ("{0}:look", "def look(m): pass", "the function has no keyword parameter `n`; it takes `(m)`"),
        ("{0}:look", "def look(n, /): pass", "no keyword parameter `n`; it takes `(n, /)`"),
        ("{0}:look", "def look(n, key): pass", "the function needs `key`, and the extern does not pass it"),
        ("{0}:look", "import g_not_there", "importing `{0}` failed: ModuleNotFoundError: No module named"),
        ("{0}:look", "def look(:", "failed: SyntaxError"),
        ("{0}:look", "import sys; sys.exit(4)", "failed: SystemExit: 4"),
        ("{0}:look", "def __getattr__(name): raise OSError('gone')", "getting `look` failed: OSError: gone"),
        ("{0}:look", "def look(*args): pass", "no keyword parameter `n`"),
    ],
)
async def test_what_cannot_be_called_is_told_before_any_call(folder: Path, target: str, code: str, said: str) -> None:
    name = module(folder, code + "\n")
    sent: list[Request] = []

    def script(request: Request, number: int) -> str:
        sent.append(request)
        return "x"

    with pytest.raises(UsageError) as caught:
        await go(program(folder, CALL, look=extern(target.format(name), "n")), script, n="x")
    assert str(caught.value).startswith(f"the extern `look` ({target.format(name)}): ")
    assert said.format(name) in str(caught.value)
    assert sent == []


@pytest.mark.parametrize(
    "code",
    [
        "def look(**rest): return rest",
        "def look(n, *args, key=1, **rest): return n",
        "def look(*, n): return n",
        "from functools import partial\nlook = partial(lambda key, n: n, 1)",
        "class look(dict): pass",
        "class A:\n    class B:\n        @staticmethod\n        def look(n): return n\nlook = A.B.look",
    ],
)
async def test_whatever_takes_the_arguments_may_be_called(folder: Path, code: str) -> None:
    name = module(folder, code + "\n")
    assert (await go(program(folder, CALL, look=extern(f"{name}:look", "n")), n="x")).ok


async def test_the_flow_s_folder_comes_first_and_leaves_no_trace(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    name = module(folder, "def look(n):\n    import g_beside\n    return 'beside the flow ' + g_beside.WORD\n")
    (other / f"{name}.py").write_text("def look(n):\n    return 'elsewhere'\n")
    (folder / "g_beside.py").write_text("WORD = 'and more'\n")
    sys.path.insert(0, str(other))
    try:
        result = await go(program(folder, CALL, look=extern(f"{name}:look", "n")), n="x")
    finally:
        sys.path.remove(str(other))
    assert result.value["s"] == "beside the flow and more"


async def test_another_module_of_the_name_is_not_taken_for_the_flow_s(folder: Path) -> None:
    (folder / "json.py").write_text("def loads(s):\n    return 'mine'\n")
    with pytest.raises(UsageError, match=r"is hidden by a loaded module of the same name `json`"):
        await go(program(folder, CALL, look=extern("json:loads", "n")), n="x")


async def test_functions_of_installed_packages_are_found(folder: Path) -> None:
    text = 'flow f() { s = { extern: "look", args: { s: "[1]" } } return s }'
    assert (await go(program(folder, text, look=extern("json:loads", "s")))).value == [1]


@pytest.mark.parametrize(
    "target", ["", "json", "json:", ":loads", "json.:loads", "..json:loads", "json:lo ads", "a-b:c"]
)
async def test_a_target_is_a_module_and_a_name(folder: Path, target: str) -> None:
    with pytest.raises(PlanError, match="is not module:name"):
        await go(program(folder, CALL, look=extern(target, "n")), n="x")


# The command

FILE = """\
extern look(name: text) -> [text] from "g_command:look"
extern pick(results: [text], sep: text = ", ") -> text from "g_command:pick"
flow f(name: text) {
  s = look(name: name)
  m = map one in s { text "<{{ one }}>" } reduce pick(sep: "; ")
  return m
}
"""
COMMAND_LINE = [sys.executable, "-W", "error", "-c", "from flowrun.runtime.cli import main; main()"]


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "c.flow").write_text(FILE)
    (folder / "g_command.py").write_text(
        "def look(name):\n    return [name, name.upper()]\ndef pick(results, sep):\n    return sep.join(results)\n"
    )
    return subprocess.run(
        [*COMMAND_LINE, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        },
        check=False,
    )


def test_the_command_runs_python_only_when_it_is_told_to(folder: Path) -> None:
    refused = command(folder, "c.flow", "--name", "x")
    assert refused.returncode == 2
    assert "`look` (g_command:look), `pick` (g_command:pick)" in refused.stderr
    assert "--allow-python" in refused.stderr
    assert refused.stdout == ""
    allowed = command(folder, "c.flow", "--name", "x", "--allow-python")
    assert allowed.stdout == "<x>; <X>\n"
    assert allowed.returncode == 0


@pytest.mark.parametrize("verb", ["validate", "plan"])
def test_looking_at_a_flow_imports_nothing_of_its_own(folder: Path, verb: str) -> None:
    command(folder)
    (folder / "g_command.py").write_text("raise AssertionError('imported')\n")
    ran = subprocess.run(
        [*COMMAND_LINE, verb, "c.flow"], cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert ran.returncode == 0, ran.stderr
