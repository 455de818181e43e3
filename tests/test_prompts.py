"""Templates made into prompts: data stays data, and nothing runs away."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import template_names
from flowrun.runtime.values import prompts
from flowrun.runtime.values.prompt_text import MOST_CHARACTERS, PromptError
from flowrun.runtime.values.prompts import render
from support.cpu import cpu_within

Json = Any


def filled(template: str, **values: Json) -> str:
    return render(template, values.__getitem__)


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("{{ x }}", {"x": "as it is"}, "as it is"),
        ("{{ x }}", {"x": "{{ y }}{% for %}{#"}, "{{ y }}{% for %}{#"),
        ("{{ x }}", {"x": "<b> & 'q'"}, "<b> & 'q'"),
        ("{{ x }} {{ y }}\n", {"x": None, "y": True}, "null true\n"),
        ("{{ x }}", {"x": {"name": "é", "n": [1, 2.5, None]}}, '{"name": "é", "n": [1, 2.5, null]}'),
        ("{{ x.items }} {{ x.keys }} {{ x.get }}", {"x": {"items": 1, "keys": 2, "get": 3}}, "1 2 3"),
        ("{{ x | default('d') }}", {"x": None}, "d"),
        ("{{ x.a | default('d') }}", {"x": {}}, "d"),
        ("{{ x.a.b | default('d') }}", {"x": {}}, "d"),
        ("{{ x | default('d') }}", {"x": ""}, ""),
        ("{{ x | default('d') }}", {"x": 0}, "0"),
        ("{% if x is none %}no{% else %}{{ x }}{% endif %}", {"x": None}, "no"),
        ("{% if x.a is defined %}{{ x.a }}{% else %}no{% endif %}", {"x": {}}, "no"),
        ("{% for y in x %}{{ loop.index }}/{{ loop.length }} {{ y }}{% if not loop.last %}, {% endif %}{% endfor %}",
         {"x": ["a", {"b": 1}]}, '1/2 a, 2/2 {"b": 1}'),
        ("{% for y in x if y > 1 %}{{ y }}{% else %}none{% endfor %}", {"x": [1, 2, 3]}, "23"),
        ("{% for y in x %}{{ y }}{% else %}none{% endfor %}", {"x": []}, "none"),
        ("{% for y in x %}{% for z in y %}{{ z }}{{ loop.index0 }} {% endfor %}{% endfor %}", {"x": [[1], [2, 3]]},
         "10 20 31 "),
        ("{{ x | join(', ') }}", {"x": ["a", None, {"b": True}]}, 'a, null, {"b": true}'),
        ("{{ x ~ '-' ~ y ~ (z ~ z | upper) }}", {"x": {"k": 1}, "y": None, "z": "a"}, '{"k": 1}-nullaA'),
        ("{{ x + x }}", {"x": "ab"}, "abab"),
        ("{{ x | indent(2) }}", {"x": "a\n\nb"}, "a\n\n  b"),
        ("{{ x | json }}", {"x": "a\"b"}, '"a\\"b"'),
        ("{% set y = x | upper %}{{ y }}", {"x": "a"}, "A"),
        ("{{ x | truncate(5) }}{{ x | length }}", {"x": "abcdefghijklmnop"}, "ab...16"),
    ],
)  # fmt: skip
def test_templates(template: str, values: dict[str, Json], text: str) -> None:
    assert filled(template, **values) == text


@pytest.mark.parametrize(
    ("template", "values", "message"),
    [
        ("{{ x.upper }}", {"x": "abc"}, "this value has no field `upper`"),
        ("{{ x.append }}", {"x": []}, "this value has no field `append`"),
        ("{{ x.items }}", {"x": {}}, "this value has no field `items`"),
        ("{{ x.__class__ }}", {"x": {}}, "this value has no field `__class__`"),
        ("{{ x.a }}", {"x": None}, "this value has no field `a`"),
        ("{{ x.a.b }}", {"x": {}}, "this value has no field `a`"),
        ("{% for y in x %}{{ loop.nextitem }}{% endfor %}", {"x": [1]}, "this value has no field `nextitem`"),
        ("{% for y in x %}{{ loop.__init__ }}{% endfor %}", {"x": [1]}, "this value has no field `__init__`"),
        ("{{ x | sort(attribute='__class__') }}", {"x": [{"a": 1}, {"a": 2}]}, "this value has no field `__class__`"),
        ("{{ x | sum(attribute='real') }}", {"x": [1, 2]}, "this value has no field `real`"),
        ("{% for y in x %}{% endfor %}", {"x": None}, "a list, and this is null"),
        ("{{ x | truncate(-5) }}", {"x": "a long enough text"}, "cannot be filled in"),
        ("{{ x | sort }}", {"x": [1, "a"]}, "cannot be filled in"),
        ("{{ x + 1 }}", {"x": "a"}, "cannot be filled in"),
        ("{{ x - y }}", {"x": 10**400, "y": 0.5}, "cannot be filled in"),
    ],
)
def test_what_cannot_be_placed_is_an_error(template: str, values: dict[str, Json], message: str) -> None:
    with pytest.raises(PromptError) as caught:
        filled(template, **values)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "template",
    [
        "{{ x() }}",
        "{{ x.format(y) }}",
        "{{ x['a'] }}",
        "{{ x[0] }}",
        "{{ x * 9 }}",
        "{{ x ** 9 }}",
        "{{ x | attr('a') }}",
        "{{ x | map('upper') }}",
        "{{ x | format(1) }}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% macro m() %}{% endmacro %}",
        "{{ range(9) }}",
        "{{ x is callable }}",
        "{% for x in y recursive %}{% endfor %}",
    ],
)
def test_what_leaves_the_subset_is_refused_before_it_runs(template: str) -> None:
    with pytest.raises((ValueError, PromptError)):
        filled(template, x="a", y=[])
    assert "x" in template_names("{{ x }}")


DOUBLED = "{% set a = x OP x %}" + "{% set a = a OP a %}" * 60


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("template", "values"),
    [
        ("{{ x }}{{ x }}", {"x": "a" * (MOST_CHARACTERS // 2 + 1)}),
        ("{% for y in x %}{% for z in x %}{{ z }}{% endfor %}{% endfor %}", {"x": ["word" * 10] * 3000}),
        (DOUBLED.replace("OP", "~"), {"x": "ab"}),
        (DOUBLED.replace("OP", "+"), {"x": "ab"}),
        (DOUBLED.replace("OP", "+"), {"x": [1, 2]}),
        ("{{ x | join(y) }}", {"x": ["a"] * 5000, "y": "b" * 5000}),
        ("{% set a = x | join %}{% set b = a | indent(80) %}{% set c = b | indent(80) %}", {"x": ["\n"] * 300_000}),
    ],
)
def test_a_prompt_is_bounded(template: str, values: dict[str, Json]) -> None:
    with cpu_within(10), pytest.raises(PromptError, match="16,777,216 characters: split its values"):
        filled(template, **values)


def test_loops_without_output_end_too() -> None:
    with cpu_within(10), pytest.raises(PromptError, match="more than 5,000,000"):
        filled("{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}", x=[0] * 1000)


def test_a_long_loop_is_fine() -> None:
    assert len(filled("{% for y in x %}-{{ y }}\n{% endfor %}", x=["a"] * 100_000)) == 300_000


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "items", "b c"]), inner, max_size=3)
    ),
    max_leaves=8,
)
FILTERS = [
    "capitalize", "default", "default('x')", "first", "indent", "indent(2, true)", "join", "join(',')", "json", "last",
    "length", "lower", "round", "round(2)", "sort", "sort(true)", "sum", "title", "trim", "truncate(3)", "unique",
    "upper",
]  # fmt: skip


@given(VALUES, st.lists(st.sampled_from(FILTERS), max_size=3))
@settings(max_examples=400)
def test_any_value_through_any_filters_is_text_or_an_error(value: Json, filters: list[str]) -> None:
    template = "{{ " + " | ".join(["x", *filters]) + " }}"
    try:
        text = filled(template, x=value)
    except PromptError as error:
        assert str(error)
    else:
        assert isinstance(text, str)
        if not filters:
            assert text == (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


@given(st.text(), st.text())
def test_values_are_never_templates(before: str, value: str) -> None:
    if "{" not in before:
        plain = before.replace("\r\n", "\n").replace("\r", "\n")
        assert filled(before + "{{ x }}", x=value) == plain + value


def test_a_template_is_compiled_once() -> None:
    prompts.compiled.cache_clear()
    for n in range(5):
        assert filled("once {{ x + 0 }}", x=n) == f"once {n}"
    assert prompts.compiled.cache_info().misses == 1
