"""Double quotes inside of the braces of a template: one message, whatever stands between them, and a fix."""

from __future__ import annotations

import pytest

from flowrun.dsl import Diagnostic, FlowError, Source, check_flow
from flowrun.dsl.fixes import edited
from flowrun.runtime.catalog import catalog

INNER = [",", ", ", " ", "", ";", "-", "a", "1", " and ", "\\n", " | ", "=", "a b"]


def findings(text: str) -> tuple[Diagnostic, ...]:
    try:
        return check_flow(Source(text, "a.flow"), catalog()).warnings
    except FlowError as error:
        return error.diagnostics


def flow(prompt: str) -> str:
    return f'flow f(xs: [text], x: text) {{\n  a = ask {prompt}\n  b = ask "b"\n  return {{ a, b, xs, x }}\n}}\n'


@pytest.mark.parametrize("inner", INNER)
def test_a_quote_inside_of_braces_is_named_and_made_single(inner: str) -> None:
    text = flow(f'"Say {{{{ xs | join("{inner}") }}}} x" -> yes | no')
    (found,) = findings(text)
    assert (found.message, found.help) == ("this quote ends the text", "inside `{{ … }}` write `'…'`")
    assert text[: found.span.end].endswith('join("')
    assert found.span.end - found.span.start == 1
    if inner == "\\n":
        assert found.fix is None
        return
    assert found.fix is not None and not found.fix.safe
    fixed = edited(Source(text, "a.flow"), found.fix.edits).text
    assert f"join('{inner}')" in fixed
    assert not findings(fixed)


def test_two_arguments_and_a_condition_are_made_single_together() -> None:
    text = flow('"{% if x == "yes" %}a{% endif %} {{ x | replace("a", "b") }}"')
    (found,) = findings(text)
    assert found.help == "inside `{% … %}` write `'…'`"
    assert found.fix is not None
    fixed = edited(Source(text, "a.flow"), found.fix.edits).text
    assert "{% if x == 'yes' %}a{% endif %} {{ x | replace('a', 'b') }}" in fixed
    assert not findings(fixed)


@pytest.mark.parametrize("prompt", ['"{{ x }}" "b"', '"{{ x", 5', 'note("{{") ]', '"{{ x }}" with , 1'])
def test_other_mistakes_beside_braces_keep_their_messages(prompt: str) -> None:
    told = [one.message for one in findings(flow(prompt))]
    assert told and "this quote ends the text" not in told
