"""The public face: `import flowrun`, the names that are promised, and the page that describes them."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

import flowrun
from flowrun import dsl, runtime
from support.patience import PATIENCE

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "python.md").read_text(encoding="utf-8")
FRONT = (Path(__file__).resolve().parent.parent / "docs" / "index.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FLOW = """\
flow part(name: text) {
  return name
}

flow greet(name: text) {
  return "Hello, " + name
}
"""
LOADED = "import sys; before = set(sys.modules); {}; print(*sorted(set(sys.modules) - before))"
HEAVY = ("aiohttp", "pydantic", "lark", "jinja2", "asyncio", "sqlite3", "click", "rich", "importlib.metadata")


def described(heading: str) -> set[str]:
    """The names in the first column of the table under a heading of the page."""
    rows = PAGE.split(f"### {heading}\n")[1].split("\n#")[0].splitlines()
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")}


def loads(code: str) -> list[str]:
    command = [sys.executable, "-I", "-c", LOADED.format(code)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout.split()


def test_an_import_loads_next_to_nothing() -> None:
    names = loads("import flowrun")
    assert [name for name in names if name.startswith("flowrun")] == ["flowrun", "flowrun.runtime"]
    assert [name for name in names if name.startswith(HEAVY)] == []


def test_a_name_loads_what_it_needs() -> None:
    assert [
        name for name in loads("import flowrun; flowrun.Budget, flowrun.UsageError") if name.startswith(HEAVY)
    ] == []
    assert "flowrun.runtime.api" in loads("import flowrun; flowrun.run")


def test_the_version_is_that_of_the_package() -> None:
    assert flowrun.__version__ == importlib.metadata.version("flowrun-dsl")


@pytest.mark.parametrize(("module", "heading"), [(dsl, "flowrun.dsl"), (runtime, "flowrun.runtime")])
def test_the_page_describes_the_names_that_are_promised(module: object, heading: str) -> None:
    assert described(heading) == set(module.__all__)  # type: ignore[attr-defined]


def test_flowrun_has_the_names_of_the_runner() -> None:
    own = {"Checked", "Diagnostic", "FlowError", "Source", "__version__", "dsl", "runtime"}
    assert set(flowrun.__all__) == own | set(runtime.__all__)
    assert dir(flowrun) == sorted(flowrun.__all__)


@pytest.mark.parametrize("module", [dsl, runtime, flowrun], ids=lambda module: module.__name__)
def test_every_promised_name_is_there_and_documented(module: object) -> None:
    # A type alias has no docstring of its own.
    undocumented = {"CODES", "Event", "Listener", "OpenProvider", "Where", "__version__"}
    for name in module.__all__:  # type: ignore[attr-defined]
        found = getattr(module, name)
        assert found is getattr(module, name)
        if name not in undocumented:
            assert found.__doc__, name
            # The docstring that a dataclass makes for itself is its signature.
            assert not found.__doc__.startswith(f"{name}("), name


@pytest.mark.parametrize("module", [dsl, runtime, flowrun], ids=lambda module: module.__name__)
def test_a_name_that_is_not_there_is_an_attribute_error(module: object) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'runn'"):
        module.runn  # type: ignore[attr-defined]  # noqa: B018


def test_the_names_of_flowrun_are_the_same_objects() -> None:
    assert flowrun.run is runtime.run
    assert flowrun.FlowError is dsl.FlowError
    assert flowrun.events is runtime.events


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "greet.flow").write_text(FLOW)
    (tmp_path / "notes").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_of_the_page_runs(text: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(text, "docs/python.md", "exec"), {})
    assert capsys.readouterr().out.splitlines()[0] == "Hello, Ada"


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 3


def test_the_options_and_attributes_that_exist_are_on_the_page() -> None:
    from dataclasses import fields

    options = PAGE.split("## Options")[1].split("## The result")[0]
    assert [one.name for one in fields(flowrun.RunOptions) if f"`{one.name}`" not in options] == []
    result = PAGE.split("## The result")[1].split("## All names")[0]
    public = [name for name in dir(flowrun.Result) if not name.startswith("_")]
    assert [name for name in public if f"`{name}`" not in result] == []


def test_the_front_page_shows_names_that_exist() -> None:
    [text] = re.findall(r"^```python\n(.*?)^```$", FRONT, re.MULTILINE | re.DOTALL)
    used = set(re.findall(r"flowrun\.(\w+)", text)) | set(re.findall(r"result\.(\w+)", text))
    assert used
    assert used <= set(flowrun.__all__) | set(dir(flowrun.Result))
