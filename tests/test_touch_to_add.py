"""What one file adds: a thing in a folder of flowrun's, or an entry point of another package. No list is edited."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from flowrun.runtime.reducers import REDUCERS
from flowrun.runtime.registry.registry import Registry
from flowrun.runtime.splitters import SPLITTERS
from support.few_cases import few
from support.patience import PATIENCE

FLOW = 'flow one() {{\n  answer = repeat 3 {{ ask "Say something" }} reduce {}\n  return answer\n}}\n'
RULE = """
from flowrun.dsl import ParamSpec, ReducerSpec, Refusal, types
from flowrun.runtime.reducers import Gathering, Rule

class Shout(Gathering):
    def value(self):
        return " ".join(self.in_order()).upper() + "!" * self.setting.args.get("marks", 1)

def result(given):
    texts = all(types.is_text(one) for one in given.each)
    return types.TEXT if texts else Refusal("`shout` takes texts", "take `reduce collect`")

RULE = Rule(ReducerSpec("shout", (ParamSpec("marks", types.INT, low=1),), result, "all in capitals"), Shout)
"""
RUN = """
import asyncio, json
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.providers.scripted import ScriptedProvider

def opener(address, surroundings):
    return ScriptedProvider(["hi", "ho", "he"])

result = asyncio.run(run_async("a.flow", options=RunOptions(opener=opener)))
print(json.dumps(result.value if result.ok else [one.reason for one in result.failures]))
"""
COMMAND = "from flowrun.runtime.cli import main; main()"


class Place:
    """A folder with packages of other people, which are on the path of a Python that is started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def package(self, name: str, text: str, **groups: str) -> None:
        """Install a package of one module. ``groups`` has its entry points, as ``name=attribute`` by the group."""
        module = name.replace("-", "_")
        (self.folder / f"{module}.py").write_text(dedent(text), encoding="utf-8")
        info = self.folder / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        entries = ""
        for group, listed in groups.items():
            lines = [f"{one.partition('=')[0]} = {module}:{one.partition('=')[2]}" for one in listed.split()]
            entries += "\n".join([f"[flowrun.{group}]", *lines, ""])
        (info / "entry_points.txt").write_text(entries, encoding="utf-8")

    def inside(self, package: str, module: str, text: str) -> str:
        """Put a module beside those of a package, and return the line of Python that makes the package see it."""
        folder = self.folder / f"more_{package.replace('.', '_')}"
        folder.mkdir(exist_ok=True)
        (folder / f"{module}.py").write_text(dedent(text), encoding="utf-8")
        return f"import {package}; {package}.__path__.append({str(folder)!r})"

    def flow(self, text: str) -> None:
        (self.folder / "a.flow").write_text(text, encoding="utf-8")

    def python(self, *code: str, arguments: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        path = f"import sys; sys.path.insert(0, {str(self.folder)!r})"
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", "\n".join([path, *code]), *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def command(self, *arguments: str, first: str = "") -> str:
        done = self.python(first, COMMAND, arguments=arguments)
        return done.stdout + done.stderr


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# One file in a folder


def test_a_reducer_is_one_file(place: Place) -> None:
    seen = place.inside("flowrun.runtime.reducers", "shout", RULE)
    place.flow(FLOW.format("shout(marks: 2)"))
    assert json.loads(place.python(seen, RUN).stdout) == "HI HO HE!!"
    assert "no errors" in place.command("validate", "a.flow", first=seen)
    place.flow(FLOW.format("shout(marks: 0)"))
    assert "of 1 or more" in place.command("validate", "a.flow", first=seen)
    place.flow(FLOW.format("shot"))
    assert "did you mean `shout`?" in place.command("validate", "a.flow", first=seen)
    place.python(
        seen,
        "from flowrun.testing import check_reducer; from flowrun.runtime.reducers import REDUCERS",
        "check_reducer(REDUCERS.own['shout'])",
    ).check_returncode()


SPLITTER = """
from flowrun.runtime.splitters import Splitter
SPLITTER = Splitter("semicolon", (), lambda text, args: [one for one in text.split(";") if one.strip()], "at each ;")
"""
SPLITS = (
    'flow one() {\n  pieces = split("a;b", by: semicolon)\n'
    '  said = map piece in pieces { ask "Say {{ piece }}" } reduce collect\n  return said\n}\n'
)


def test_a_splitter_is_one_file(place: Place) -> None:
    seen = place.inside("flowrun.runtime.splitters", "semicolon", SPLITTER)
    place.flow(SPLITS)
    assert json.loads(place.python(seen, RUN).stdout) == ["hi", "ho"]
    assert "has no rule `semicolon`" in place.command("validate", "a.flow")


READER = """
from flowrun.runtime.documents import Reader
READER = Reader("Backwards", (".odt",), lambda data, name: data.decode("utf-8", "replace")[::-1], {heavy})
"""
READ = """
from pathlib import Path
from flowrun.runtime.documents.reading import read_plain_document
Path("x.odt").write_text("olleh")
if __name__ == "__main__":
    print(read_plain_document(Path("x.odt")))
"""


def test_a_reader_is_one_file(place: Place) -> None:
    seen = place.inside("flowrun.runtime.documents", "odt", READER.format(heavy="lambda data: False"))
    assert place.python(seen, READ).stdout == "hello\n"


PROVIDER = """
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.providers.traits import ProviderSpec, Traits

PROVIDER = ProviderSpec(
    name="echo", title="Answers with one word", example="echo:x", traits=Traits(local=True), variables=("ECHO_KEY",),
    open=lambda name, surroundings: ScriptedProvider(["hi", "ho", "he"], model=f"echo:{name}"),
)
"""
ECHO = 'model small = "echo:x"\n' + FLOW.format('concat(" ")').replace("ask", "ask small")


def test_a_provider_is_one_file(place: Place) -> None:
    seen = place.inside("flowrun.runtime.providers", "echo", PROVIDER)
    place.flow(ECHO)
    assert "no errors" in place.command("validate", "a.flow", first=seen)
    assert "hi ho he" in place.command("a.flow", "--no-journal", first=seen)
    assert "Answers with one word" in place.command("models", first=seen)
    assert "ECHO_KEY: not set" in place.command("endpoints", first=seen)
    place.flow(ECHO.replace("echo:x", "ecko:x"))
    assert "did you mean `echo`?" in place.command("validate", "a.flow", first=seen)


LINT = '''
"""Nobody says please. It says nothing of manners.

```flow bad
flow a() { return 1 }
```
"""
from flowrun.dsl import Diagnostic
from flowrun.dsl.lints.lint import Lint

def please(program, typed, catalog):
    return [Diagnostic("F0799", "nobody says please", program.file.flows[0].name.span)]

LINT = Lint("F0799", please)
'''


def test_a_lint_is_one_file_and_a_row(place: Place) -> None:
    seen = place.inside("flowrun.dsl.lints", "please", "")
    (place.folder / "more_flowrun_dsl_lints" / "please.py").write_text(LINT.strip(), encoding="utf-8")
    path = seen.partition("; ")[2].replace(
        "flowrun.dsl.lints.__path__.append", "made.submodule_search_locations.append"
    )
    # The lints are found when their folder is imported, so its path is made longer before that.
    seen = (
        "import importlib.util; made = importlib.util.find_spec('flowrun.dsl.lints'); " + path + "\n"
        "module = importlib.util.module_from_spec(made); sys.modules['flowrun.dsl.lints'] = module\n"
        "made.loader.exec_module(module)\n"
        "from flowrun.dsl.codes import CODES, Code; CODES['F0799'] = Code('no manners', 'warning')"
    )
    place.flow(FLOW.format("collect"))
    assert "warning[F0799]: nobody says please" in place.command("validate", "a.flow", first=seen)
    page = place.command("explain", "F0799", first=seen)
    assert page.startswith("# F0799: no manners\n\nNobody says please.")
    assert page.rstrip().endswith("```")


HELLO = '''
"""`flowrun hello`: say hello."""
import click
import flowrun_is_loaded

@click.command("hello"{})
def command():
    click.echo("Hello.")
'''


@pytest.mark.parametrize(("help", "line"), [("", "say hello."), (', short_help="Greet."', "Greet.")])
def test_a_command_is_one_file(help: str, line: str, place: Place) -> None:
    seen = place.inside("flowrun.runtime.cli", "hello", HELLO.format(help).strip())
    shown = place.command("--help", first=seen)
    assert any(row.split() == ["hello", *line.split()] for row in shown.splitlines())
    (place.folder / "flowrun_is_loaded.py").write_text("", encoding="utf-8")
    assert place.command("hello", first=seen) == "Hello.\n"
    assert "did you mean `hello`?" in place.command("helo", first=seen)


# Entry points of other packages


def test_other_peoples_things_are_used(place: Place) -> None:
    heavy = READER.format(heavy="lambda data: True").replace("READER =", "HEAVY =")
    place.package(
        "acme-flows",
        RULE + SPLITTER + heavy + PROVIDER,
        reducers="shout=RULE",
        splitters="semicolon=SPLITTER",
        readers="Backwards=HEAVY",
        providers="echo=PROVIDER",
    )
    place.flow(FLOW.format("shout(marks: 2)"))
    assert json.loads(place.python(RUN).stdout) == "HI HO HE!!"
    place.flow(FLOW.format("shot"))
    assert "did you mean `shout`?" in place.command("validate", "a.flow")
    place.flow(FLOW.format("shout(mark: 2)"))
    assert "did you mean `marks`?" in place.command("validate", "a.flow")
    place.flow(SPLITS)
    assert json.loads(place.python(RUN).stdout) == ["hi", "ho"]
    assert place.python(READ).stdout == "hello\n"
    place.flow(ECHO)
    assert "hi ho he" in place.command("a.flow", "--no-journal")
    listed = place.command("plugins")
    for kind, name in (("reducer", "shout"), ("splitter", "semicolon"), ("reader", "Backwards"), ("provider", "echo")):
        assert f"the {kind} `{name}` of the package acme-flows\n" in listed


BROKEN = {
    "an import that fails": ("raise RuntimeError('no such luck')", "cannot be loaded: RuntimeError: no such luck"),
    "a module that exits": ("raise SystemExit(3)", "cannot be loaded: SystemExit"),
    "no such attribute": ("", "cannot be loaded: AttributeError"),
    "another shape": ("RULE = 'a rule'", "is no flowrun.runtime.reducers.Rule, but of the type str"),
    "another name": (RULE.replace('"shout"', '"loud"'), "it calls itself `loud`, and its entry point `shout`"),
    "no declaration": (
        "from flowrun.runtime.reducers import Rule; RULE = Rule(None, None)",
        "cannot be loaded: AttributeError",
    ),
    "wrong parts": (RULE.replace("types.INT, low=1", "types.INT").replace(", Shout", ", None"), "must be functions"),
}


@pytest.mark.parametrize("broken", few(list(BROKEN), "no declaration", "wrong parts"))
def test_a_broken_package_is_a_sentence(broken: str, place: Place) -> None:
    text, said = BROKEN[broken]
    place.package("acme-flows", text, reducers="shout=RULE", splitters="semicolon=RULE", providers="echo=RULE")
    place.flow(FLOW.format("shout"))
    shown = place.command("validate", "a.flow")
    assert "error[F0208]: the reducer `shout` of the package acme-flows" in shown
    assert said in shown
    assert said in place.command("plugins")
    place.flow(SPLITS)
    assert "the splitter `semicolon` of the package acme-flows cannot" in place.command("validate", "a.flow")
    place.flow(ECHO)
    ran = place.command("a.flow", "--no-journal")
    assert "the provider `echo` of the package acme-flows" in ran
    # Flows that do not use it are as well as ever.
    place.flow(FLOW.format("concat"))
    assert json.loads(place.python(RUN).stdout) == "hi\n\nho\n\nhe"
    place.flow(FLOW.format("nothing"))
    assert "no reducer is called `nothing`" in place.command("validate", "a.flow")


def test_a_name_that_is_taken(place: Place) -> None:
    taken = RULE.replace('"shout"', '"concat"')
    place.package("acme-flows", taken, reducers="concat=RULE", providers="openai=RULE")
    place.package("other-flows", RULE, reducers="shout=RULE")
    place.package("third-flows", RULE, reducers="shout=RULE")
    place.flow(FLOW.format("concat"))
    assert json.loads(place.python(RUN).stdout) == "hi\n\nho\n\nhe"
    shown = place.command("plugins")
    assert "the reducer `concat` of the package acme-flows is not used: flowrun has a reducer of this name" in shown
    assert "the provider `openai` of the package acme-flows is not used" in shown
    place.flow(FLOW.format("shout"))
    both = "the reducer `shout` of the packages other-flows and third-flows cannot be used"
    assert both in place.command("validate", "a.flow")


def test_a_file_s_own_extern_comes_before_a_package(place: Place) -> None:
    place.package("acme-flows", RULE, reducers="shout=RULE")
    (place.folder / "mine.py").write_text("def shout(results):\n    return 'mine'\n", encoding="utf-8")
    place.flow('extern shout(results: [text]) -> text from "mine:shout"\n' + FLOW.format("shout"))
    assert json.loads(place.python(RUN.replace("opener=opener", "opener=opener, allow_python=True")).stdout) == "mine"


def test_a_mistake_of_another_package_fails_one_step(place: Place) -> None:
    text = RULE.replace('return " ".join', "raise KeyError('oh')\n        return \" \".join")
    place.package("acme-flows", text, reducers="shout=RULE")
    place.flow(FLOW.format("shout"))
    said = json.loads(place.python(RUN).stdout)
    assert any("the reducer `shout` of the package acme-flows failed: KeyError: 'oh'" in one for one in said)


def test_entry_points_that_cannot_be_read(place: Place) -> None:
    place.package("acme-flows", RULE, reducers="shout=RULE")
    (place.folder / "acme_flows-1.0.dist-info" / "entry_points.txt").write_text("[flowrun.reducers]\nshout\n")
    place.flow(FLOW.format("shout"))
    assert "no reducer is called `shout`" in place.command("validate", "a.flow")
    assert "the entry points of the package acme-flows cannot be read" in place.command("plugins")


def test_no_package_adds_anything(place: Place) -> None:
    assert place.command("plugins") == "no package adds anything; docs/plugins.md tells how one does\n"


def test_the_opener_of_a_caller_reaches_the_checker(place: Place) -> None:
    place.flow(ECHO)
    assert "no provider is called `echo`" in place.command("validate", "a.flow")
    assert json.loads(place.python(RUN).stdout) == "hi ho he"


def test_the_catalog_of_a_caller_reaches_the_checker(place: Place) -> None:
    place.flow(FLOW.format("concat"))
    code = """
from dataclasses import replace
from flowrun.dsl import FlowError
from flowrun.runtime.catalog import catalog
from flowrun.runtime import load
known = replace(catalog(), reducers={"collect": catalog().reducers["collect"]})
try:
    load("a.flow", known)
except FlowError as error:
    print(error.diagnostics[0].message)
"""
    assert place.python(code).stdout == "no reducer is called `concat`\n"


def test_a_reducer_is_documented_by_its_docstring(place: Place) -> None:
    place.package("acme-flows", '"""`shout`: all texts in capitals."""\n' + RULE, reducers="shout=RULE")
    shown = place.command("explain", "shout")
    assert shown == "reduce shout(marks: int?)\n\n`shout`: all texts in capitals.\n"


@pytest.mark.parametrize("registry", [REDUCERS, SPLITTERS], ids=lambda registry: registry.kind)
def test_each_docstring_begins_with_the_names_that_it_documents(registry: Registry[Any]) -> None:
    for name in registry.own:
        first = registry.page(name).splitlines()[0]
        assert f"`{name}`" in first or f"`{name}(" in first
