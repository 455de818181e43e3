"""The functions of values: one table for expressions and for templates."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.dsl import CALLED, VALUE_FUNCTIONS, FlowError, Source, UnfitError, audit_plan, check_flow, make_plan, plan
from flowrun.dsl import types as t
from flowrun.runtime.catalog import catalog
from flowrun.runtime.values.functions import FUNCTIONS, World
from flowrun.runtime.values.prompt_text import PromptError
from flowrun.runtime.values.prompts import render
from flowrun.runtime.vocabulary.errors import UsageError
from support.harness import Run
from support.meaning_values import fits

WORLD = World(lambda name: None)
ROWS = [{"t": "b", "n": 2}, {"t": "a", "n": 3}, {"t": "B", "n": 1}, {"t": "b", "n": 2}]


def call(name: str, *args: Any, **named: Any) -> Any:
    function = VALUE_FUNCTIONS[name]
    places = dict(zip([function.value, *(arg.name for arg in function.args)], args, strict=False))
    return FUNCTIONS[function.called].call({**places, **named}, WORLD)


def filtered(name: str, value: Any, *args: Any, **named: Any) -> Any:
    """Return the value of a filter, read back from the JSON that it prints."""
    written = ", ".join([*map(repr, args), *(f"{key}={one!r}" for key, one in named.items())])
    return json.loads(render(f"{{{{ x | {name}({written}) | json }}}}", {"x": value}.__getitem__))


@pytest.mark.parametrize("name", VALUE_FUNCTIONS)
def test_each_example_holds(name: str) -> None:
    left, right = VALUE_FUNCTIONS[name].example
    run = Run(f"flow f() {{\n  left = {left}\n  right = {right}\n  return {{ left, right }}\n}}\n")
    value = run.go().value
    assert value["left"] == value["right"]
    assert type(value["left"]) is type(value["right"])


@pytest.mark.parametrize("name", VALUE_FUNCTIONS)
def test_each_function_describes_itself(name: str) -> None:
    function = VALUE_FUNCTIONS[name]
    assert function.summary
    assert not function.summary.endswith(".")
    assert function.takes
    assert name == "default" or CALLED[function.called] is function
    assert FUNCTIONS[function.called].spec.summary == function.summary if function.called else name == "default"


CASES: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("trim", ["  é "], {}),
    ("trim", ["xxax", "x"], {}),
    ("lower", ["ÉA"], {}),
    ("upper", ["straße"], {}),
    ("capitalize", ["éA b"], {}),
    ("title", ["he said-so (now)"], {}),
    ("replace", ["aaa", "a", "bb"], {}),
    ("contains", ["abc", "bc"], {}),
    ("contains", [[1, [2]], [2]], {}),
    ("starts_with", ["abc", ""], {}),
    ("ends_with", ["abc", "c"], {}),
    ("lines", ["a\r\nb\n"], {}),
    ("words", [" a\tb\n"], {}),
    ("round", [2.5], {}),
    ("round", [2.345, 2], {}),
    ("round", [2.1, 0], {"method": "ceil"}),
    ("abs", [-2.5], {}),
    ("min", [[2, 1.5]], {}),
    ("max", [["a", "b"]], {}),
    ("max", [[]], {}),
    ("sum", [[1, 2.5]], {}),
    ("sum", [[]], {}),
    ("sum", [ROWS], {"by": "n"}),
    ("sum", [ROWS, "n", 3], {}),
    ("mean", [[1, 2]], {}),
    ("mean", [[]], {}),
    ("mean", [ROWS], {"by": "n"}),
    ("join", [["a", 1, {"b": None}], "-"], {}),
    ("length", ["é"], {}),
    ("length", [ROWS], {}),
    ("sort", [[3, 1, 2]], {}),
    ("sort", [["b", "A", "a"]], {}),
    ("sort", [["b", "A", "a"]], {"case_sensitive": True, "descending": True}),
    ("sort", [ROWS], {"by": "t", "descending": True}),
    ("unique", [["b", "B", "b"]], {}),
    ("unique", [ROWS], {"by": "t", "case_sensitive": True}),
    ("dedupe", [ROWS], {}),
    ("dedupe", [ROWS], {"by": "t"}),
    ("reverse", [[1, 2]], {}),
    ("reverse", ["abc"], {}),
    ("first", [[1, 2, 3]], {}),
    ("first", [[1, 2, 3], 2], {}),
    ("first", [[1], 0], {}),
    ("first", [[]], {}),
    ("last", [[1, 2, 3], 2], {}),
    ("last", [[1, 2, 3], 0], {}),
    ("last", [[1, 2, 3]], {}),
    ("rank", [ROWS], {"by": "n", "top": 2}),
    ("rank", [[{"n": None}, {"n": 1}, {"n": 2}]], {"by": "n", "order": "low"}),
    ("group", [ROWS], {"by": "t"}),
    ("group", [[{"a": {"b": 1}}, {"a": {"b": 2}}]], {"by": "a.b"}),
    ("json", [["é", None]], {}),
    ("truncate", ["a b c d", 3], {"leeway": 0}),
    ("indent", ["a\n\nb", 2, True], {}),
]


@pytest.mark.parametrize(("name", "args", "named"), CASES)
def test_a_filter_is_the_function(name: str, args: list[Any], named: dict[str, Any]) -> None:
    assert filtered(name, *args, **named) == call(name, *args, **named)


def type_of(value: Any) -> t.Type:
    match value:
        case None:
            return t.NONE
        case bool():
            return t.BOOL
        case int():
            return t.Range(value, value)
        case float():
            return t.NUMBER
        case str():
            return t.TEXT
        case list():
            return t.ListOf(t.join(map(type_of, value)))
    return t.Record(tuple(t.Field(name, type_of(one)) for name, one in value.items()))


def field_type(items: t.Type, by: str) -> t.Type:
    found = items.item if isinstance(items, t.ListOf) else t.UNKNOWN
    for part in by.split("."):
        field = found.field(part) if isinstance(found, t.Record) else None
        found = field.type if field is not None else t.UNKNOWN
    return found


@pytest.mark.parametrize(("name", "args", "named"), CASES)
def test_a_result_has_the_type_that_the_checker_says(name: str, args: list[Any], named: dict[str, Any]) -> None:
    function = VALUE_FUNCTIONS[name]
    given = {**dict(zip([arg.name for arg in function.args], args[1:], strict=False)), **named}
    types = {key: type_of(one) for key, one in given.items()}
    if "by" in given:
        types["by"] = field_type(type_of(args[0]), given["by"])
    said = function.gives(type_of(args[0]), types)
    assert said is not None
    assert fits(call(name, *args, **named), said)


def test_every_function_is_compared() -> None:
    assert {name for name, _, _ in CASES} == VALUE_FUNCTIONS.keys() - {"default"}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ x | sort(attribute='n', reverse=true) | first }}", '{"t": "a", "n": 3}'),
        ("{{ x | sort(true, true, 'n') | first }}", '{"t": "a", "n": 3}'),
        ("{{ x | unique(attribute='t') | length }}{{ x | sum('n') }}", "28"),
        ("{% for g in x | group(by='t') %}{{ g.key }}{{ g.items | length }} {% endfor %}", "b2 a1 B1 "),
    ],
)
def test_templates_keep_the_words_of_jinja2(template: str, value: str) -> None:
    assert render(template, {"x": ROWS}.__getitem__) == value


GIVEN = {
    "x": "text",
    "i": "int",
    "r": "2..9",
    "xs": "[text]",
    "ns": "[number]",
    "os": "[int?]",
    "rows": "[{ t: text, n: int, o: int?, ys: [int] }]",
    "j": "json",
}
TYPED = [
    *(f"{name}({value})" for name in sorted(CALLED.keys() - {"group", "rank", "replace"}) for value in GIVEN),
    *(
        f"{name}(rows, by: {field})"
        for name in ("sort", "group", "rank", "sum", "mean", "unique", "dedupe")
        for field in ("t", "n", "o", "ys", "no")
    ),
    "first(xs, 2)",
    "last(rows, 2)",
    "first(xs, x)",
    "contains(x, i)",
    "contains(xs, i)",
    "contains(xs, x)",
    "round(i, 13)",
    "replace(x, x)",
    "replace(x, x, x)",
    "rank(rows, by: n, top: 2)",
]


def refused(line: str) -> bool:
    params = ", ".join(f"{name}: {type_}" for name, type_ in GIVEN.items())
    try:
        check_flow(Source(f"flow f({params}) {{\n  v = {line}\n  return v\n}}\n"), catalog())
    except FlowError:
        return True
    return False


@pytest.mark.parametrize("written", TYPED)
def test_templates_and_expressions_take_the_same(written: str) -> None:
    name, _, inside = written.removesuffix(")").partition("(")
    first, *rest = inside.split(", ")
    args = ", ".join(
        f"{one.split(': ')[0]}={one.split(': ')[1]!r}" if one.startswith("by: ") else one.replace(": ", "=")
        for one in rest
    )
    filter = f"{CALLED[name].name}({args})" if args else CALLED[name].name
    assert refused(f'text "{{% set y = {first} | {filter} %}}"') == refused(written)


def group_of(values: list[Any]) -> list[Any]:
    return list(call("group", [{"k": value, "place": place} for place, value in enumerate(values)], by="k"))


@given(st.lists(st.sampled_from(["a", "b", "A", 1, 1.0, True, None, 0, False, ""]), max_size=12))
def test_groups_keep_every_element_once(values: list[Any]) -> None:
    groups = group_of(values)
    places = [[row["place"] for row in one["items"]] for one in groups]
    assert sorted(place for group in places for place in group) == list(range(len(values)))
    assert [group[0] for group in places] == sorted(group[0] for group in places)
    assert all(group == sorted(group) for group in places)
    keys = [(isinstance(one["key"], bool), one["key"]) for one in groups]
    assert len(set(keys)) == len(keys)
    assert all(
        (isinstance(row["k"], bool), row["k"]) == (isinstance(one["key"], bool), one["key"])
        for one in groups
        for row in one["items"]
    )


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("replace", ["a" * 20_000, "a", "b" * 20_000], "`replace` is too long"),
        ("replace", ["a", "", "b"], "this one is empty"),
        ("trim", [3], "`trim` takes a text, and this is a number"),
        ("sort", [[1, "a"]], "this one is mixed"),
        ("sort", [[{"a": 1}], False, False, "b"], "this value has no field `b`"),
        ("sum", [[1, None]], "this element is none"),
        ("sum", [[1e308, 1e308]], "`sum` is too large"),
        ("rank", [[{"a": "x"}], "a"], "`rank` takes numbers, and this is a text"),
        ("join", [[None]], "this element is none"),
        ("round", [10**400, 2, "ceil"], "no value here|too large"),
        ("first", [3], "no value here"),
        ("first", [[1], -1], "`n` takes a number of 0 or more"),
        ("last", [[1], -1], "`n` takes a number of 0 or more"),
        ("rank", [[], "a", 0], "`top` takes a number of 1 or more"),
        ("group", ["abc", "k"], "`group` takes a list, and this is a text"),
        ("lines", [[1]], "`lines` takes a text, and this is a list"),
    ],
)
def test_what_has_no_value(name: str, args: list[Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        call(name, *args)


def test_a_text_has_only_so_many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowrun.dsl.functions.parts.MOST_ITEMS", 3)
    assert call("words", "a b c") == ["a", "b", "c"]
    assert call("lines", "a\nb\nc") == ["a", "b", "c"]
    for name, value in (("words", "a b c d"), ("lines", "a\nb\nc\nd\ne")):
        with pytest.raises(UsageError, match="more than 3 items"):
            call(name, value)


def test_a_filter_that_has_no_value_fails_its_prompt() -> None:
    with pytest.raises(PromptError, match="this value has no field `b`"):
        render("{{ x | sort(by='b') }}", {"x": [{"a": 1}]}.__getitem__)
    for name in ("length", "upper", "reverse", "first"):
        with pytest.raises(PromptError, match="this value has no field `b`"):
            render(f"{{{{ x.b | {name} }}}}", {"x": {"a": 1}}.__getitem__)
    with pytest.raises(PromptError, match="longer than"):
        render("{{ x | replace('a', y) }}", {"x": "a" * 9_000, "y": "b" * 9_000}.__getitem__)


def test_what_a_text_holds_is_no_code() -> None:
    text = "{{ secret }} | trim {% if x %}"
    assert render("{{ x | replace('a', y) }}", {"x": "a", "y": text}.__getitem__) == text
    assert call("join", [text, text], " ") == f"{text} {text}"


OWN = """\
flow group(xs: [text]) {
  n = length(xs)
  return n
}
flow main(xs: [text]) {
  a = group(xs)
  b = first(xs, 1)
  return { a, b }
}
"""


def test_a_flow_may_have_the_name_of_a_function() -> None:
    assert Run(OWN, inputs={"xs": ["x", "y"]}).go().value == {"a": 2, "b": ["x"]}
    with pytest.raises(FlowError, match="the language has a function `join`"):
        check_flow(Source(OWN.replace("group", "join")), catalog())


CUT = """\
flow main(rows: [{ n: int }]) {
  said = map row in first(rows, 3) { ask "{{ row.n }}" } reduce collect
  return said
}
"""


def edited(call: plan.CallOf) -> plan.Plan:
    made = make_plan(check_flow(Source(CUT), catalog()))
    step = made.steps[0]
    assert isinstance(step.node, plan.Map)
    return replace(made, steps=(replace(step, node=replace(step.node, source=call)),))


def test_an_edited_plan_is_checked_again() -> None:
    rows = plan.Ref("rows")
    audit_plan(
        edited(plan.CallOf("rank", {"items": rows, "by": plan.Constant("n"), "top": plan.Constant(2)})), catalog()
    )
    wrong: list[tuple[str, dict[str, plan.Expr], str]] = [
        ("rank", {"items": rows, "by": plan.Constant("m")}, "has no field `m`"),
        ("rank", {"items": rows, "by": plan.TextOf("n")}, "the name of a field"),
        ("rank", {"items": rows}, "`rank` needs `by`"),
        ("sort", {"items": rows}, "`sort` takes a list of numbers or texts"),
        ("first", {"items": rows, "n": plan.Constant(-1)}, "of 0 or more"),
    ]
    for name, args, words in wrong:
        with pytest.raises(UnfitError, match=words):
            audit_plan(edited(plan.CallOf(name, args)), catalog())


THEMES = """\
flow main(rows: [{ theme: text, n: int }]) {
  groups = group(rows, by: theme)
  said = map g in first(groups, 2) {
    top = rank(g.items, by: n, top: 1)
    a = ask "{{ g.key }}: {{ top | first | default('-') }} {{ g.items | sum(by='n') }}"
    { key: g.key, a }
  } reduce dedupe(by: key)
  return { said, left: length(groups) - length(said) }
}
"""


def test_a_run_groups_cuts_and_ranks() -> None:
    rows = [{"theme": theme, "n": n} for n, theme in enumerate(["b", "a", "b", "c"])]
    run = Run(THEMES, lambda request, number: request.messages[0].text, inputs={"rows": rows})
    assert run.go().value == {
        "said": [
            {"key": "b", "a": 'b: {"theme": "b", "n": 2} 2'},
            {"key": "a", "a": 'a: {"theme": "a", "n": 1} 1'},
        ],
        "left": 1,
    }


def test_an_imported_file_keeps_the_function() -> None:
    library = "flow themes(xs: [text]) {\n  found = group([{ k: join(xs) }], by: k)\n  return length(found)\n}\n"
    main = 'import "lib.flow"\nflow group(xs: [text]) {\n  n = length(xs)\n  return n\n}\n'
    main += "flow main(xs: [text]) {\n  a = group(xs)\n  b = themes(xs)\n  return { a, b }\n}\n"
    checked = check_flow(Source(main, "main.flow"), catalog(), lambda path: Source(library, path))
    made = make_plan(checked)
    audit_plan(made, catalog())
    assert Run(made, inputs={"xs": ["x", "y"]}).go().value == {"a": 2, "b": 1}
