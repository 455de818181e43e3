"""The word `check`: a clause behind an ask, and a name wherever else a name can stand."""

from __future__ import annotations

import pytest

from flowrun.dsl import FlowError, Source, check_flow, format_file
from flowrun.dsl import syntax as s
from flowrun.dsl.parsing.parse import parse_flow
from flowrun.runtime.catalog import catalog

HEAD = 'flow f(check: text, answer: text) {\n  a = ask "x"'
CLAUSES = {
    "behind the prompt": " check a != check",
    "behind a type": " -> text check a != check",
    "on its own line": "\n    check a != check",
    "in brackets": "\n    check (a != check) and a != answer",
    "in brackets on the line": " check(a != check)",
    "not": " check not a == check",
    "a number": " check 3 < length(a)",
    "a text": ' check "y" in a',
    "its own name": " check check == a",
    "before with": " check a == check with retries: 2",
    "with words": ' check a == check else "Again."',
    "in a dialogue": ' check a == check\n  b = ask system "s" user "u" check b == a',
}
NAMES = {
    "a step": '\n  check2 = "a"\n  b = check',
    "a field": "\n  b = { check: 3, answer }",
    "an option's value": " when check == answer",
    "a line alone": "\n  check\n",
    "a field of it": "\n  b = chain { check.size }",
    "a line before a step": "\n  check\n  b = answer",
    "a call": "\n  check(answer)",
    "after": ' after check\n  check3 = "b"',
    "a type": " -> check | answer",
    "a word in brackets": "\n  b = (check)",
    "in a list": "\n  b = [check, answer]",
    "before a clause": "\n  check when answer == check",
}


def asks(text: str) -> list[s.Ask]:
    (flow,) = parse_flow(Source(f"{HEAD}{text}\n  return a\n}}\n")).flows
    return [line.node for line in flow.body.lines if isinstance(line.node, s.Ask)]


@pytest.mark.parametrize("text", CLAUSES.values(), ids=CLAUSES)
def test_a_clause(text: str) -> None:
    assert asks(text)[0].check is not None


@pytest.mark.parametrize("text", NAMES.values(), ids=NAMES)
def test_a_name(text: str) -> None:
    assert asks(text)[0].check is None


@pytest.mark.parametrize("text", [*CLAUSES.values(), *NAMES.values()], ids=[*CLAUSES, *NAMES])
def test_formatting_changes_no_meaning(text: str) -> None:
    file = parse_flow(Source(f"{HEAD}{text}\n  return a\n}}\n"))
    once = format_file(file)
    again = parse_flow(Source(once))
    assert again.items == file.items
    assert format_file(again) == once


MISTAKES = {
    "late": (' with retries: 2 check a != ""', "`check` must come before the other clauses of an ask", "check"),
    "late, on its own line": (' when true\n    check a != ""', "`check` must come before the other", "check"),
    "behind a reducer": (
        '\n  b = repeat 3 { ask "y" } reduce concat check length(b) > 3',
        "only an `ask` has a check",
        "check",
    ),
    "behind a value": ("\n  b = length(a) check b > 3", "only an `ask` has a check", "check"),
    "a bracket that calls": (
        '\n    check(a == "") or a == check',
        "`check(` at the beginning of a line calls",
        "check",
    ),
    "a comma": (' check a != "", "no"', "the words for the model must follow `else`", ","),
    "one limit": (" -> [text](5)", "the limits of a list are a least and a greatest length", "5"),
    "no least limit": (" -> [text](..5)", "the limits of a list begin with the least length", ".."),
}


@pytest.mark.parametrize(("text", "said", "place"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake(text: str, said: str, place: str) -> None:
    with pytest.raises(FlowError) as caught:
        check_flow(Source(f"{HEAD}{text}\n  return a\n}}\n"), catalog())
    (found,) = [one for one in caught.value.diagnostics if said in one.message]
    assert found.span.text == place
    assert found.help
