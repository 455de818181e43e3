"""Findings about votes that compare their answers: the fix that is offered, and the names in their help."""

from __future__ import annotations

import pytest

from flowrun.dsl import Diagnostic, FlowError, Source, check_flow
from flowrun.dsl.fixes import edited
from flowrun.runtime.catalog import catalog


def found(text: str, code: str) -> list[Diagnostic]:
    try:
        every = check_flow(Source(text), catalog()).warnings
    except FlowError as error:
        every = error.diagnostics
    return [one for one in every if one.code == code]


def vote(reduce: str, node: str = 'repeat 3 { ask m "?" }', head: str = "") -> str:
    return f'model m = "openai:x"\n{head}flow f(q: text) {{\n  v = {node} reduce {reduce}\n  return {{ v, q }}\n}}\n'


JUDGE = 'same: ask m "Do these say the same? {{ a }} {{ b }}" -> yes | no'


@pytest.mark.parametrize(
    ("reduce", "mended"),
    [
        ("majority", f"majority({JUDGE})"),
        ("majority(ties: error)", f"majority(ties: error, {JUDGE})"),
        ("quorum(2)", f"quorum(2, {JUDGE})"),
        ("unanimous", f"unanimous({JUDGE})"),
        ("majority with launch: latency", f"majority({JUDGE}) with launch: latency"),
    ],
)
def test_a_vote_on_free_text_is_offered_a_judge_and_then_has_no_findings(reduce: str, mended: str) -> None:
    text = vote(reduce)
    (one,) = found(text, "F0704")
    assert one.fix is not None
    # The questions cost money.
    assert not one.fix.safe
    better = edited(Source(text), one.fix.edits).text
    assert better == vote(mended)
    assert check_flow(Source(better), catalog()).warnings == ()


def test_the_judge_of_an_adaptive_vote_without_a_model_has_none_either() -> None:
    text = vote("ahead(2)", 'repeat 2..9 { ask "?" }')
    (one,) = found(text, "F0704")
    assert one.fix is not None
    better = edited(Source(text), one.fix.edits).text
    assert 'ahead(2, same: ask "Do these' in better
    assert found(better, "F0704") == []


def test_a_fanout_of_texts_is_offered_one_judge() -> None:
    text = vote("majority", 'fanout { x = ask m "1" y = ask m "2" z = ask m "3" }')
    fixes = [one.fix for one in found(text, "F0704")]
    assert [fix is not None for fix in fixes] == [True, False, False]
    assert fixes[0] is not None
    assert check_flow(edited(Source(text), fixes[0].edits), catalog()).warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        vote("majority(stands: 1)"),
        vote("majority(risk: 0.1)", 'repeat 3..9 { ask m "?" }'),
        vote('majority(ties: ask m "{{ results }}")'),
        vote("majority", 'repeat 3 over one in [m, m] { ask one "?" }'),
        vote("majority", 'repeat 3 { text "{{ q }}" }'),
        vote("majority", 'fanout { a = ask m "1" y = ask m "2" z = ask m "3" }'),
        vote("majority").replace("q", "a"),
        vote("majority()"),
    ],
)
def test_where_the_fix_would_not_hold_there_is_none(text: str) -> None:
    assert found(text, "F0704")
    assert all(one.fix is None for one in found(text, "F0704"))


@pytest.mark.parametrize(
    ("reduce", "said"),
    [
        ('majority(same: ask m "{{ q }} {{ a }} {{ b }}" -> yes | no)', "a judge reads the two answers as `a` and `b`"),
        ('best(judge: ask m "{{ q }} {{ results }}")', "a judge reads the candidates as `results`"),
        ('majority(ties: ask m "{{ q }} {{ results }}")', "a judge reads the candidates as `results`"),
    ],
)
def test_untrusted_text_in_a_question_is_told_with_the_names_of_the_answers(reduce: str, said: str) -> None:
    (one,) = found(vote(reduce).replace("q: text", "q: untrusted text"), "F0505")
    assert one.help == f"{said}: delete the mention"


@pytest.mark.parametrize("outside", ['a = ask m "1"\n  ', 'b = text "1"\n  '])
def test_a_name_of_a_question_that_is_taken_says_the_way_out(outside: str) -> None:
    text = vote('majority(same: ask m "{{ a }} {{ b }}" -> yes | no)').replace("v = ", f"{outside}v = ")
    (one,) = found(text, "F0202")
    assert one.note == "a question of `same` calls the two answers `a` and `b`"
    assert one.help == f"give the other `{outside[0]}` a longer name"
    # Every other rule of the file is kept, so this is the only error.
    with pytest.raises(FlowError) as failed:
        check_flow(Source(text), catalog())
    assert [error.code for error in failed.value.diagnostics] == ["F0202"]


@pytest.mark.parametrize(
    ("reduce", "told"),
    [
        ("majority", "`reduce majority(same: ask"),
        ("ahead(2, undecided: first)", "`reduce ahead(2, undecided: first, same: ask"),
        ("ahead(\n    2,\n  )", "`reduce ahead(…, same: ask"),
        ("majority(stands: 1)", "`reduce majority(same: ask"),
    ],
)
def test_the_help_keeps_the_arguments_of_the_vote(reduce: str, told: str) -> None:
    samples = "3..9" if "ahead" in reduce else "5"
    (one,) = found(vote(reduce, f'repeat {samples} {{ ask m "?" }}'), "F0704")
    assert told in one.help
