"""The messages on slips in panels, cascades, searches and votes that compare: the code, the place, the way out."""

from __future__ import annotations

import pytest

from flowrun.dsl import Diagnostic, FlowError, Source, check_flow
from flowrun.runtime.catalog import catalog

HEAD = """model cheap = "openai:gpt-4o-mini"
model other = "openai:gpt-4.1-nano"
type P = { plan: text, score: 0.0..1.0, ok: bool }
extern works(plan: text) -> bool from "checks:works"
extern alike(x: text, y: text) -> bool from "checks:alike"
extern three(x: text, y: text, z: text) -> bool from "checks:three"

flow main(q: text, xs: [text], ms: [model]) {
"""


def errors(body: str) -> list[Diagnostic]:
    try:
        check_flow(Source(HEAD + body + "\n}\n", "slips.flow"), catalog())
    except FlowError as error:
        return [one for one in error.diagnostics if one.severity == "error"]
    return []


SPAM = 'ask cheap "{{ q }}" -> yes | no'
PLAN = 'repeat 1..5 { ask cheap "{{ q }}" -> P } reduce'
TEXTS = 'repeat 2..9 { ask cheap "{{ q }}" } reduce'
SLIPS = [
    # An extern that compares leaves no place for an ask, as an ask that compares does.
    (
        f'return {TEXTS} ahead(2, same: alike, ties: ask "Which? {{{{ results }}}}")',
        "F0303",
        'ask "Which? {{ results }}"',
        "a vote asks one thing: here `same`, and so `ties` cannot ask",
        "write `ties: first` or `ties: error`",
    ),
    (
        f"return {TEXTS} ahead(2, same: three)",
        "F0689",
        "three",
        "`three` must take two answers",
        '`extern three(a: text, b: text) -> bool from "MODULE:FUNCTION"`',
    ),
    (
        f"return {TEXTS} ahead(2, same: nobody)",
        "F0208",
        "nobody",
        "no extern is called `nobody`",
        '`extern nobody(a: text, b: text) -> bool from "MODULE:FUNCTION"`',
    ),
    (f"return {TEXTS} ahead(2, same: alike(a, b))", "F0303", "alike(a, b)", "`same` takes", "write `same: alike`"),
    (
        f"return repeat 3 {{ {SPAM.replace('yes | no', 'P')} }} reduce majority(by: pla, same: alike)",
        "F0303",
        "pla",
        "P has no field `pla`",
        "its fields",
    ),
    (f"x = cascade {SPAM}  return x", "F0101", "cascade", "a cascade needs braces", "`cascade { ask cheap"),
    (
        f"return cascade {{ y = {SPAM} z = {SPAM} else {SPAM} }}",
        "F0101",
        "z",
        "between two stages of a cascade stands `else`",
        "several steps of one stage as `chain { … }`",
    ),
    (
        f"return cascade {{ repeat 3 {{ {SPAM} }} reduce majority else {SPAM} when agrement < 1 }}",
        "F0201",
        "agrement",
        "the name `agrement` is unknown",
        "did you mean `agreement`?",
    ),
    (
        f"a = repeat 3 {{ {SPAM} }} reduce majority  return cascade {{ a else {SPAM} }} when margin < 1 else no",
        "F0201",
        "margin",
        "the name `margin` is unknown",
        "elsewhere write `votes(NAME).margin`",
    ),
    (
        f'return cascade {{ ask human "{{{{ q }}}}" -> yes | no else {SPAM} when sure < 1 }}',
        "F0687",
        "sure",
        "the stage before is a question to a person",
        "ask for words",
    ),
    (f"return {PLAN} first(result.ok)", "F0201", "result", "the name `result` is unknown", "`reduce first(if: result"),
    ('return ask cheap "{{ q }}" -> P check result.ok', "F0201", "result", "the name `result`", "is called `answer`"),
    (
        f"return {PLAN} first(if: result.ok and works(result.plan))",
        "F0408",
        "works",
        "`works` is an extern, and an expression cannot call it",
        "call it in the body, `ok = works(…)`, end the body with a record that has `ok`, and write `if: result.ok`",
    ),
    (
        'return map t in xs { ask cheap "{{ t }}" } reduce first(if: result == t)',
        "F0205",
        "t",
        "`t` is known only inside",
        "end the body with a record that has it, `{ t, … }`",
    ),
    (
        'return repeat 3 over m in ms { ask m "x" } reduce majority(same: ask m "{{ a }} {{ b }}" -> yes | no)',
        "F0205",
        "m",
        "`m` is known only inside",
        "end the body with a record that has it, `{ m, … }`",
    ),
    (
        'return repeat 3 over m in [cheap, "other"] { ask m "x" -> yes | no } reduce majority',
        "F0207",
        "m",
        "`m` is not a model: it is model or text",
        'name only declared models in `[cheap, "other"]`',
    ),
    (
        f"return repeat 3..9 {{ {SPAM} }} reduce majority(risk: 0.0001)",
        "F0303",
        "0.0001",
        "and a risk of 0.0001 needs 1 / 0.0001 = 10,000: 15 samples that agree",
        "take 15 samples or more",
    ),
    (
        'f = fanout { one = ask cheap "{{ q }}" } reduce collect  return { n: votes(f.one).panel }',
        "F0303",
        "f.one",
        "`votes` takes the name of a vote",
        "a vote is a block",
    ),
]


@pytest.mark.parametrize(("body", "code", "caret", "message", "help"), SLIPS, ids=[slip[2] for slip in SLIPS])
def test_a_slip_has_one_report_with_its_place_and_the_way_out(
    body: str, code: str, caret: str, message: str, help: str
) -> None:
    found = errors(body)
    assert [one.code for one in found] == [code]
    assert found[0].span.text == caret
    assert message in found[0].message
    assert help in found[0].help


def test_a_cascade_has_no_reducer() -> None:
    found = errors(f"return cascade {{ {SPAM} else {SPAM} }} reduce majority")
    assert "`reduce` ends a `fanout`, a `map` or a `repeat`" in found[0].help


def test_a_condition_knows_who_said_what_in_the_stage_before() -> None:
    stage = 'repeat 2..4 over m in ms { ask m "{{ q }}" } reduce ahead(2, same: alike)'
    assert not errors(f'return cascade {{ {stage} else ask cheap "x" when votes(last).classes.questions > 3 }}')
    assert not errors(f'return cascade {{ {stage} else ask cheap "x" when length(votes(last).panel) > 1 }}')
