"""The offered fixes of a match mend it, and mistakes in its syntax are told in the words of a match."""

from __future__ import annotations

import pytest

from flowrun.dsl import Diagnostic, FlowError, Source, check_flow
from flowrun.dsl.fixes import edited
from flowrun.runtime.catalog import catalog

HEAD = 'flow f(m: text, team: billing | technical | "human resources") {\n'


def findings(text: str) -> tuple[Diagnostic, ...]:
    try:
        return check_flow(Source(text, "a.flow"), catalog()).warnings
    except FlowError as error:
        return error.diagnostics


def flow(match: str) -> str:
    return f"{HEAD}  r = {match}\n  return {{ r, m, team }}\n}}\n"


MENDED = {
    "a misspelt class": ("match team { biling = 1 else = 2 }", "F0602", "match team { billing = 1 else = 2 }"),
    "a misspelt class in quotes": (
        'match team { "human resource" = 1 else = 2 }',
        "F0602",
        'match team { "human resources" = 1 else = 2 }',
    ),
    "the default of another language": (
        "match team { billing = 1 _ = 2 }",
        "F0602",
        "match team { billing = 1 else = 2 }",
    ),
    "missing classes": (
        "match team {\n    billing = 1\n  }",
        "F0604",
        'match team {\n    billing = 1\n    technical = none\n    "human resources" = none\n  }',
    ),
    "an else too many": (
        'match team {\n    billing = 1\n    technical = 2\n    "human resources" = 3\n    else = 4\n  }',
        "F0605",
        'match team {\n    billing = 1\n    technical = 2\n    "human resources" = 3\n  }',
    ),
    "an arrow": ("match team { billing -> 1 }", "F0101", "match team { billing = 1 }"),
    "an arrow without blanks": ("match team { billing->1 }", "F0101", "match team { billing =1 }"),
    "a fat arrow": ("match team { billing => 1 }", "F0101", "match team { billing = 1 }"),
    "a colon": ("match team { billing: 1 }", "F0101", "match team { billing = 1 }"),
    "the word case": ("match team { case billing = 1 else = 2 }", "F0101", "match team { billing = 1 else = 2 }"),
}


@pytest.mark.parametrize("name", MENDED)
def test_a_fix_mends_the_match(name: str) -> None:
    before, code, after = MENDED[name]
    found = next(one for one in findings(flow(before)) if one.code == code)
    assert found.fix is not None
    made = edited(Source(flow(before), "a.flow"), found.fix.edits).text
    assert made == flow(after)
    assert code not in {one.code for one in findings(made)} or code == "F0101"


SAID = {
    "several classes": ("match team { billing | technical = 1 else = 2 }", "a branch of a match is for a single class"),
    "no class": ('match team { ask "x" }', "a branch of a match begins with its class"),
    "no braces": ("match team\n  x = 1", "a `match` needs braces around its steps"),
    "another word": ("switch team { billing = 1 }", "`switch` is not a word of this language"),
    "inside a value": ("[match team { billing = 1 else = 2 }]", "`match` is a step, and a value cannot contain a step"),
    "commas": ('match team { billing = ask "x", else = 2 }', "the lines of a block have no commas between them"),
    "a condition as a branch": ("match team { when team == billing = 1 }", "a branch of a match begins with its class"),
}


@pytest.mark.parametrize("name", SAID)
def test_a_mistake_is_told_in_the_words_of_a_match(name: str) -> None:
    written, said = SAID[name]
    found = findings(flow(written))[0]
    assert (found.code, found.message[: len(said)]) == ("F0101", said)
    assert found.help


def test_a_value_may_stand_in_brackets() -> None:
    assert not findings(flow('match (m == "x") { true = 1 false = 2 }'))
    assert not findings(flow('match (m) == "x" { true = 1 false = 2 }'))
