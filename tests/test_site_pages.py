"""The pages that the site's builder makes and collects, before its tool builds them."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from builder import ROOT, SiteError
from builder.made import MAKERS
from builder.markdown import anchor, cell, code, fenced, headings, outside_code, table
from builder.navigation import Group, Made, check, navigation
from builder.pictures import with_pictures
from builder.plain import for_python_markdown
from builder.reference.api import MODULES, module_of, public_names
from builder.reference.codes import FAMILIES, lint_files
from builder.reference.docstrings import paragraphs
from builder.reference.endpoints import variables
from builder.reference.exits import exit_codes
from builder.reference.grammar import groups
from builder.reference.type_forms import answer_type
from builder.site import as_github, collected
from builder.sources import Links, written_pages

from flowrun.dsl import CODES
from flowrun.runtime.cli import exits
from flowrun.runtime.cli.commands import COMMANDS
from flowrun.runtime.files.project import KNOWN as OF_PROJECTS
from flowrun.runtime.files.settings import KNOWN as OF_USERS
from flowrun.runtime.plans.options import OPTIONS
from flowrun.runtime.providers.endpoint_tables import SETTINGS
from flowrun.runtime.reducers import REDUCERS
from flowrun.runtime.splitters import SPLITTERS
from flowrun.runtime.values.functions import FUNCTIONS


@cache
def made(name: str) -> Made:
    return MAKERS[name]()


def reference(name: str) -> str:
    return made("reference").pages[f"reference/{name}.md"]


def test_every_page_stands_once_in_the_navigation() -> None:
    pages = collected()
    assert {place for section in pages.sections for place in section.places()} == set(pages.texts)
    assert [section.title for section in pages.sections] == [
        "Start",
        "How-tos",
        "Language",
        "Reference",
        "Concepts",
        "Comparison",
        "Project",
    ]


def test_a_page_outside_the_navigation_is_a_fault() -> None:
    with pytest.raises(SiteError, match=r"new\.md is outside the navigation"):
        navigation({**written_pages(), "docs/new.md": "new.md"}, {name: made(name) for name in MAKERS})


@pytest.mark.parametrize(
    ("named", "said"),
    [(["a.md", "b.md"], "b.md does not exist"), (["a.md", "a.md"], "a.md stands there twice"), ([], "a.md is outside")],
)
def test_a_navigation_that_does_not_fit_is_a_fault(named: list[str], said: str) -> None:
    with pytest.raises(SiteError, match=said):
        check([Group("A", tuple(("", place) for place in named))], ["a.md"])


OF_COMMANDS = {"F0778", "F0779"}
"""The codes that only a command finds: `flowrun eject`."""


def test_each_code_has_a_page_with_what_flowrun_says_of_its_example() -> None:
    pages = made("codes").pages
    assert {f"codes/{code}/index.md" for code in CODES} == {*pages} - {"codes/index.md"}
    for name, entry in CODES.items():
        page = pages[f"codes/{name}/index.md"]
        assert f"{entry.severity}[{name}]: " in page or name in OF_COMMANDS
        assert f"Severity: {'an error' if entry.severity == 'error' else 'a warning'}" in page
        assert f"| [{name}]({name}/index.md) |" in pages["codes/index.md"]
    assert {name[:3] for name in CODES} == set(FAMILIES)


def test_each_lint_has_its_code() -> None:
    assert len(lint_files()) >= 40
    assert set(lint_files().values()) <= set(CODES)


def test_each_command_has_its_page() -> None:
    pages = made("commands").pages
    for name in COMMANDS:
        assert f"Usage: flowrun {name}" in pages[f"commands/{name}.md"]
        assert f"[`flowrun {name}`]({name}.md)" in pages["commands/index.md"]
    assert "## `flowrun journal prune`" in pages["commands/journal.md"]
    assert "--email TEXT" in pages["commands/run.md"]
    assert str(ROOT) not in "".join(pages.values())


def test_the_reference_has_what_the_registries_have() -> None:
    assert {name for name in REDUCERS.own if f"\n## `{name}`\n" not in reference("reducers")} == set()
    assert {name for name in SPLITTERS.own if f"\n## `{name}`\n" not in reference("splitters")} == set()
    assert {name for name in OPTIONS if f"| `{name}` |" not in reference("options")} == set()
    assert {name for name in FUNCTIONS if not re.search(rf"`{name}[(`]", reference("functions"))} == set()
    assert "| `temperature` | `number` | 0 to 2 | `ask`, `model` |" in reference("options")
    assert "| `SPAM \\| NOT` | `SPAM \\| NOT` |" in reference("reducers")


def test_the_reference_of_readers_and_endpoints_is_of_flowrun_alone() -> None:
    assert "`.docx`" in reference("readers")
    assert "| [`groq`](#groq) |" in reference("endpoints")
    assert {name for name in variables() if f"`{name}`" not in reference("endpoints")} == set()


def test_the_page_of_the_grammar_has_each_rule() -> None:
    text = (ROOT / "grammars" / "flow.lark").read_text(encoding="utf-8")
    rules = {name.rstrip("_") for name in re.findall(r"^\??([a-z_]+)(?:\{a\})?:", text, re.MULTILINE)}
    page = reference("grammar")
    assert {rule for rule in rules if not re.search(rf"^{rule}: ", page, re.MULTILINE)} == set()
    assert not re.search(r"[a-z_]\{[a-z]", page)
    assert '\nboth: negation ("and" negation)*\n' in page
    assert '\nproduct: sign (("*" | "/") sign)*\n' in page
    assert "| FLOW" not in page
    assert len(groups(text)) >= 13


def test_the_exit_codes_have_a_meaning() -> None:
    codes = {value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}
    assert set(exit_codes()) == codes
    assert all(exit_codes().values())


def test_the_api_has_each_public_name() -> None:
    for name in MODULES:
        page = made("api").pages[f"api/{name}.md"]
        names = public_names(module_of(name))
        assert names
        assert [one for one in names if f"\n## `{one}`\n" not in page] == []
        assert " at 0x" not in page
    page = made("api").pages["api/flowrun.md"]
    assert "def run(flow: Flow, /, inputs: Mapping[str, Any] | None = None" in page
    assert "| `budget` | `Budget \\| str \\| None` | `None` |" in page


def test_a_type_of_the_page_is_one_of_the_language() -> None:
    assert '"enum": [' in reference("types")
    with pytest.raises(SiteError, match="F0206"):
        answer_type("[txet]")


ENVIRONMENT = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
CODE = [*(ROOT / "dsl").rglob("*.py"), *(ROOT / "runtime").rglob("*.py")]


def asks(node: ast.expr, name: str) -> bool:
    """Tell whether an expression ends with a dotted name. Most do not, and are not written out."""
    return isinstance(node, ast.Name | ast.Attribute) and f".{ast.unparse(node)}".endswith(f".{name}")


def read_variables(text: str) -> set[str]:
    """The variables whose names stand where a program asks the environment, and flowrun's own."""
    found = set(re.findall(r"\b_?FLOWRUN_[A-Z_]+[A-Z]\b", text))
    for node in ast.walk(ast.parse(text)) if "environ" in text else ():
        asked: ast.expr | None = None
        if isinstance(node, ast.Call) and asks(node.func, "environ.get"):
            asked = node.args[0]
        elif isinstance(node, ast.Subscript) and asks(node.value, "environ"):
            asked = node.slice
        if isinstance(asked, ast.Constant) and isinstance(asked.value, str):
            found.add(asked.value.upper() if asked.value.islower() else asked.value)
    return found


def test_the_page_has_each_variable_that_the_code_reads() -> None:
    found = {name for path in CODE for name in read_variables(path.read_text(encoding="utf-8"))}
    assert {"FLOWRUN_MODEL", "XDG_CONFIG_HOME", "NO_COLOR"} <= found
    known = set(re.findall(r"`(\w+)`", ENVIRONMENT)) | set(variables())
    assert found - known == set()


def test_the_page_has_no_variable_that_no_code_reads() -> None:
    code_text = "".join(path.read_text(encoding="utf-8") for path in CODE)
    shared = {"HTTPS_PROXY", "HTTP_PROXY", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "TRACEPARENT", "TRACESTATE"}
    named = {name for name in re.findall(r"`(_?[A-Z][A-Z0-9_]{3,})`", ENVIRONMENT) if name not in shared}
    assert {name for name in named if name not in code_text} == set()


def test_a_variable_in_code_is_found() -> None:
    text = 'import os\nos.environ.get("A_B", "")\nenviron["C_D"]\nenviron.get(name)\nX = "FLOWRUN_NEW"\n'
    assert read_variables(text) == {"A_B", "C_D", "FLOWRUN_NEW"}


def test_the_page_has_the_settings_that_the_code_reads() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    parts = re.split(r"^## .*$", page, flags=re.MULTILINE)[1:]
    rows = [tuple(re.findall(r"^\| `([\w-]+)` \|", part, re.MULTILINE)) for part in parts]
    assert [set(one) for one in rows[:3]] == [set(OF_PROJECTS), set(OF_USERS), set(SETTINGS)]


def test_links_lead_to_the_places_of_the_site() -> None:
    places = {"README.md": "index.md", "docs/a.md": "a.md", "docs/how/b.md": "how/b.md"}
    links = Links(places, {"dsl/lints/x.py": "F0701"}, {"how/b.md": "How b"})
    text = (
        "[r](../README.md#top) [b](how/b.md) [c](../dsl/explain/F0203.md) [l](../dsl/lints/x.py) [h](https://x.y) "
        "[f](../workflows/bad/circle.flow) `[no](gone.md)` [t](../LICENSE) [o](#own)\n```\n[no](gone.md)\n```\n"
    )
    assert links.changed(text, "docs/a.md", "a.md") == (
        "[r](index.md#top) [b](how/b.md) [c](codes/F0203/index.md) [l](codes/F0701/index.md) [h](https://x.y) "
        "[f](examples/bad/circle.md) `[no](gone.md)` [t](files/LICENSE.txt) [o](#own)\n```\n[no](gone.md)\n```\n"
    )
    named = "[b.md](how/b.md#x), [b](how/b.md), [c.md](how/b.md), [a.md](a.md)"
    assert links.changed(named, "docs/a.md", "a.md") == named.replace("[b.md]", "[How b]")
    told = "F0203 (F0204, F0205), [F0206](../a.md) `F0207` F9999"
    assert links.changed(told, "docs/how/b.md", "how/b.md") == (
        "[F0203](../codes/F0203/index.md) ([F0204](../codes/F0204/index.md), [F0205](../codes/F0205/index.md)), "
        "[F0206](../a.md) `F0207` F9999"
    )
    assert links.changed("[a](../a.md)", "docs/how/b.md", "how/b.md") == "[a](../a.md)"
    assert links.copied == {"LICENSE": "files/LICENSE.txt"}
    with pytest.raises(SiteError, match=r"docs/a\.md: the link gone\.md leads nowhere"):
        links.changed("[a](gone.md)", "docs/a.md", "a.md")
    with pytest.raises(SiteError, match="leads to a folder"):
        links.changed("[a](../tests)", "docs/a.md", "a.md")


def test_a_drawing_is_a_picture_on_the_site() -> None:
    page = (ROOT / "docs" / "patterns.md").read_text(encoding="utf-8")
    shown = with_pictures(page, "docs/patterns.md", "how/patterns.md")
    assert "```mermaid" not in shown
    assert "![The graph of review.flow](../assets/flows/review.svg)" in shown
    with pytest.raises(SiteError, match="no drawing of a flow"):
        with_pictures("# A page\n\n```mermaid\nflowchart LR\n  a --> b\n```\n", "docs/x.md", "x.md")


MARKDOWN = [
    "Words:\n- one\n- two\n\nMore.\n",
    "- one\n  - inner\n  - inner\n- two\n",
    "1. one\n   more of one\n2. two\n\n   a paragraph of two\n",
    "- one\n\n  ```sh\n  a\n    b\n  ```\n- two\n",
    "Words that go on in the line\n14. Not a list.\n",
    "| a | b |\n|---|---|\n| `x \\| y` | z |\n",
    "> a\n> b\n\nc\n",
    "```flow bad\nx\n```\n",
    "- one\n- two\n\nMore words.\n\n1. three\n",
]


@pytest.mark.parametrize("text", MARKDOWN)
def test_python_markdown_reads_a_page_as_github_does(text: str) -> None:
    markdown = pytest.importorskip("markdown")
    html = markdown.markdown(for_python_markdown(text), extensions=["tables", "pymdownx.superfences"])
    from builder.html_pages import COUNTED, read_html

    found, wanted = read_html(f"<article>{html}</article>"), as_github(text)
    assert {name: found.parts[name] for name in COUNTED} == {name: wanted.parts[name] for name in COUNTED}
    assert found.words == wanted.words


def test_the_tools_for_markdown() -> None:
    assert anchor("`flowrun plan`: its [least](x.md), *shown*") == "flowrun-plan-its-least-shown"
    assert cell("a | b\n  c") == "a \\| b c"
    assert code("a `b`") == "`` a `b` ``"
    assert fenced("```sh\nx\n```").startswith("````\n")
    assert table(("a",), [("b | c",)]) == "| a |\n| --- |\n| b \\| c |"
    assert [*headings("# A\n```\n# no\n```\n## B `c`\n")] == [(1, "A"), (2, "B `c`")]
    assert outside_code("a `a` ``a`a``\n```\na\n```\na", str.upper) == "A `a` ``a`a``\n```\na\n```\nA"
    assert paragraphs("It is.\n\nAttributes:\n    a, b: one\n        more\n    c: two\n") == (
        "It is.\n\n- `a`, `b`: one more\n- `c`: two"
    )


def test_the_builder_has_short_files() -> None:
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in Path(ROOT, "docs").rglob("*.py")}
    assert {name: count for name, count in lines.items() if count > 300} == {}
