"""Every block of code in a page is checked by its kind, and a block of an unknown kind fails."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shutil
import sqlite3
import tomllib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from flowrun.dsl import FlowError, Source, check_flow, parse_flow, read_lint_settings
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.commands import COMMANDS
from flowrun.runtime.cli.plan_limits import Limits
from flowrun.runtime.cli.plan_rows import read_rows
from flowrun.runtime.files.project import KNOWN as OF_PROJECTS
from flowrun.runtime.files.settings import KNOWN as OF_USERS
from flowrun.runtime.providers.endpoint_tables import read_endpoints
from flowrun.runtime.vocabulary.errors import FlowrunError
from support.doc_blocks import ROOT, Block, all_blocks, blocks_of, commands_in, fault_of, inline_commands
from support.model_server import model_server

BLOCKS = all_blocks()
LIBRARY = {
    "lib/summaries.flow": 'flow summary(of: text, tone: text) {\n  short = ask "Summarise {{ of }}, {{ tone }}"\n'
    "  return short\n}\n",
    "lib/words.flow": "type Tone = plain | formal\n",
    "prompts/note.md": "A {{ tone }} note on: {{ section }} {% if hint %}{{ hint }}{% endif %}\n",
}


def load(path: str) -> Source | str:
    return Source(LIBRARY[path], path) if path in LIBRARY else "there is no such file"


def flow(block: Block) -> str:
    """A flow is clean. test_explain.py looks at the examples of diagnostics, which may need other files."""
    if block.page.startswith("dsl/explain/"):
        return ""
    try:
        found = check_flow(Source(block.text, str(block)), catalog(), load).warnings
    except FlowError as error:
        found = error.diagnostics
    return "; ".join(f"{one.code}: {one.message}" for one in found)


def plain(block: Block) -> str:
    """A block without a kind is a part of a flow, or the text of a failed test, which test_docs.py compares."""
    if block.text.startswith("failed: "):
        return ""
    try:
        parse_flow(Source(block.text, str(block)))
    except FlowError as error:
        return str(error)
    return ""


def shell(block: Block) -> str:
    return "; ".join(filter(None, (fault_of(words) for words in commands_in(block))))


def python(block: Block) -> str:
    tree = ast.parse(block.text)
    faults = []
    for node in ast.walk(tree):
        names = [(node.module or "", one.name) for one in node.names] if isinstance(node, ast.ImportFrom) else []
        names += [(one.name, "") for one in node.names] if isinstance(node, ast.Import) else []
        faults += [
            f"{module} has no {name}"
            for module, name in names
            if module.startswith("flowrun") and name and not hasattr(importlib.import_module(module), name)
        ]
    return "; ".join(faults)


OTHER_TOML = ({"tool", "project", "build-system"}, {"language-server", "language"})
"""The tables of files of other programs: of Python's packages, and of the editor Helix."""


def toml(block: Block) -> str:
    found = tomllib.loads(block.text)
    if any(found.keys() <= tables for tables in OTHER_TOML):
        return ""
    if "plan" in found:
        with TemporaryDirectory() as folder:
            path = Path(folder, "plans.toml")
            path.write_text(block.text, encoding="utf-8")
            return "" if read_rows(path, Limits())[0] else "has no rows"
    read_lint_settings(found.get("lint", {}), found.get("exclude", ()))
    read_endpoints(found.get("endpoints", {}), Path("page.toml"), "user")
    return "; ".join(f"there is no setting {name}" for name in found if name not in {*OF_PROJECTS, *OF_USERS})


def sql(block: Block) -> str:
    statements = [line for line in re.sub(r"--.*", "", block.text).split(";") if line.strip()]
    known = all(re.match(r"\s*(GRANT|SELECT|CREATE|ALTER|REVOKE)\b", one) for one in statements)
    return "" if known and sqlite3.complete_statement(re.sub(r"--.*", "", block.text)) else "is no statement of SQL"


def editor(block: Block) -> str:
    """The settings of an editor start a command that exists, and their brackets are closed."""
    text = re.sub(r"#\{", "{", block.text)
    started = re.findall(r"""(?:[\[({]\s*["']flowrun["'],?\s*|\bargs:\s*\[)["']([a-z]+)["']""", text)
    unknown = [word for word in started if word not in COMMANDS]
    pairs = [(text.count(opened), text.count(shut)) for opened, shut in ("()", "[]", "{}")]
    return ", ".join(unknown) or ("" if all(one == other for one, other in pairs) else "has a bracket that stays open")


def drawing(block: Block) -> str:
    """The builder of the site takes only drawings of flows that ship; test_patterns.py compares them."""
    return "" if block.text.startswith("flowchart ") else "is no flow chart"


CHECKS: dict[str, Callable[[Block], str]] = {
    "": plain,
    "flow": flow,
    "flow bad": flow,
    "flow good": flow,
    "sh": shell,
    "console": shell,
    "text": shell,
    "python": python,
    "toml": toml,
    "yaml": lambda block: "" if yaml.safe_load(block.text) else "is empty",
    "json": lambda block: "" if json.loads(block.text) is not None else "is empty",
    "sql": sql,
    "lua": editor,
    "vim": editor,
    "elisp": editor,
    "mermaid": drawing,
}


def fault(block: Block) -> str:
    """What is wrong with a block; "" if nothing is."""
    if block.kind not in CHECKS:
        return f"no check covers blocks of the kind {block.kind!r}"
    try:
        return CHECKS[block.kind](block)
    except (SyntaxError, ValueError, yaml.YAMLError, FlowrunError) as error:
        return f"cannot be read: {error}"


def test_every_block_of_every_page_is_right() -> None:
    assert {str(block): found for block in BLOCKS if (found := fault(block))} == {}


def test_the_kinds_that_pages_use_are_all_there() -> None:
    kinds = {block.kind for block in BLOCKS}
    assert kinds >= {"flow", "sh", "console", "python", "toml", "yaml"}
    assert len(BLOCKS) > 300


def test_every_command_between_backquotes_has_its_options() -> None:
    found = [*inline_commands()]
    assert len(found) > 100
    assert {place: (line, why) for place, line in found if (why := fault_of(words_of(line)))} == {}


@pytest.mark.parametrize(
    "block", [one for one in BLOCKS if one.kind == "python" and one.page in ("README.md", "docs/traces.md")], ids=str
)
def test_the_python_of_a_page_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of other pages run in test_docs.py, test_face.py and test_touch_to_add.py."""
    with model_server(tmp_path / "log") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        monkeypatch.setenv("FLOWRUN_MODEL", "openai:any")
        (tmp_path / "workflows").mkdir()
        shutil.copy(ROOT / "workflows" / "is_spam.flow", tmp_path / "workflows")
        (tmp_path / "notes.flow").write_text('flow notes() {\n  note = ask "Note."\n  return note\n}\n')
        monkeypatch.chdir(tmp_path)
        exec(compile(block.text, block.page, "exec"), {})
        assert server.answers() >= 1


def words_of(line: str) -> list[str]:
    return [word.strip("'\"") for word in line.split()][1:]


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("rust", "fn main() {}", "no check covers"),
        ("flow", 'flow f(a: text) {\n  b = ask "{{ c }}"\n  return b\n}\n', "F0201"),
        ("", "flow f( {", "F0102"),
        ("sh", "flowrun plann a.flow", "no command `plann`"),
        ("sh", "cat x | flowrun plan a.flow --max-cals 3", "--max-cals"),
        ("sh", "flowrun workflows/is_spam.flow --mail x", "no option `--mail`"),
        ("sh", "flowrun journal prun", "has no command `prun`"),
        ("sh", "flowrun a.flow --emails", "has no value"),
        ("console", "$ flowrun validate --strikt a.flow\nfine", "--strikt"),
        ("python", "from flowrun import runn", "has no runn"),
        ("python", "if", "cannot be read"),
        ("toml", "modell = 'x'", "no setting modell"),
        ("toml", "a = ", "cannot be read"),
        ("yaml", "a: [", "cannot be read"),
        ("json", "{", "cannot be read"),
        ("toml", "[lint]\nselect = ['F9']", "F9"),
        ("toml", "[[plan]]\nfil = 'a.flow'", "fil"),
        ("lua", 'cmd = { "flowrun", "lspp" }', "lspp"),
        ("vim", "call f([1)", "bracket"),
        ("sql", "GRAND x;", "no statement"),
    ],
)
def test_a_wrong_block_is_found(kind: str, text: str, said: str) -> None:
    (block,) = blocks_of(f"# A page\n\n```{kind}\n{text}\n```\n", "a.md")
    assert said in fault(block)
