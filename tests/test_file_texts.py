"""Texts with a name: they take the place of their names, and nothing else can be told from the text in place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.dsl import FlowError, Source, check_flow, labels_of, plan, quoted
from flowrun.runtime.catalog import catalog
from flowrun.testing.parallel import run_files
from support.harness import planned, stage

Json = Any


def codes(text: str) -> list[str]:
    try:
        return [one.code for one in check_flow(Source(text), catalog()).warnings]
    except FlowError as error:
        return [one.code for one in error.diagnostics]


def prompt(made: plan.Plan, **inputs: Json) -> str:
    (request,) = stage(made, lambda *_: "A", inputs).provider.calls
    return "\n---\n".join(one.text for one in request.messages)


ASKS = "flow f(mail: text) {\n  a = ask PROMPT\n  return a\n}"


@pytest.mark.parametrize(
    ("template", "gives"),
    [
        ("{{ persona }} {{ mail }}", "You are\nkind. Hi"),
        ("{{persona}}{{ mail }}{{ persona }}", "You are\nkind.HiYou are\nkind."),
        ("{{ persona | upper }} {{ mail }}", "YOU ARE\nKIND. Hi"),
        ("{% if mail == persona %}same{% else %}{{ persona }}{% endif %} {{ mail }}", "You are\nkind. Hi"),
        ("{{ persona ~ mail }}", "You are\nkind.Hi"),
        ("  {%- if mail %} {{ persona }} {%- endif %}{{ mail }}", " You are\nkind.Hi"),
        ("{% set persona_ = persona %}{{ persona_ | length }}{{ mail }}", "13Hi"),
        ("{{ mail }}{% for c in [persona] %}{{ c }}{% endfor %}", "HiYou are\nkind."),
    ],
)
def test_a_template_writes_a_text_wherever_it_writes_values(template: str, gives: str) -> None:
    text = 'text persona = """\n  You are\n  kind.\n"""\n' + ASKS.replace("PROMPT", quoted(template))
    assert prompt(planned(text), mail="Hi") == gives


def test_a_text_never_makes_a_mention_with_the_signs_beside_it() -> None:
    for text, after in (("{", "{ mail }}"), ("a {", "% if mail %}"), ("{", "# no #}")):
        flow = f"text t = {quoted(text)}\n" + ASKS.replace("PROMPT", quoted(f"{{{{ t }}}}{after} {{{{ mail }}}}"))
        assert prompt(planned(flow), mail="Hi") == f"{text}{after} Hi"


TEXTS = st.text(st.sampled_from("a{}%#'\"\\\n\t é<x "), max_size=12).filter(
    lambda text: not any(sign in text for sign in ("{{", "{%", "{#"))
)


@given(TEXTS, TEXTS, TEXTS)
def test_the_prompt_is_that_of_the_text_in_place(before: str, text: str, after: str) -> None:
    flow = f"text t = {quoted(text)}\n" + ASKS.replace("PROMPT", quoted(f"{before}{{{{ t }}}}{after}{{{{ mail }}}}"))
    if codes(flow):
        return
    assert prompt(planned(flow), mail="Hi") == f"{before}{text}{after}Hi"


def test_the_plan_is_that_of_the_text_in_place() -> None:
    named = 'text who = "You are {{ what }}."\ntext what = "kind"\n' + ASKS.replace(
        "PROMPT", 'system "{{ who }}" user "{{ mail }}"'
    )
    placed = ASKS.replace("PROMPT", 'system "You are kind." user "{{ mail }}"')
    (one,), (other,) = planned(named).steps, planned(placed).steps
    assert one.node == other.node


def test_an_expression_has_the_text() -> None:
    flow = (
        'text t = "abc"\nflow f(mail: text) {\n  n = length(t)\n  u = t == mail\n  v = text "{{ t }}{{ mail }}"\n'
        '  w = { t, x: [t] }\n  m = ask "{{ mail }} {{ w.t }}" with max_tokens: length(t) * 10 when t != mail else t\n'
        "  return { n, u, v, w, m }\n}"
    )
    made = planned(flow)
    assert "t" not in {one for step in made.steps for one in step.needs}
    value = stage(made, lambda *_: "A", {"mail": "abd"}).outcome.value
    assert value == {"n": 3, "u": False, "v": "abcabd", "w": {"t": "abc", "x": ["abc"]}, "m": "A"}
    assert codes('text t = "abc"\nflow f() {\n  n = ask "x" with max_tokens: length(t) - 3\n  return n\n}') == ["F0307"]


def test_a_text_has_no_label_and_may_stand_in_a_system_part() -> None:
    flow = (
        'text t = "abc"\nflow f(mail: untrusted text) {\n  a = ask system "{{ t }}" user "{{ t }} {{ mail }}"\n'
        "  return a\n}"
    )
    made = planned(flow)
    assert not labels_of(made, catalog()).breaches
    (first, second) = made.steps[0].node.messages  # type: ignore[union-attr]
    assert (first.template, first.fenced) == ("abc", ())
    assert second.template == "abc {{ mail }}" and len(second.fenced) == 1


def test_texts_cannot_grow_without_an_end() -> None:
    double = "".join(f'text t{n} = "{{{{ t{n + 1} }}}}{{{{ t{n + 1} }}}}"\n' for n in range(40))
    assert codes(double + 'text t40 = "abcdefgh"\n' + ASKS.replace("PROMPT", '"{{ t0 }} {{ mail }}"')) == ["F0104"]
    wide = f"text t = {quoted('x' * 60_000)}\n" + ASKS.replace("PROMPT", quoted("{{ t }}" * 20 + "{{ mail }}"))
    assert codes(wide) == ["F0104"]


def test_a_test_may_mention_a_text() -> None:
    flow = (
        'text t = "abc"\n' + ASKS.replace("PROMPT", '"{{ t }} {{ mail }}"') + '\ntest "x" of f {\n  mail = t\n'
        '  reply a: t\n  expect a == t\n  expect asked a contains t\n  expect result != text "{{ t }}!"\n}\n'
    )
    assert codes(flow) == []


def test_a_test_of_another_file_sees_the_texts_of_that_file(tmp_path: Path) -> None:
    (tmp_path / "l.flow").write_text(
        'text u = "U"\nflow g(mail: text) {\n  a = ask "{{ u }} {{ mail }}"\n  return a\n}\n', encoding="utf-8"
    )
    test = (
        'import "l.flow" as l\ntext t = "abc"\nflow f(mail: text) {\n  b = l.g(text "{{ t }} {{ mail }} {{ l.u }}")\n'
        '  return b\n}\ntest "f" of f {\n  mail = t2\n  t2 = t\n  reply b: t\n  expect result == t\n'
        '  expect asked b contains text "{{ t }} abc {{ l.u }}"\n}\n'
        'test "g" of l.g {\n  mail = t\n  reply a: t\n  expect a == "abc"\n  expect u == "U"\n'
        "  expect asked a contains u\n}\n"
    )
    (tmp_path / "a.flow").write_text(test, encoding="utf-8")
    (result,) = run_files([str(tmp_path / "a.flow")])
    assert [(one.status, one.failures) for one in result.outcomes] == [("passed", ())] * 2
    helper = 'text t = "abc"\n' + ASKS.replace("PROMPT", '"{{ t }} {{ mail }}"')
    assert codes(helper + '\ntest "x" of f {\n  mail = t\n  reply a: "b"\n  t = "q"\n  expect a == t\n}') == ["F0422"]


def test_a_file_with_texts_alone_has_no_flow_to_run() -> None:
    assert codes('text t = "abc"\n') == ["F0405"]


def test_edited_texts_are_only_texts() -> None:
    made = planned('text t = "abc"\n' + ASKS.replace("PROMPT", '"{{ t | upper }} {{ mail }}"'))
    data = json.loads(plan.to_json(made))
    assert data["steps"][0]["node"]["messages"][0]["template"] == "{{ 'abc' | upper }} {{ mail }}"
