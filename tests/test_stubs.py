"""`flowrun stubs`: typed functions for callers, in Python and in TypeScript."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from flowrun import RunError, RunOptions
from flowrun.dsl import Source, check_flow, python_stub, stub_flows, typescript_stub
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.stubs import command
from support.harness import scripted

ROOT = Path(__file__).parent.parent
NPM = Path(__file__).parent / "typescript"

# The type as a flow writes it, and the types of a parameter and of a result in both languages.
FORMS = (
    ("text", "str | Path | Url", "str", "string", "string"),
    ("document", "str | Path | Url", "str", "string | FlowFile", "string"),
    ("image", "bytes | Path | Url", "Any", "FlowFile", "unknown"),
    ("[image]", "Sequence[bytes | Path | Url] | Path | Url", "list[Any]", "ReadonlyArray<FlowFile>", "Array<unknown>"),
    ("int", "int", "int", "number", "number"),
    ("number", "float", "float", "number", "number"),
    ("bool", "bool", "bool", "boolean", "boolean"),
    ("json", "Any", "Any", "unknown", "unknown"),
    ("1..5", "int", "int", "number", "number"),
    ("0.0..1.0", "float", "float", "number", "number"),
    ("a | b", 'Literal["a", "b"]', 'Literal["a", "b"]', '"a" | "b"', '"a" | "b"'),
    ('"a b" | "c-d"', 'Literal["a b", "c-d"]', 'Literal["a b", "c-d"]', '"a b" | "c-d"', '"a b" | "c-d"'),
    ("text(max: 9)", "str | Path | Url", "str", "string", "string"),
    ("[int]", "Sequence[int] | Path | Url", "list[int]", "ReadonlyArray<number>", "Array<number>"),
    (
        "[a | b](1..3)",
        'Sequence[Literal["a", "b"]] | Path | Url',
        'list[Literal["a", "b"]]',
        'ReadonlyArray<"a" | "b">',
        'Array<"a" | "b">',
    ),
    ("int?", "int | None", "int | None", "number | null", "number | null"),
    (
        "[text]?",
        "Sequence[str] | Path | Url | None",
        "list[str] | None",
        "ReadonlyArray<string> | null",
        "Array<string> | null",
    ),
    ("Mail", "Mail", "Mail", "Mail", "Mail"),
    ("[Mail]", "Sequence[Mail] | Path | Url", "list[Mail]", "ReadonlyArray<Mail>", "Array<Mail>"),
    ("Note", "NoteInput", "Note", "NoteInput", "Note"),
    ("{ n: int }", "FThing", "FResult", "FThing", "FResult"),
    ("Step", "StepInput", "Step", "StepInput", "Step"),
)
TYPES = """
type Mail = { id: int, class: text, from: { name: text } }
type Note = { text: text, also: int?, mails: [Mail] }
type Go = { kind: "go", to: Note }
type Stop = { kind: "stop" }
type Step = Go | Stop
"""


def both(text: str) -> tuple[str, str]:
    flows = stub_flows(check_flow(Source(text, "x.flow"), catalog()), "x.flow")
    return python_stub(flows), typescript_stub(flows)


def _flow(form: str) -> str:
    return f"{TYPES}\nflow f(thing: {form}) {{\n  return thing\n}}\n"


@pytest.mark.parametrize(
    ("form", "given", "result", "script_given", "script_result"), FORMS, ids=[one[0] for one in FORMS]
)
def test_each_form_of_a_type(form: str, given: str, result: str, script_given: str, script_result: str) -> None:
    python, script = both(_flow(form))
    tree = ast.parse(python)
    functions = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    for name in ("f", "f_async"):
        args = functions[name].args
        assert args.kwonlyargs[0].arg == "thing" and not args.args
        annotation = args.kwonlyargs[0].annotation
        assert annotation is not None and ast.unparse(annotation) == given.replace('"', "'")
        returned = functions[name].returns
        assert returned is not None and ast.unparse(returned) == f"Result[{result}]".replace('"', "'")
    assert f"thing{'?' if form.endswith('?') else ''}: {script_given};" in script
    assert f"inputs: FInputs{' = {}' if form.endswith('?') else ''}): Promise<{script_result}>" in script


HOSTILE = '''
# It ends """ here, and */ there. \\N{no} \\
# A second line with ${code} and `ticks`"
flow class(class: text, options: int = 3, Any: [text]?, given: bool = true, note: [int] = [1, 2], str: text = "\\"") {
  return { class, options, note }
}

# "
flow delete(flowrun: int, def: int) {
  return flowrun + def
}

flow delete_async() {
  return 1
}
'''


def test_words_of_the_target_and_hostile_comments_are_written_so_that_they_mean_nothing() -> None:
    python, script = both(HOSTILE)
    tree = ast.parse(python)
    functions = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert list(functions)[2:] == [
        "class_",
        "class_async",
        "delete",
        "delete_async",
        "delete_async_",
        "delete_async_async",
    ]
    said = ast.get_docstring(functions["class_"])
    assert said is not None and said.splitlines()[0] == 'It ends """ here, and */ there. \\N{no} \\'
    assert [one.arg for one in functions["class_"].args.kwonlyargs][:5] == [
        "class_",
        "options_",
        "Any_",
        "given_",
        "note",
    ]
    assert "*/ there" not in script
    assert "export async function class_(" in script and "export async function delete_(" in script


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("stubbed", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SPAM = """\
type Mail = { id: int, body: text, note: text? }
type Verdict = { id: int, kind: spam | fine, note: text? }

# Sort mails.
flow sort(mails: [Mail], tone: text = "kind", hint: text?) {
  kinds = map mail in mails at most 9 {
    kind = ask "{{ tone }} {{ hint or 'no' }} {{ mail.body }}" -> spam | fine
    verdict = { id: mail.id, kind, note: mail.note }
  } reduce collect
  return kinds
}

flow one() {
  answer = ask "Say a word."
  return answer
}
"""


def test_a_stub_runs_beside_its_flow(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/sort.flow").write_text(SPAM)
    out = tmp_path / "stubbed.py"
    done = CliRunner().invoke(command, [str(tmp_path / "flows/sort.flow"), "-o", str(out)], standalone_mode=False)
    assert done.exception is None
    asked: list[str] = []

    def script(request: Any, number: int) -> str:
        asked.append(request.messages[-1].text)
        return "spam" if "Win" in asked[-1] else "fine"

    options = RunOptions(model="acme:m", opener=scripted(script), learn=False)
    module = _module(out)
    mails = [{"id": 1, "body": "Win!"}, {"id": 2, "body": "Hello", "note": "n"}]
    result = module.sort(mails=mails, options=options)
    assert result.value == [{"id": 1, "kind": "spam", "note": None}, {"id": 2, "kind": "fine", "note": "n"}]
    assert "kind no Win!" in asked
    import asyncio

    assert asyncio.run(module.sort_async(mails=[], tone="", options=options)).value == []
    failing = RunOptions(model="acme:m", opener=scripted(lambda request, number: ""), learn=False)
    with pytest.raises(RunError):
        asyncio.run(module.one_async(options=failing))


USER = """\
from typing import assert_type

import stubbed
from flowrun import Result

result = stubbed.sort(mails=[{"id": 1, "body": "x"}])
assert_type(result, Result[list[stubbed.SortResultItem]])
assert_type(result.value[0]["note"], str | None)
stubbed.sort(mails=[{"id": "1", "body": "x"}])  # WRONG
stubbed.sort(mails=[{"id": 1}])  # WRONG
stubbed.sort([])  # WRONG
stubbed.sort(mails=[], tone=3)  # WRONG
"""


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("mypy"), reason="mypy comes with the extra dev")
def test_type_checkers_know_what_a_stub_takes_and_gives(tmp_path: Path) -> None:
    every = "\n".join(f"flow f{number}(thing: {form[0]}) {{\n  return thing\n}}\n" for number, form in enumerate(FORMS))
    (tmp_path / "every.py").write_text(both(f"{TYPES}\n{every}")[0])
    (tmp_path / "hostile.py").write_text(both(HOSTILE)[0])
    (tmp_path / "stubbed.py").write_text(both(SPAM)[0])
    (tmp_path / "user.py").write_text(USER)
    names = ["every.py", "hostile.py", "stubbed.py", "user.py"]
    path = os.pathsep.join([str(ROOT / ".typing"), str(tmp_path)])
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports", "silent", "--config-file", os.devnull, *names],
        cwd=tmp_path, env={**os.environ, "MYPYPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    wrong = [number for number, line in enumerate(USER.splitlines(), 1) if line.endswith("# WRONG")]
    errors = [line for line in checked.stdout.splitlines() if ": error:" in line]
    assert [int(line.split(":")[1]) for line in errors if line.startswith("user.py")] == wrong, checked.stdout
    assert len(errors) == len(wrong), checked.stdout
    ruff = shutil.which("ruff") or str(Path(sys.executable).with_name("ruff"))
    lint = subprocess.run(
        [ruff, "check", "--isolated", "--no-cache", *names[:3]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0, lint.stdout


@pytest.fixture(scope="session")
def tsc() -> str:
    """The compiler of TypeScript, from the npm package of the lock file."""
    found = NPM / "node_modules/.bin/tsc"
    npm = shutil.which("npm")
    if not found.exists() and npm is not None:
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=NPM, capture_output=True, check=False)
    if not found.exists():
        pytest.skip("no node and npm here, or the npm package typescript cannot be had")
    return str(found)


SCRIPT_USER = """
import { sort, class_ } from "./all";
const server = { url: "http://127.0.0.1:1" };
const sorted = await sort(server, { mails: [{ id: 1, body: "x" }] });
const note: string | null = sorted[0].note;
// @ts-expect-error an id is a number
await sort(server, { mails: [{ id: "1", body: "x" }] });
// @ts-expect-error the body is missing
await sort(server, { mails: [{ id: 1 }] });
// @ts-expect-error the verdict is a word
const kind: "ham" = sorted[0].kind;
"""


def test_the_compiler_of_typescript_takes_a_stub(tmp_path: Path, tsc: str) -> None:
    every = "\n".join(f"flow f{number}(thing: {form[0]}) {{\n  return thing\n}}\n" for number, form in enumerate(FORMS))
    (tmp_path / "every.ts").write_text(both(f"{TYPES}\n{every}")[1])
    flows = [
        *stub_flows(check_flow(Source(SPAM, "x.flow"), catalog()), "x.flow"),
        *stub_flows(check_flow(Source(HOSTILE, "y.flow"), catalog()), "y.flow"),
    ]
    (tmp_path / "all.ts").write_text(typescript_stub(flows))
    (tmp_path / "user.ts").write_text(SCRIPT_USER)
    words = [
        tsc,
        "--strict",
        "--noEmit",
        "--skipLibCheck",
        "--target",
        "es2022",
        "--module",
        "esnext",
        "--moduleResolution",
        "bundler",
    ]
    done = subprocess.run([*words, "every.ts", "user.ts"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_command_compares_and_refuses(tmp_path: Path) -> None:
    flow = tmp_path / "sort.flow"
    flow.write_text(SPAM)
    run = CliRunner()

    def went(*words: str) -> tuple[int, str]:
        from flowrun.runtime.vocabulary.errors import UsageError

        done = run.invoke(command, [str(flow), *words], standalone_mode=False)
        if isinstance(done.exception, UsageError):
            return 2, str(done.exception)
        assert done.exception is None, done.exception
        return done.return_value or 0, done.output

    out = tmp_path / "stub.ts"
    assert went("-o", str(out), "--check")[0] == 1
    assert went("-o", str(out)) == (0, "")
    assert "export async function sort(" in out.read_text()
    assert went("-o", str(out), "--check")[0] == 0
    out.write_text(out.read_text() + "\n")
    assert went("-o", str(out), "--check")[0] == 1
    assert "name it with -o" in went("--check")[1]
    assert "does not tell the language" in went("-o", str(tmp_path / "stub.txt"))[1]
    assert went()[1].startswith('"""Typed functions')
    flow.write_text("type A = { b: int }\n")
    assert "has no flow" in went()[1]
