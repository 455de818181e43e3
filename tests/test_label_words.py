"""Labels in the tree, in the plan, and in the keys of calls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowrun.dsl import FlowError, Source, format_file, parse_flow, plan
from flowrun.dsl import syntax as s
from flowrun.runtime.session.loading import check_source, plan_of

HERE = Path(__file__).parent
LABELLED = (HERE / "corpus" / "ok" / "labels.flow").read_text(encoding="utf-8")


def planned(text: str) -> plan.Plan:
    return plan_of(check_source(Source(text, str(HERE / "x.flow"))))


def without_labels(text: str) -> str:
    return text.replace("untrusted ", "").replace("trusted ", "")


def test_the_tree_has_the_labels() -> None:
    file = parse_flow(Source(LABELLED))
    refund, lookup, cleaned = file.externs
    assert [one.label.text if one.label else "" for one in refund.params] == ["trusted", ""]
    assert [one.label and one.label.text for one in (refund, lookup, cleaned)] == [None, "untrusted", "trusted"]
    verdict, read = file.flows
    assert [one.label and one.label.text for one in verdict.params] == ["trusted", "untrusted", "untrusted"]
    call = read.body.lines[0].node
    assert isinstance(call, s.Call) and call.label and call.label.text == "untrusted"
    assert format_file(file) == LABELLED


def test_the_plan_has_the_labels_and_gives_them_back() -> None:
    made = planned(LABELLED)
    assert made.externs["refund"].params[0].label == "trusted"
    assert [one.label for one in made.externs.values()] == ["trusted", "untrusted", ""]
    value = made.steps[0].node
    assert isinstance(value, plan.Value) and isinstance(value.expr, plan.CallOf) and value.expr.label == "untrusted"
    assert plan.from_json(plan.to_json(made)) == made
    assert json.loads(plan.to_json(made))["externs"]["lookup"]["label"] == "untrusted"


def test_a_plan_without_labels_has_no_word_of_them() -> None:
    assert '"label' not in plan.to_json(planned(without_labels(LABELLED)))


def test_labels_change_nothing_else_of_a_plan() -> None:
    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items() if key not in ("label", "labels", "fenced")}
        return [plain(one) for one in value] if isinstance(value, list) else value

    bare = json.loads(plan.to_json(planned(without_labels(LABELLED))))
    assert plain(json.loads(plan.to_json(planned(LABELLED)))) == bare


@pytest.mark.parametrize(
    "line",
    [
        'untrusted = file("a.md")',
        "x = untrusted",
        "x = [untrusted, trusted]",
        "x = { untrusted, trusted }",
        "x = { a: untrusted trusted }",
        "x = { a: untrusted b: trusted }",
        "x = untrusted + trusted",
        "x = untrusted when a else trusted",
        "x = untrusted  y = trusted",
        "x = untrusted\n  f(a)",
        "x = untrusted\n  trusted",
        "x = a.untrusted.trusted",
        "x = f(untrusted: trusted, trusted)",
        "x = untrusted(a)",
        "x = trusted.f(a)",
        'x = ask "a" -> untrusted\n  f(a)',
        'x = ask "a" -> untrusted  y = 1',
        'x = ask "a" -> { a: untrusted b: trusted }',
        'x = ask "a" -> { a: untrusted "described" b: trusted }',
        'x = ask "a" -> untrusted | trusted',
        'x = ask untrusted "a"',
        "map untrusted in trusted { untrusted } reduce collect",
        "x = repeat 3 { trusted } reduce untrusted",
        "x = a after untrusted, trusted",
    ],
)
def test_the_words_are_names_where_no_label_can_stand(line: str) -> None:
    file = parse_flow(Source(f"flow f(untrusted: text, trusted: trusted) {{\n  {line}\n  return untrusted\n}}\n"))
    assert "label=Word" not in repr(file)
    assert parse_flow(Source(format_file(file))) == file


@pytest.mark.parametrize(
    "line",
    [
        'x = untrusted file("a")',
        'x = { a: untrusted file("a") }',
        'x = f([untrusted file("a")], b: untrusted lines("a"))',
        'x = a ?? untrusted file("a")',
        'x = untrusted csv("a").name',
        'x = map y in untrusted files("a") { untrusted file(y) } reduce collect',
        'x = 1 when a else untrusted file("a")',
        'return untrusted file("a")',
    ],
)
def test_a_label_before_a_call_is_read(line: str) -> None:
    last = "" if line.startswith("return") else "\n  return x"
    file = parse_flow(Source(f"flow f(a: text) {{\n  {line}{last}\n}}\n"))
    assert "label=Word" in repr(file)
    assert parse_flow(Source(format_file(file))) == file


@pytest.mark.parametrize(
    "written",
    [
        "text",
        "[text]",
        "text?",
        "{ a: text  b: int }",
        "a | b",
        '"a b" | c',
        "1..5",
        "-1..5",
        "untrusted",
        "trusted",
        "lib.T",
        "\n  text",
        "document = file(a)",
    ],
)
@pytest.mark.parametrize("label", ["untrusted", "trusted"])
def test_a_label_stands_before_each_type(label: str, written: str) -> None:
    file = parse_flow(Source(f"flow f(x: {label} {written}, y: text) {{ return x }}\n"))
    (param, other) = file.flows[0].params
    assert (param.label and param.label.text, other.label) == (label, None)
    assert parse_flow(Source(format_file(file))) == file
    result = written.partition(" =")[0]
    (extern,) = parse_flow(Source(f'extern f() -> {label} {result} from "a:b"\ntype T = text\n')).externs
    assert extern.label is not None and extern.label.text == label


def test_two_labels_are_refused() -> None:
    with pytest.raises(FlowError):
        parse_flow(Source("flow f(x: untrusted trusted text) { return x }\n"))
