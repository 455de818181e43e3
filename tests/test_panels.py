"""Panels in texts and plans: their fixes, bounds and labels, and what editors and ejected programs have of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import FlowError, Source, check_flow, ide, make_plan, plan
from flowrun.dsl.bounds.bounds import Bounds, bounds_of
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.eject import program_of
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.session.loading import check_source
from flowrun.runtime.vocabulary.errors import PlanError
from support.ejected import module_of
from support.views import labels, viewed

Json = Any
HEAD = 'model small = "openai:gpt-4o-mini"\nmodel large = "openai:gpt-4o"\n'


def body(repeat: str, params: str = "mail: text", reduce: str = "majority", ask: str = 'ask m "{{ mail }}"') -> str:
    return f"{HEAD}flow f({params}) {{\n  x = {repeat} {{ {ask} -> yes | no }} reduce {reduce}\n  return x\n}}\n"


def checked(text: str) -> Any:
    return check_flow(Source(text, "main.flow"), catalog())


def planned(text: str) -> plan.Plan:
    return make_plan(checked(text))


def bounds(text: str, **inputs: Json) -> Bounds:
    return bounds_of(planned(text), catalog().reducers, inputs=inputs)


# Texts


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("repeat 3 over [small, large]", "repeat 3 over item in [small, large]"),
        ("repeat 3 over m of [small, large]", "repeat 3 over m in [small, large]"),
        ("repeat over m in [small, large] 3", "repeat 3 over m in [small, large]"),
        ("repeat over m in [small, large] 2..9", "repeat 2..9 over m in [small, large]"),
        ("repeat 3 over mails", "repeat 3 over item in mails"),
    ],
)
def test_the_fix_of_a_mistake_writes_a_panel(written: str, meant: str) -> None:
    text = body(written)
    with pytest.raises(FlowError) as raised:
        checked(text)
    (found,) = raised.value.diagnostics
    assert found.fix is not None
    for edit in sorted(found.fix.edits, key=lambda one: -one.span.start):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    assert text == body(meant)


def test_an_item_that_the_body_never_mentions_has_a_fix() -> None:
    text = body("repeat 3 over m in [small, large]", ask='ask small "{{ mail }}"')
    (found,) = [one for one in checked(text).warnings if one.code == "F0702"]
    assert found.fix is not None
    (edit,) = found.fix.edits
    assert text[: edit.span.start] + edit.text + text[edit.span.end :] == body("repeat 3", ask='ask small "{{ mail }}"')


# Plans


def test_a_plan_has_the_panel_and_a_plain_repeat_has_no_trace_of_one() -> None:
    made = planned(body("repeat 2..9 over m in [small, large]", reduce="ahead(2)"))
    node = made.steps[0].node
    assert isinstance(node, plan.Repeat)
    assert (node.element, node.over) == ("m", plan.Items((plan.Ref("small"), plan.Ref("large"))))
    assert plan.from_json(plan.to_json(made)) == made
    verify(made)
    plain = json.loads(plan.to_json(planned(body("repeat 3", ask='ask small "{{ mail }}"'))))
    assert not {"element", "over"} & plain["steps"][0]["node"].keys()


def _node(edit: Callable[[dict[str, Json]], object]) -> Callable[[dict[str, Json]], object]:
    return lambda data: edit(data["steps"][0]["node"])


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_node(lambda node: node.pop("over")), "`x` is a panel without a list"),
        (_node(lambda node: node.pop("element")), "`x` is a panel without a name for its items"),
        (_node(lambda node: node.update(element="mail")), "the item `mail` of `x` has a name that is taken around it"),
        (_node(lambda node: node.update(element="no name")), "`m`"),
        (_node(lambda node: node.update(over={"kind": "ref", "name": "ghost"})), "ghost"),
        (_node(lambda node: node.update(over={"kind": "literal", "value": []})), "this panel has no items"),
        (
            _node(lambda node: node.update(over={"kind": "ref", "name": "mail"})),
            "a panel needs a list",
        ),
    ],
)
def test_an_edited_panel_is_refused(edit: Callable[[dict[str, Json]], object], message: str) -> None:
    data = json.loads(plan.to_json(planned(body("repeat 3 over m in [small, large]"))))
    edit(data)
    with pytest.raises(PlanError, match=message):
        verify(plan.from_json(json.dumps(data)))


# Bounds


def of_each(items: str, samples: str = "4", reduce: str = "collect") -> str:
    ask = 'ask small "{{ w }}" -> text with max_tokens: 10, retries: 0'
    head = "flow f(people: [text]) {"
    return f"{HEAD}{head}\n  x = repeat {samples} over w in {items} {{ {ask} }} reduce {reduce}\n  return x\n}}\n"


def single(word: str) -> Bounds:
    return bounds(f'flow f() {{ return ask "{word}" with max_tokens: 10, retries: 0 }}')


def test_each_sample_has_the_bounds_of_its_own_item() -> None:
    long, short = "word " * 50, "a"
    of_long, of_short = single(long).tokens_in, single(short).tokens_in
    for samples, longs, shorts in (("1", 1, 0), ("2", 1, 1), ("5", 3, 2)):
        found = bounds(of_each(json.dumps([long, short]), samples)).tokens_in
        assert found.most == longs * of_long.most + shorts * of_short.most  # type: ignore[operator]
        # The samples of one item may share a request, which pays for the prompt once.
        assert found.least == of_long.least + (of_short.least if shorts else 0)


def test_a_list_that_a_caller_gives_is_known_to_the_plan_and_an_unknown_one_is_not() -> None:
    known = bounds(of_each("people"), people=["one", "two"])
    assert known.tokens_in == bounds(of_each('["one", "two"]')).tokens_in
    assert bounds(of_each("people")).tokens_in.most is None
    assert (known.calls.least, known.calls.most) == (4, 4)
    none = bounds(of_each("people"), people=[])
    assert (none.calls.least, none.calls.most) == (0, 0)


def test_the_most_of_an_adaptive_panel_is_that_of_all_samples() -> None:
    text = of_each('["a", "a much longer text than the first one"]', "2..5", "ahead(2)").replace("-> text", "-> a | b")
    found, item = (
        bounds(text),
        bounds(of_each('["a", "a much longer text than the first one"]', "5").replace("-> text", "-> a | b")),
    )
    assert (found.calls.least, found.calls.most) == (2, 5)
    assert found.tokens_in.most == item.tokens_in.most
    (row,) = found.inside
    assert row.what == "repeat 2 to 5 over w, reduce ahead"
    assert row.expected is not None
    assert 2 < row.expected.samples < 5


def test_the_waves_of_a_search_over_a_panel_are_those_of_a_plain_search() -> None:
    ask, rule = 'ask small "{{ w }}" -> int with retries: 0', "first(if: result > 3)"
    for launch in ("cost", "latency", "together"):
        head = f"{HEAD}flow f() {{ return repeat 1..6"
        tail = f"{{ {ask} }} reduce {rule} with launch: {launch} }}"
        panel, plain = bounds(f'{head} over w in ["a"] {tail}'), bounds(f"{head} {tail.replace('{{ w }}', 'a')}")
        assert (panel.calls, panel.rounds) == (plain.calls, plain.rounds)


# Labels


def test_an_untrusted_item_writes_several_ballots_and_the_tally_has_its_name() -> None:
    params = "mail: text, people: untrusted [text]"
    found = checked(body("repeat 4 over m in people", params, "majority(ties: first)", 'ask "{{ m }} {{ mail }}"'))
    assert "F0740" in [one.code for one in found.warnings]
    found = checked(body("repeat 4 over m in [small, large]", "mail: text", "majority(ties: first)"))
    assert not found.warnings
    text = (
        'extern pay(name: trusted text) -> text from "shop:pay"\nflow f(people: untrusted [text]) {\n'
        '  x = repeat 3 over m in people { ask "{{ m }}" -> yes | no } reduce majority\n'
        "  told = map one in votes(x).panel { pay(name: one.item) } reduce collect\n  return told\n}\n"
    )
    with pytest.raises(FlowError) as raised:
        checked(text)
    assert "F0502" in [one.code for one in raised.value.diagnostics]


# Editors


@pytest.mark.parametrize(
    ("line", "there", "missing"),
    [
        ("y = repeat 3 ‸", "over", ""),
        ("y = repeat 2..9 ‸", "over", ""),
        ("y = repeat 3 over m ‸", "in", "with"),
        ("y = repeat 3 over m in ‸", "people mail", "m"),
        ('y = repeat 3 over w in people { ask "{{ ‸ }}" } reduce collect', "w mail", "y"),
        ('y = repeat 3 over m in [small, large] { ask ‸ "x" } reduce collect', "m small", ""),
    ],
)
def test_an_editor_proposes_the_words_of_a_panel(line: str, there: str, missing: str) -> None:
    view, at = viewed(f"{HEAD}flow f(mail: text, people: [text]) {{\n  {line}\n  return mail\n}}\n")
    found = labels(view, at)
    assert set(there.split()) <= set(found)
    assert not set(missing.split()) & set(found)


def test_an_editor_tells_the_item_of_a_panel() -> None:
    text = body("repeat 3 over ‸m in [small, large]")
    view, at = viewed(text)
    told = ide.hover(view, at)
    assert told is not None
    assert "m: model" in told.text
    view, at = viewed(body("repeat 3 over m in [small, large]", ask='ask ‸m "{{ mail }}"'))
    places = ide.definition(view, at)
    assert places


# Programs


def test_an_ejected_program_gives_its_samples_the_items_in_turn(tmp_path: Path) -> None:
    text = (
        "flow f(people: [text]) {\n"
        '  x = repeat 5 over who in people { ask "{{ who }}" -> yes | no with temperature: 1 } reduce collect\n'
        "  return x\n}\n"
    )
    found = check_source(Source(text, str(tmp_path / "a.flow")))
    module = module_of(program_of(make_plan(found), found, "openai:m", tmp_path), "panel_program")
    asked: list[str] = []

    def post(model: Any, sent: Json, options: Any) -> str:
        asked.append(sent["messages"][-1]["content"])
        return '{"answer": "yes"}'

    module.__dict__["post"] = post
    assert asyncio.run(module.__dict__["f"](people=["p", "q"])) == ["yes"] * 5
    assert sorted(asked) == ["p", "p", "p", "q", "q"]
    with pytest.raises(module.__dict__["Failure"], match="the panel has no items"):
        asyncio.run(module.__dict__["f"](people=[]))


def test_a_program_cannot_tell_who_said_what() -> None:
    ask = 'ask "{{ m }} {{ mail }}"'
    text = body('repeat 3 over m in ["a", "b"]', ask=ask).replace("return x", "return { x, said: votes(x).panel }")
    found = checked(text)
    with pytest.raises(FlowError) as raised:
        program_of(make_plan(found), found, "openai:m", Path())
    assert [one.code for one in raised.value.diagnostics] == ["F0778"]


def test_an_edit_of_the_list_alone_keeps_the_rest_of_a_plan() -> None:
    made = planned(body("repeat 3 over m in [small, large]"))
    node = made.steps[0].node
    assert isinstance(node, plan.Repeat)
    other = replace(made, steps=(replace(made.steps[0], node=replace(node, over=plan.Items((plan.Ref("large"),)))),))
    verify(other)
