"""How templates are read: with jinja2 and, where they only place values, without it; and how large they may be."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from flowrun.dsl import Diagnostic, Source, Template, read_template, template_names
from flowrun.dsl import types as t
from flowrun.dsl.syntax import String
from flowrun.dsl.templates.plain import MOST_PARTS, Mention, Node, read_plain
from flowrun.dsl.templates.subset import free_names, read_any
from flowrun.dsl.templates.types import check_template
from flowrun.runtime.values.prompts import compiled

NOTE = t.Record((t.Field("by", t.TEXT), t.Field("page", t.Optional(t.INT)), t.Field("if", t.BOOL)), "Note")
KNOWN: dict[str, t.Type] = {
    "x": t.TEXT,
    "xs": t.ListOf(t.TEXT),
    "n": t.INT,
    "flag": t.BOOL,
    "note": NOTE,
    "maybe": t.Optional(t.TEXT),
    "perhaps": t.Optional(NOTE),
    "any": t.JSON,
    "fast": t.MODEL,
    "or_else": t.NONE,
}
Found = tuple[tuple[Mention, ...], list[Diagnostic]]


def text_of(template: str) -> String:
    source = Source(template)
    return String(template, source.span(0, len(source.text)), ((0, 0),))


def checked(read: Template | list[Diagnostic], guarded: str = "") -> Found:
    """What a template mentions, and all that is wrong with it."""
    if not isinstance(read, Template):
        return (), read
    told: list[Diagnostic] = []

    def unknown(name: str, span: Any) -> None:
        told.append(Diagnostic("F0201", f"the name `{name}` is unknown", span))

    return read.mentions, told + check_template(read, KNOWN.get, unknown, frozenset(guarded.split()))


def found(template: str) -> Found:
    return checked(read_template(text_of(template)))


def read_by_jinja2(string: String) -> Template | list[Diagnostic]:
    body = read_any(string)
    return body if isinstance(body, list) else Template(string, body, free_names(body), plain=False)


def shape(node: Node) -> tuple[Any, ...]:
    """A tree as something that compares."""
    values = [getattr(node, one.name) for one in dataclasses.fields(node)]
    parts = [tuple(map(shape, one)) if isinstance(one, tuple) else one for one in values]
    return type(node).__name__, *(shape(one) if isinstance(one, Node) else one for one in parts)


# Without jinja2

PLAIN = [
    "", "\n", "text", "{{x}}", "{{ x }}\n", "{{\n note\t.\n by }}", "{ {{ x }} }", "{{ x }}}", "}} {{ x }} %} #}",
    '{"a": {"b": "{{ note.if }}"}}', "{{ x }}{{ note.by }}{{ maybe }}", "{{ nothing }}{{ x.y.z }}{{ _a1 }}", "{",
    "é{{ x }}", "{{ x" + ".a" * 30 + " }}", "{{ x }}" * (MOST_PARTS // 3), "{{ loop }}{{ caller }}{{ super.x }}",
    "{{ x }}{",
]  # fmt: skip
NOT_PLAIN = [
    "{{ x | upper }}", "{% if x %}{% endif %}", "{# a #}", "{{- x }}", "{{ x -}}", "{{+ x }}", "{{ true }}",
    "{{ none }}", "{{ not }}", "{{ self }}", "{{ x.1 }}", "{{ 'x' }}", "{{ é }}", "{{ x }", "{{ x", "{{", "{%",
    "{{{ x }}}", "{{ }}", "{{ x y }}", "{{ x. }}", "{{ .x }}", "{{ 1x }}", "a\r\n{{ x }}", "{{\x0bx }}", "{{ x\u00a0}}",
    "{{ x" + ".a" * 31 + " }}", "{{ x }}" * (MOST_PARTS // 3 + 1), "{{ x[0] }}", "{{ x() }}",
]  # fmt: skip


@pytest.mark.parametrize("template", PLAIN, ids=lambda template: repr(template[:24]))
def test_what_only_places_values_is_read_without_jinja2(template: str) -> None:
    assert read_plain(template) is not None
    agrees(template)


@pytest.mark.parametrize("template", NOT_PLAIN, ids=lambda template: repr(template[:24]))
def test_all_else_is_left_to_jinja2(template: str) -> None:
    assert read_plain(template) is None


WORDS = (
    "x xs n note maybe perhaps any fast or_else nobody loop self true none None not and or in is if for _ é x1 1 "
    "import recursive block caller"
).split()
FIELDS = ["", "", "", ".by", ".page", ".bye", ".if", ".true", ".1", " . by", ".\tby\n.z", ".", "..by", ".é"]
BLANKS = ["", " ", " ", "  ", "\n", "\t \n", "\r", "\x0b", "\x0c", "\u00a0", "\u2028", "-", "+"]
TEXTS = [
    "a", " ", "\n", "{", "}", "}}", "{ {", "'", '"', "é", "\t", "#}", "%}", "-", "\\", "%%", "##", "\u2028", "\x85",
    "\x0b", "a {b} c", "raw", "\n# a\n", "\n% a\n",
]  # fmt: skip
ODD = ["\r\n", "\r", "{{", "{%", "{#", "{{-", "-}}", "{% raw %}"]
MENTIONS = st.builds(
    lambda *parts: "{{" + "".join(parts) + "}}",
    st.sampled_from(BLANKS),
    st.sampled_from(WORDS),
    st.sampled_from(FIELDS),
    st.sampled_from(BLANKS),
)
SIMPLE = st.sampled_from(["{{ x }}", "{{note.by}}", "{{ perhaps.page }}", "{{\tmaybe\n}}", "{{ nobody . at . all }}"])


def agrees(template: str, guarded: str = "") -> bool:
    """Whether a template is read without jinja2; if so, nothing is other than it would be with it."""
    string = text_of(template)
    plain = read_template(string)
    if not isinstance(plain, Template) or not plain.plain:
        return False
    slow = read_by_jinja2(string)
    assert isinstance(slow, Template)
    assert list(map(shape, plain.body)) == list(map(shape, slow.body))
    assert checked(plain, guarded) == checked(slow, guarded)
    return True


USUAL = SIMPLE | st.sampled_from(TEXTS)


@given(
    st.lists(USUAL, max_size=8) | st.lists(USUAL | MENTIONS | st.sampled_from(ODD), max_size=5),
    st.sampled_from(["", "maybe", "perhaps perhaps.page"]),
)
def test_reading_without_jinja2_changes_nothing(parts: list[str], guarded: str) -> None:
    event("plain" if agrees("".join(parts), guarded) else "left to jinja2")


# How large


BIG = 1 << 20


@pytest.mark.parametrize(
    "template",
    ["a b\n" * (BIG // 4), "{{x}}" * (BIG // 5), "a{{x}}" * (BIG // 6), "{{ x " + "a " * (BIG // 2),
     "\r\n" * (BIG // 2),
     " " * BIG + "{%- if x %}{% endif %}", "{{ " + "1" * BIG + " }}", "{#" * (BIG // 2), "{% raw %}" + "a" * BIG,
     "{{ x" + "~x" * (BIG // 2) + " }}", "{{ x" + "+x" * (BIG // 2) + " }}", "{{ [" + "x," * (BIG // 2) + "] }}",
     "{% if x %}" * (BIG // 10), "{{ " + "(" * BIG + " }}", "{% set a=[a,a]%}" * (BIG // 16),
     "{{ '" + "\\\\" * (BIG // 2),
     "{{ x" + "|upper" * (BIG // 6) + " }}", "{{ x" + ".a" * (BIG // 2) + " }}", "{" * BIG, "{%" * (BIG // 2)],
    ids=lambda template: template[:12],
)  # fmt: skip
def test_a_huge_template_is_read_or_refused_in_one_line(template: str) -> None:
    told = found(template)[1]
    assert len(told) <= 1
    assert all(one.code in ("F0304", "F0305") and "\n" not in one.message for one in told)


def nested(opening: str, closing: str, inside: str, depth: int) -> str:
    return "".join(opening.replace("#", str(number)) for number in range(depth)) + inside + closing * depth


DEEP = [
    ("{% for a# in xs %}", "{% endfor %}", "{{ x }}"), ("{% if flag %}", "{% endif %}", "{{ x }}"),
    ("(x ~ ", ")", "x"), ("not ", "", "x"), ("(x if flag else ", ")", "x"), ("(x if ", " else x)", "x"),
    ("(flag and ", ")", "flag"), ("(flag == ", ")", "flag"), ("-", "", "n"), ("(n + ", ")", "n"),
    ("maybe | default(", ")", "x"), ("", " | upper", "x"), ("", ".a", "any"), ("[", "]", "x"),
]  # fmt: skip


@pytest.mark.parametrize("parts", DEEP, ids=lambda parts: parts[0] + parts[1])
def test_what_is_read_can_be_compiled(parts: tuple[str, str, str]) -> None:
    refused = 0
    for depth in (3, 5, 6, 7, 20, 30, 35, 36, 37, 38, 39, 40, 41, 60, 99, 150):
        template = nested(*parts, depth)
        template = template if "{%" in template else "{{ " + template + " }}"
        try:
            template_names(template)
        except ValueError as error:
            assert "nested too deep" in str(error) or "inside 6 others" in str(error)
            refused += 1
        else:
            assert compiled(template)
    assert 5 <= refused <= 13


@pytest.mark.parametrize(
    "template",
    ["{% if x %}" + "{% elif x %}" * 200 + "{% endif %}", "{{ x" + " ~ x" * 9_000 + " }}",
     "{{ [" + "n," * 9_000 + "] }}",
     "{{ 1" + " < n" * 9_000 + " }}", "{{ x }}" * 6_000, "{% set a = x %}" * 3_000, "{% if x %}a{% endif %}" * 2_500],
    ids=lambda template: template[:16],
)  # fmt: skip
def test_the_widest_templates_compile(template: str) -> None:
    assert compiled(template)[1]


def test_more_branches_or_parts_are_refused() -> None:
    assert "more than 200 branches" in found("{% if x %}" + "{% elif x %}" * 201 + "{% endif %}")[1][0].message
    assert "more than 20,000 parts" in found("{{ x }}" * 7_000)[1][0].message


def test_a_plan_may_not_name_other_filters() -> None:
    with pytest.raises(ValueError, match="no filter is called `center`"):
        template_names("{{ x | center(9) }}")
