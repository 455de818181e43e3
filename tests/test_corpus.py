"""The corpus: flows that are right, and flows that are wrong with what is to be said about them.

An expectation stands at the end of the line it is about, `# error[F0203] «caret»: text`, or at the head of the
file as `# error[F0203] @LINE:COLUMN «caret»: text` where the line cannot take a comment. The text is the message
or its beginning; the caret, which may be left out, is what is underlined on the first line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
from lark import Lark, Token, Tree

from flowrun.dsl import CODES, Diagnostic, FlowError, Source, check_flow, make_plan, plan, render_diagnostic
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.verify import verify
from support.views import beside

ROOT = Path(__file__).parent
OK = sorted((ROOT / "corpus" / "ok").glob("*.flow"))
HOLES = sorted((ROOT / "corpus" / "holes").glob("*.flow"))
BAD = sorted(path for path in (ROOT / "corpus" / "bad").rglob("*.flow") if path.parent.name != "lib")
LINT = sorted((ROOT / "corpus" / "lint").glob("*.flow"))
BEGINNERS = sorted((ROOT.parent / "workflows" / "bad").glob("*.flow"))

EXPECTATION = re.compile(
    r"# (?P<severity>error|warning)\[(?P<code>F\d{4})\](?: @(?P<line>\d+):(?P<column>\d+))?"
    r"(?: «(?P<caret>.*?)»)?: (?P<text>.*?)\s*(?=# (?:error|warning)\[|$)"
)
FOLDERS = {
    "parse": "F01 F03 F04",
    "structure": "F04",
    "unions": "F02 F03 F06",
    "matches": "F02 F03 F0404 F06",
    "names": "F02",
    "dependencies": "F0203 F0204",
    "comparing": "F02 F03 F0521 F0689",
    "endpoints": "F02 F068",
    "rounds": "F0620 F0621 F0622 F0623 F0624 F0625 F0626",
    "cascades": "F0627 F0628 F0687 F0688",
    "people": "F0660 F0661",
    "options": "F0690 F0691 F0692 F0693 F03",
    "quotes": "F0530 F0531 F0532 F0533",
    "checks": "F0301 F0203 F0630",
    "images": "F0646 F0647",
    "sizes": "F0635 F0636",
    "written_types": "F0104 F02 F03 F04 F0610",
    "expressions": "F01 F02 F03",
    "syntax": "F01",
    "imports": "F02",
    "prompts": "F02 F03 F0501 F06",
    "budget_check": "F0365",
    "callees": "F01 F02 F03 F04",
    "arguments": "F02 F03",
    "calculations": "F0363",
    "counts": "F0301 F0303 F0307 F0364 F0402 F0409",
    "test_types": "F02 F03 F04",
    "fields": "F0302 F0306",
    "labels": "F0206 F05",
    "holes": "F0777 F03",
    "standing": "F0301 F0303 F0520 F0521 F0522",
    "searches": "F0202 F0208 F0301 F0303 F0306 F0402 F0408 F0769 F0772",
    "templates": "F0304 F0305",
    "template_types": "F0201 F0301 F0302 F0304 F0306",
    "typecheck": "F0101 F0104 F02 F03 F04",
}


@dataclass(frozen=True)
class Expected:
    severity: str
    code: str
    line: int
    column: int | None
    caret: str | None
    text: str

    def fits(self, found: Diagnostic) -> bool:
        return (
            (self.severity, self.code, self.line) == (found.severity, found.code, found.span.line)
            and self.column in (None, found.span.column)
            and self.caret in (None, found.span.text.split("\n")[0])
            and found.message.startswith(self.text)
        )


def expectations(text: str) -> Iterator[Expected]:
    for number, line in enumerate(text.split("\n"), 1):
        for found in EXPECTATION.finditer(line):
            yield Expected(
                found["severity"],
                found["code"],
                int(found["line"] or number),
                int(found["column"]) if found["column"] else None,
                found["caret"],
                found["text"],
            )


def findings(text: str, path: Path) -> tuple[Diagnostic, ...]:
    try:
        return check_flow(Source(text, path.name), catalog(), beside(path)).warnings
    except FlowError as error:
        return error.diagnostics


def differences(text: str, path: Path = Path("x")) -> list[str]:
    """What is expected and missing, and what is found and not expected."""
    expected = list(expectations(text))
    unexpected = []
    for found in findings(text, path):
        if found.span.source.name != path.name:
            continue
        match = next((one for one in expected if one.fits(found)), None)
        if match is None:
            unexpected.append(f"unexpected {render_diagnostic(found)}")
        else:
            expected.remove(match)
    return [*(f"missing {one}" for one in expected), *unexpected]


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", [*OK, *HOLES], ids=name_of)
def test_a_right_flow_is_clean_and_plans(path: Path) -> None:
    checked = check_flow(Source(path.read_text(encoding="utf-8"), path.name), catalog(), beside(path))
    assert checked.warnings == ()
    for flow in checked.program.flows:
        made = make_plan(checked.settled, flow.decl.name.text)
        assert plan.from_json(plan.to_json(made)) == made
        verify(made)


def test_right_flows_use_the_whole_grammar() -> None:
    grammar = files("flowrun.grammars").joinpath("flow.lark").read_text(encoding="utf-8")
    parser = Lark(grammar, parser="lalr", keep_all_tokens=True, maybe_placeholders=False)
    used: set[str] = set()
    for path in [*OK, *HOLES]:
        names = ("soft_words", "test_words", "label_words", "check_words", "step_words", "round_words", "unions")
        if path.stem in names or path.stem.startswith(("match_", "cascade")):
            # lark's own lexer does not know that a word before a `:` or `else` before a `=` is a name.
            continue
        tree: Tree[Token] = parser.parse(path.read_text(encoding="utf-8"))
        for part in tree.iter_subtrees():
            used.add(str(part.data))
            used |= {child.type for child in part.children if not isinstance(child, Tree)}
    # A rule that stands for one of its parts leaves no trace of its own name in the tree.
    rules = {rule.alias or str(rule.origin.name) for rule in parser.rules if rule.alias or not rule.options.expand1}
    named = {rule for rule in rules if not rule.startswith("_")} | {terminal.name for terminal in parser.terminals}
    assert len(OK) >= 15
    # No text of a single terminal stands between two stages: the parser's state tells them from other words `else`.
    assert named - used - set(parser.ignore_tokens) == {"CASCADE", "cascade"}


@pytest.mark.parametrize("path", [*BAD, *LINT], ids=name_of)
def test_a_wrong_flow_says_what_is_wrong(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert list(expectations(text)), "the file expects nothing"
    assert not differences(text, path), "\n" + "\n\n".join(differences(text, path))


@pytest.mark.parametrize("path", LINT, ids=name_of)
def test_a_lint_stops_nothing(path: Path) -> None:
    assert all(found.severity == "warning" for found in expectations(path.read_text(encoding="utf-8")))


def test_each_pass_has_its_folder() -> None:
    assert {path.parent.name for path in BAD} == set(FOLDERS)
    for path in BAD:
        first = next(one for one in expectations(path.read_text(encoding="utf-8")) if one.severity == "error")
        assert first.code.startswith(tuple(FOLDERS[path.parent.name].split())), path


def test_each_code_is_in_the_corpus() -> None:
    expected = {one.code for path in [*BAD, *LINT] for one in expectations(path.read_text(encoding="utf-8"))}
    # A file of the corpus is only checked, and only commands that need a plan find these.
    assert expected == set(CODES) - {"F0778", "F0779"}


@pytest.mark.parametrize("path", BEGINNERS, ids=name_of)
def test_a_beginners_mistake_gets_the_refusal_it_announces(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    announced = re.match(r"# .+\.\n# flowrun validate says: (error|warning)\[(F\d{4})\]\n\n", text)
    assert announced, "the head of the file announces no refusal"
    found = findings(text, path)
    assert {(one.severity, one.code) for one in found} == {announced.groups()}


def test_a_file_that_is_too_large() -> None:
    text = RIGHT + "#" * (1 << 20)
    assert [(found.code, found.span.start, found.span.end) for found in findings(text, Path("x"))] == [("F0104", 0, 0)]


def test_there_are_beginners() -> None:
    assert len(BEGINNERS) >= 8


RIGHT = 'flow a(x: text) {\n  y = ask "{{ x }}"\n  return y\n}\n'
WRONG = 'flow a(x: text) {\n  y = ask "{{ z }}"  # error[F0201] «z»: the name `z` is unknown\n  return y\n}\n'


def test_the_comparison_itself() -> None:
    assert differences(WRONG) == []
    assert differences(RIGHT) == []
    assert len(differences(RIGHT.replace("  return", "  # error[F0201]: z\n  return"))) == 1
    assert len(differences(WRONG.replace("«z»", "«x»"))) == 2
    assert len(differences(WRONG.replace("unknown", "known"))) == 2
    assert len(differences(WRONG.replace("F0201", "F0202"))) == 2
    assert len(differences("# error[F0201] @3:15: the name\n" + WRONG.replace("# error", "# "))) == 0
    assert len(differences("# error[F0201] @3:16: the name\n" + WRONG.replace("# error", "# "))) == 2
