"""The parts of an evaluation: equality by type, the plan that runs the rows, the advice about votes, the prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import FlowError, plan, types
from flowrun.runtime.cli.eval_prompts import with_prompt
from flowrun.runtime.eval.equality import same
from flowrun.runtime.eval.one_row import one_row
from flowrun.runtime.eval.other_model import with_model
from flowrun.runtime.eval.row_plan import row_plan, row_type, rows_run
from flowrun.runtime.eval.target import ExpectedAnswer, Target, maker_of, target_of
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.session.loading import load, plan_of
from flowrun.runtime.vocabulary.errors import UsageError
from support.answering import answering
from support.command_line import PYTHON
from support.terminals import Terminal

SPAM = types.Choice(("SPAM", "not spam"))
PAIR = types.Record((types.Field("kind", SPAM), types.Field("score", types.NUMBER), types.Field("note", types.TEXT)))
EQUAL = [
    (SPAM, "SPAM", " spam. "),
    (SPAM, "not spam", "Not  Spam"),
    (types.NUMBER, 0.1 + 0.2, 0.3),
    (types.NUMBER, 2, 2.0),
    (types.optional(types.INT), None, None),
    (types.JSON, {"a": [1, 2.0]}, {"a": [1.0, 2]}),
    (types.ListOf(SPAM), ["SPAM", "not spam"], ["spam", "NOT SPAM"]),
    (PAIR, {"kind": "SPAM", "score": 1, "note": "x"}, {"kind": "spam", "score": 1.0, "note": "x"}),
]
DIFFERENT = [
    (SPAM, "SPAM", "not spam"),
    (types.TEXT, "Paris", "paris"),
    (types.TEXT, "1", "1.0"),
    (types.NUMBER, 1, 1.0001),
    (types.BOOL, True, False),
    (types.JSON, True, 1),
    (types.JSON, "1", 1),
    (types.JSON, {"a": 1}, {"a": 1, "b": None}),
    (types.optional(types.INT), None, 0),
    (types.ListOf(SPAM), ["SPAM", "not spam"], ["not spam", "SPAM"]),
    (types.ListOf(SPAM), ["SPAM"], ["SPAM", "SPAM"]),
    (PAIR, {"kind": "SPAM", "score": 1, "note": "x"}, {"kind": "SPAM", "score": 1, "note": "X"}),
]


@pytest.mark.parametrize(("type_", "want", "got"), EQUAL)
def test_answers_are_equal_by_their_type(type_: types.Type, want: Any, got: Any) -> None:
    assert same(want, got, type_) and same(got, want, type_)


@pytest.mark.parametrize(("type_", "want", "got"), DIFFERENT)
def test_other_answers_are_different(type_: types.Type, want: Any, got: Any) -> None:
    assert not same(want, got, type_) and not same(got, want, type_)


TRIAGE = """\
type Team = billing | technical
model rows = "openai:f"
flow summary(note: text) {
  short = ask "Sum up {{ note }}"
  return short
}
flow answers(row: text, tone: text = "kind", limit: number?, which: model = rows) {
  quick = repeat 3 { ask which "Team? {{ row }} {{ tone }}" -> Team } reduce majority
  sum = summary(note: row)
  judged = ask "Judge {{ sum }}" -> { team: Team, sure: 0..1 }
  last = ask "really {{ row }} {{ limit | default(3) }}" -> Team when agreement(quick) < 0.8
  return { team: quick, judged, sum: sum }
}
"""


@pytest.fixture
def triage(tmp_path: Path) -> plan.Plan:
    (tmp_path / "triage.flow").write_text(TRIAGE, encoding="utf-8")
    return plan_of(load(tmp_path / "triage.flow"))


@pytest.mark.parametrize(
    ("path", "step", "type_"),
    [
        ("team", "quick", "billing | technical"),
        ("quick", "quick", "billing | technical"),
        ("judged.team", "judged", "billing | technical"),
        ("last", "last", "billing | technical?"),
        ("sum", "sum", "text"),
    ],
)
def test_the_compared_value_is_a_step_or_a_field(triage: plan.Plan, path: str, step: str, type_: str) -> None:
    found = target_of(triage, "want", path)
    assert (found.source, types.show(found.type)) == (step, type_)


def test_a_field_with_the_name_of_the_column_is_compared(triage: plan.Plan) -> None:
    assert target_of(triage, "team").source == "quick"
    assert isinstance(target_of(triage, "want").type, types.Record)


@pytest.mark.parametrize("path", ["", "quick", "judged.team", "last"])
@pytest.mark.parametrize("given", [(), ("tone",), ("which", "limit")])
def test_the_plan_of_the_rows_is_sound_even_if_its_names_are_taken(
    triage: plan.Plan, path: str, given: tuple[str, ...]
) -> None:
    target = target_of(triage, "want", path)
    row = row_type(triage, ["row", "want", "limit", "more"], given, [ExpectedAnswer("want", target)])
    made = row_plan(triage, row, [ExpectedAnswer("want", target)], given)
    verify(made)
    assert plan.from_json(plan.to_json(made)) == made
    found = rows_run(made)
    assert found is not None and found.wanted == (ExpectedAnswer("want", target),) and Target.of(found.flow) == target
    assert [param.name for param in made.params[1:]] == [one for one in ("tone", "limit", "which") if one in given]


@pytest.mark.parametrize("column", ["the expected answer", "label!", "Étiquette", "rows", "None", "a.b", '"'])
def test_a_column_may_have_any_name(triage: plan.Plan, column: str) -> None:
    answers = [ExpectedAnswer(column, target_of(triage, column, "quick"))]
    made = row_plan(triage, row_type(triage, ["row", column], (), answers), answers, ())
    verify(plan.from_json(plan.to_json(made)))
    assert types.show(made.params[0].type)


def test_an_edited_plan_whose_steps_go_in_a_circle_has_no_maker() -> None:
    a, b = (plan.Step(name, (), plan.Value(plan.Ref(other)), types.TEXT) for name, other in ("ab", "ba"))
    assert maker_of(plan.Ref("a"), plan.Flow((), (a, b), plan.Ref("a"), types.TEXT), {}) is None
    call = plan.Step("a", (), plan.FlowCall("f", {}), types.TEXT)
    flow = plan.Flow((), (call,), plan.Ref("a"), types.TEXT)
    assert maker_of(flow.result, flow, {"f": flow}) is None


def test_other_plans_are_no_evaluations(triage: plan.Plan) -> None:
    assert rows_run(triage) is None


def test_a_parameter_that_is_a_model_takes_no_column(triage: plan.Plan) -> None:
    needed = plan.Param("which", types.MODEL, None, True)
    other = plan.Plan("f", "", (needed,), (), triage.steps, triage.result, triage.type)
    with pytest.raises(UsageError, match="add --param-which MODEL"):
        row_type(other, ["which", "want"], (), [ExpectedAnswer("want", target_of(other, "want"))])


def test_a_flow_that_takes_all_rows_leads_to_the_flow_of_one_row(tmp_path: Path) -> None:
    (tmp_path / "label.flow").write_text(LABEL, encoding="utf-8")
    made = plan_of(load(tmp_path / "label.flow"))
    with pytest.raises(UsageError, match=r"`mails` of the flow `labels` is a list.* by --flow NAME"):
        row_type(made, ["mail", "want"], (), [ExpectedAnswer("want", target_of(made, "want"))])


TABLE = """\
type Mail = { id: int  mail: text  want: SPAM | NOT }
flow labels(mails: [Mail], tone: text = "kind") budget 9 calls {
  seen = map mail in mails where mail.mail != "" {
    kind = repeat 3 { ask "{{ tone }}: spam? {{ mail.mail }}" -> SPAM | NOT } reduce majority
    { id: mail.id, kind, want: mail.want }
  } reduce collect
  right = map row in seen where row.kind == row.want { row.id } reduce collect
  return length(right) / length(seen)
}
"""


@pytest.mark.parametrize(
    ("path", "left", "step"),
    [("seen.kind", "kind", "kind"), ("kind", "kind", "kind"), ("seen", "", ""), ("", "", "")],
)
def test_of_a_flow_that_takes_all_rows_the_body_of_its_map_is_evaluated(
    tmp_path: Path, path: str, left: str, step: str
) -> None:
    (tmp_path / "labels.flow").write_text(TABLE, encoding="utf-8")
    found = one_row(plan_of(load(tmp_path / "labels.flow")), ("id", "mail", "want"), (), path)
    assert found is not None and (found.element, found.path) == ("mail", left)
    target = target_of(found.plan, "want", found.path, by_name=False)
    answers = [ExpectedAnswer("want", target)]
    assert target.source == step and found.plan.calls_limit is None
    if not step:
        with pytest.raises(UsageError, match=r"name the value to compare, as --answer want=id, want=kind"):
            row_type(found.plan, ("id", "mail", "want"), (), answers, found.element)
        return
    row = row_type(found.plan, ("id", "mail", "want"), (), answers, found.element)
    assert [field.name for field in row.fields] == ["id", "mail", "want"]
    verify(row_plan(found.plan, row, answers, (), found.element))


NOT_TAKEN_APART = {
    "a step outside": TABLE.replace("  seen =", '  hint = ask "a hint"\n  seen =').replace(
        "{{ tone }}:", "{{ hint }}:"
    ),
    "two lists": TABLE.replace("mails: [Mail],", "mails: [Mail], others: [Mail],").replace(
        "return length(right)", "return length(others) + length(right)"
    ),
}


@pytest.mark.parametrize("text", NOT_TAKEN_APART.values(), ids=NOT_TAKEN_APART)
def test_other_flows_of_lists_are_not_taken_apart(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels.flow").write_text(text, encoding="utf-8")
    assert one_row(plan_of(load(tmp_path / "labels.flow")), ("id", "mail", "want"), (), "seen.kind") is None


def test_a_declared_model_is_replaced_by_its_name(triage: plan.Plan) -> None:
    changed, asked = with_model(triage, "rows=openai:g")
    assert changed.models[0].address == "openai:g" and asked is None
    assert with_model(triage, "openai:x") == (triage, "openai:x")


LABEL = """\
flow label(mail: text) {
  kind = repeat 3 { ask "Spam? {{ mail }}" -> SPAM | NOT } reduce majority
  return kind
}
flow labels(mails: [text]) {
  kinds = map mail in mails { label(mail: mail) } reduce collect
  return kinds
}
"""


@pytest.mark.parametrize(
    ("prompt", "column", "word"),
    [
        ("Tell {{ mial }}", 9, "mial"),
        ('"quoted" \\ back\ttab {{ mial }}', 24, "mial"),
    ],
)
def test_a_wrong_prompt_is_told_at_its_place_in_its_own_file(
    tmp_path: Path, prompt: str, column: int, word: str
) -> None:
    (tmp_path / "label.flow").write_text(LABEL.partition("flow labels")[0], encoding="utf-8")
    (tmp_path / "p.txt").write_text(f"\n{prompt}\n", encoding="utf-8")
    checked = load(tmp_path / "label.flow")
    with pytest.raises(FlowError) as error:
        with_prompt(checked, "label", f"kind={tmp_path / 'p.txt'}")
    span = error.value.diagnostics[0].span
    assert span.source.name == str(tmp_path / "p.txt")
    assert (span.line, span.column, span.text) == (2, column, word)


def test_an_empty_prompt_is_refused(triage: plan.Plan, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text(" \n", encoding="utf-8")
    with pytest.raises(UsageError, match="has no prompt: it is empty"):
        with_prompt(load(tmp_path / "triage.flow"), "answers", f"last={tmp_path / 'p.txt'}")


def test_a_flow_of_several_asks_needs_the_name_of_one(triage: plan.Plan, tmp_path: Path) -> None:
    checked = load(tmp_path / "triage.flow")
    (tmp_path / "p.txt").write_text("Team? {{ row }}", encoding="utf-8")
    with pytest.raises(
        UsageError, match=r"has 3 asks: name the step of one as STEP=FILE \(`judged`, `last`, `quick`\)"
    ):
        with_prompt(checked, "answers", str(tmp_path / "p.txt"))
    assert with_prompt(checked, "answers", f"last={tmp_path / 'p.txt'}")


def test_a_terminal_is_asked_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "label.flow").write_text(LABEL, encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text('{"mail": "win", "want": "SPAM"}\n', encoding="utf-8")
    start = [*PYTHON, "-c", "from flowrun.runtime.cli import main; main()"]
    given = ["eval", "label.flow", "--flow", "label", "--rows", "rows.jsonl", "--answer", "want"]
    with answering(lambda prompt, model, number: "SPAM") as server:
        environ = {"OPENAI_BASE_URL": server.url, "FLOWRUN_MODEL": "openai:m"}
        for reply, code, sent in (("n\n", 0, 0), ("y\n", 0, 2)):
            with Terminal([*start, *given], 100, 40, environ, tmp_path, whole=True) as terminal:
                terminal.until(lambda screen: "Run this? [y/N]" in screen)
                assert not server.prompts
                terminal.type(reply)
                assert terminal.end() == code
            assert len(server.prompts) == sent
