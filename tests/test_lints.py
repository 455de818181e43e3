"""Lints as a whole: none cries wolf, each can be silenced, and all of them together cost little."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from flowrun.dsl import CODES, Diagnostic, FlowError, Source, check_flow, format_file, parse_flow
from flowrun.runtime.catalog import catalog

ROOT = Path(__file__).parent.parent
LINTED = sorted((ROOT / "tests" / "corpus" / "lint").glob("*.flow"))
WARNINGS = [code for code, entry in CODES.items() if entry.severity == "warning"]
ABOUT_COMMENTS = ("F0719", "F0720")
OF_LABELS = ("F0740", "F0741")


def findings(text: str) -> tuple[Diagnostic, ...]:
    try:
        return check_flow(Source(text), catalog()).warnings
    except FlowError as error:
        return error.diagnostics


def codes(text: str) -> list[str]:
    return [found.code for found in findings(text)]


def without_comments(path: Path) -> str:
    return re.sub(r"[ \t]*#(?!\{).*", "", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted((ROOT / "workflows").glob("*.flow")), ids=lambda path: path.stem)
def test_the_shipped_flows_are_clean(path: Path) -> None:
    assert codes(path.read_text(encoding="utf-8")) == []


def test_each_lint_has_a_file_of_its_own() -> None:
    lints = [path for path in files("flowrun.dsl.lints").iterdir() if path.name.endswith(".py")]
    told = [
        re.findall(r'^ +(?:yield )?(?:found\.append\()?(?:\w+\()?"(F0\d{3})",$', path.read_text(), re.M)
        for path in lints
    ]
    assert all(len(set(one)) <= 1 for one in told)
    assert {code for one in told for code in one} == set(WARNINGS) - {*ABOUT_COMMENTS, *OF_LABELS}


@pytest.mark.parametrize("path", LINTED, ids=lambda path: path.stem)
def test_a_lint_tells_the_cost_and_the_way_out(path: Path) -> None:
    for found in findings(path.read_text(encoding="utf-8")):
        assert found.help, found
        assert found.note or found.code in ("F0702", "F0703", "F0720", "F0757"), found
        assert found.message[0].islower() or found.message[0] in "`0123456789", found
        assert "\n" not in found.message + found.note + found.help


@pytest.mark.parametrize("path", [path for path in LINTED if "ignores" not in path.stem], ids=lambda path: path.stem)
def test_each_finding_can_be_silenced_behind_its_line_before_it_and_for_the_file(path: Path) -> None:
    text = without_comments(path)
    told = {(found.span.line, found.code) for found in findings(text)}
    assert told
    lines = text.split("\n")
    for number in {number for number, _ in told}:
        listed = ", ".join(sorted(code for line, code in told if line == number))
        lines[number - 1] += f"  # flowrun: ignore[{listed}]"
    assert codes("\n".join(lines)) == []
    above = [re.sub(r"(.*)  (# flowrun: .*)", r"\2\n\1", line) for line in lines]
    assert codes("\n".join(above)) == []
    listed = ", ".join(sorted({code for _, code in told}))
    assert codes(f"# flowrun: ignore-file[{listed}]\n{text}") == []


EVEN = """
flow f(mail: text) {
  a = repeat 4 { ask "Spam? {{ mail }}" -> YES | NO } reduce majority
  return a
}
"""


def test_an_ignore_speaks_of_one_line_and_one_code() -> None:
    assert codes(EVEN) == ["F0705"]
    assert codes(EVEN.replace("majority", "majority  # flowrun: ignore[F0702]")) == ["F0705", "F0719"]
    assert codes(EVEN.replace("  return", "  # flowrun: ignore[F0705]\n  return")) == ["F0705", "F0719"]
    assert codes(EVEN.replace("return a", "return a  # flowrun: ignore[F0705]")) == ["F0705", "F0719"]
    assert codes(EVEN.replace("  a =", "  # flowrun: ignore[F0705]\n\n  a =")) == ["F0719", "F0705"]
    assert codes(EVEN.replace("  a =", "  # flowrun: ignore[F0705]\n  # why\n  a =")) == []


def test_a_comment_in_a_text_is_text() -> None:
    text = EVEN.replace('"Spam? {{ mail }}"', '"Spam? # flowrun: ignore[F0705] {{ mail }}"')
    assert codes(text) == ["F0705"]


def test_an_idle_ignore_is_told_once_for_each_code() -> None:
    assert codes(EVEN.replace("majority", "majority  # flowrun: ignore[F0705, F0705, F0701]")) == ["F0719", "F0719"]
    both = "# flowrun: ignore-file[F0705]" + EVEN.replace("majority", "majority  # flowrun: ignore[F0705]")
    assert [(found.code, found.span.line) for found in findings(both)] == [("F0719", 1)]


def test_an_ignore_of_idle_ignores_is_not_its_own_reason() -> None:
    assert codes(EVEN.replace("repeat 4", "repeat 3").replace("majority", "majority  # flowrun: ignore[F0719]")) == [
        "F0719"
    ]
    idle = "majority  # flowrun: ignore[F0719, F0702]"
    assert codes(EVEN.replace("repeat 4", "repeat 3").replace("majority", idle)) == []


def test_beside_an_error_no_ignore_is_called_idle() -> None:
    wrong = EVEN.replace("return a", "return b").replace("majority", "majority  # flowrun: ignore[F0701]")
    assert codes(wrong) == ["F0201"]
    silenced = EVEN.replace("return a", "return 1 + true").replace(
        "majority", "majority  # flowrun: ignore[F0705, F0701]"
    )
    assert codes(silenced) == ["F0301"]


@pytest.mark.parametrize(
    "comment",
    [
        "# flowrun is a tool",
        "# flowrun: a tool for calls side by side",
        "# flowrun validate flows/",
        "# see flowrun: its README says more",
        "# ignore[F0705]",
    ],
)
def test_prose_is_no_order(comment: str) -> None:
    assert codes(comment + EVEN) == ["F0705"]


@pytest.mark.parametrize("code", ["F0203", "F9999", "f0705", "705", "*", "even_vote"])
def test_what_is_no_warning_cannot_be_silenced(code: str) -> None:
    assert codes(EVEN.replace("majority", f"majority  # flowrun: ignore[{code}]")) == ["F0705", "F0720"]


def test_a_misspelled_code_gets_a_guess() -> None:
    (_, found) = findings(EVEN.replace("majority", "majority  # flowrun: ignore[F07005]"))
    assert found.help.startswith("did you mean `F0705`")


def test_an_error_cannot_be_silenced() -> None:
    wrong = EVEN.replace("return a", "return b  # flowrun: ignore[F0201]")
    assert codes(wrong) == ["F0201", "F0720"]


def test_a_comment_at_the_end_of_the_file_has_nothing_to_silence() -> None:
    assert codes(EVEN.rstrip() + "\n# flowrun: ignore[F0705]") == ["F0705", "F0719"]


def test_formatting_keeps_what_is_silenced() -> None:
    text = without_comments(ROOT / "tests" / "corpus" / "lint" / "unused_element.flow")
    text = text.replace("Who?", "Who, of all those that ever wrote a letter, wrote this one, and what was it for?")
    for found in sorted(findings(text), key=lambda found: -found.span.start):
        end = text.index("\n", found.span.start)
        text = f"{text[:end]}  # flowrun: ignore[{found.code}]{text[end:]}"
    formatted = format_file(parse_flow(Source(text)))
    assert formatted.count("\n") > text.count("\n"), "the formatter breaks a step"
    assert codes(text) == codes(formatted) == []


MANY = 1200


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('a{0} = ask "Who {0}? {{{{ a{1} }}}}" -> [text]', ["F0710"]),
        ("a{0} = map x in a{1} {{ x }} reduce collect", []),
    ],
)
def test_a_long_file_is_walked_without_recursion(line: str, told: list[str]) -> None:
    steps = "\n".join(f"  {line.format(number, number - 1)}" for number in range(1, MANY))
    last = f'b = map x in a{MANY - 1} {{ ask "{{{{ x }}}}" }} reduce collect'
    text = f"flow f(a0: [text]) {{\n{steps}\n  {last}\n  return b\n}}\n"
    assert codes(text) == told


def test_one_call_at_a_time_is_said_to_save_nothing_only_where_that_is_true() -> None:
    def note(rule: str) -> str:
        block = f'repeat 5 {{ ask "Spam? {{{{ m }}}}" -> Y | N }} reduce {rule} with concurrency: 1'
        text = f"flow f(m: text) {{\n  a = {block}\n  return a\n}}\n"
        (found,) = (one for one in findings(text) if one.code == "F0715")
        return found.note

    for rule in ("collect", 'concat(", ")', 'ask "Join {{ results }}"', "count"):
        assert "saves no calls" in note(rule), rule
    for rule in ("majority", "first", "ahead(2)", "quorum(3)", "unanimous"):
        assert "saves no calls" not in note(rule), rule
        assert (
            "each call waits for the previous call; this saves only the calls that remain when the reducer "
            "decides early"
        ) in note(rule), rule


@pytest.mark.parametrize(
    ("line", "paid", "how"),
    [
        ('s = ask "P"', "each element", "each element can then mention its answer"),
        ('s = match k { yes = ask "P" no = "n" }', "each element that takes the branch", "also if no element takes"),
        (
            's = match k { yes = chain { o = ask "P" ask "{{ o }} {{ x }}" } no = "n" }',
            "each element that takes the branch",
            "the branch can then mention its answer",
        ),
        (
            's = chain up to 3 { r = ask "P" v = ask "{{ x }} {{ r }} {% if last %}{{ last }}{% endif %}" } '
            'until v == "" else last',
            "each round of each element",
            "each round can then mention its answer",
        ),
        (
            's = match k { yes = chain up to 3 { r = ask "P" '
            'v = ask "{{ x }} {{ r }} {% if last %}{{ last }}{% endif %}" } until v == "" else last no = "n" }',
            "each round of each element",
            "each round can",
        ),
    ],
)
def test_a_prompt_that_is_the_same_for_each_element_is_moved_to_where_it_is_paid_once(
    line: str, paid: str, how: str
) -> None:
    body = f'k = ask "{{{{ x }}}}" -> yes | no {line} {{ k, s }}'
    checked = check_flow(
        Source(f"flow f(xs: [text]) {{ a = map x in xs {{ {body} }} reduce collect return a }}"), catalog()
    )
    (found,) = [one for one in checked.warnings if one.code == "F0718"]
    assert f"once for {paid}" in found.note
    assert how in found.help


@pytest.mark.parametrize(
    ("option", "refused"),
    [("top_p: 0.5", True), ("reasoning: none", True), ("seed: 3", False), ("stream: true", False)],
)
def test_a_warning_about_an_endpoint_says_if_a_run_refuses_the_option(option: str, refused: bool) -> None:
    name = option.partition(":")[0]
    text = f"""endpoint lab = "http://gpu/v1" with lacks: [{name}]
model m = "lab:x" with {option}
flow f(x: text) {{
  k = ask m "Go on: {{{{ x }}}}"
  return k
}}
"""
    (found,) = (one for one in findings(text) if one.code == "F0770")
    assert (found.note == "a run refuses it before anything is sent") == refused
