"""What the checker lets through can be filled in, and what it refuses it refuses in the right place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from flowrun.dsl import VALUE_FUNCTIONS as FILTERS
from flowrun.dsl import Diagnostic, Source, Template, read_template
from flowrun.dsl import types as t
from flowrun.dsl.parsing.strings import read_string
from flowrun.dsl.templates.types import check_template
from flowrun.runtime.values.prompts import render

Json = Any
NOTE = t.Record((t.Field("by", t.TEXT), t.Field("page", t.Optional(t.INT))), "Note")
KNOWN: dict[str, t.Type] = {
    "x": t.TEXT,
    "paper": t.DOCUMENT,
    "n": t.INT,
    "score": t.Range(1, 5),
    "size": t.NUMBER,
    "flag": t.BOOL,
    "level": t.Choice(("low", "high")),
    "xs": t.ListOf(t.TEXT),
    "ns": t.ListOf(t.INT),
    "holes": t.ListOf(t.Optional(t.TEXT)),
    "note": NOTE,
    "notes": t.ListOf(NOTE),
    "maybe": t.Optional(t.TEXT),
    "count": t.Optional(t.INT),
    "way": t.Optional(t.Choice(("a", "b"))),
    "perhaps": t.Optional(NOTE),
    "some": t.Optional(t.ListOf(t.TEXT)),
    "any": t.JSON,
    "fast": t.MODEL,
    "fleet": t.ListOf(t.MODEL),
    "lists": t.ListOf(t.ListOf(t.INT)),
}


def found(template: str, known: dict[str, t.Type] | None = None, guarded: str = "") -> list[Diagnostic]:
    """What is wrong with a template, written as a triple-quoted text."""
    problems: list[Diagnostic] = []
    source = Source(f'"""{template}"""')
    string = read_string(source, 0, len(source.text), problems)
    assert not problems
    read = read_template(string)
    if not isinstance(read, Template):
        return read
    unknown: list[Diagnostic] = []
    told = check_template(
        read,
        (KNOWN if known is None else known).get,
        lambda name, span: unknown.append(Diagnostic("F0201", f"the name `{name}` is unknown", span)),
        frozenset(guarded.split()),
    )
    return sorted([*told, *unknown], key=lambda one: one.sort_key)


FINE = [
    "{{ x }}{{ paper }}{{ n }}{{ level }}{{ xs }}{{ note }}{{ any }}{{ holes }}{{ note.by }}{{ any.thing.at.all }}",
    "{% if x %}{% endif %}{% if n %}{% endif %}{% if size %}{% endif %}{% if xs %}{% endif %}{% if any %}{% endif %}",
    "{% if way %}{{ way }}{% if way and way == 'a' %}{% endif %}{% endif %}",
    "{% if maybe %}{{ maybe }}{% endif %}{% if maybe is not none %}{{ maybe }}{% endif %}",
    "{% if maybe != none %}{{ maybe }}{% endif %}{% if none != maybe %}{{ maybe | upper }}{% endif %}",
    "{% if maybe is defined %}{{ maybe }}{% endif %}{% if not maybe %}{% else %}{{ maybe }}{% endif %}",
    "{% if not maybe or not count %}{% else %}{{ maybe }}{{ count + 1 }}{% endif %}",
    "{% if maybe is none or maybe == x %}{% endif %}{% if maybe is none or maybe | length > 3 %}{% endif %}",
    "{% if maybe and flag or maybe and n %}{{ maybe }}{% endif %}",
    "{% if not (maybe and n) and not (maybe and flag) %}{% endif %}",
    "{% if maybe in ['a', 'b'] %}{{ maybe }}{% endif %}{% if way in ['a'] %}{{ way }}{% endif %}",
    "{% if count == 3 %}{{ count - 1 }}{% elif count %}{{ count }}{% elif count == 0 %}{{ count }}{% endif %}",
    "{% if maybe is none %}{% elif perhaps %}{{ maybe }}{{ perhaps.by }}{% else %}{{ maybe }}{% endif %}",
    "{{ maybe if maybe else 'no' }}{{ 'no' if maybe is none else maybe }}{{ maybe or 'no' }}{{ count or 'no' }}",
    "{{ x if flag }}{{ maybe | default('no') }}{{ count | default('unknown') }}{{ some | default([]) | join }}",
    "{{ perhaps.by | default('no') }}{{ perhaps.page | default(0) + 1 }}",
    "{% if perhaps.page is defined %}{{ perhaps.page + 1 }}{{ perhaps.by }}{% endif %}",
    "{% for y in some | default([]) %}{{ y | upper }}{% endfor %}",
    "{% for y in holes if y %}{{ y }}{% endfor %}{% for y in notes if y.page and y.page > 3 %}{{ y.page }}{% endfor %}",
    "{% for y in ns %}{{ loop.index + loop.length }}{% if not loop.last %}, {% endif %}{{ y + 1 }}{% endfor %}",
    "{% for y in lists %}{% for z in y %}{{ z + loop.index0 }}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% for y in xs %}{{ xs | first }}{{ xs | last }}{% endfor %}{% if xs %}{{ xs | first }}{% endif %}",
    "{% if xs | length > 0 %}{{ xs | first }}{% endif %}{% if xs | length %}{{ xs | last }}{% endif %}",
    "{{ xs | first | default('none') }}{{ [x, 'b'] | first }}{{ ['b', 'a'] | sort | first }}",
    "{% set a = x %}{{ a }}{% set a = n %}{{ a + 1 }}",
    "{% if flag %}{% set b = 1 %}{% else %}{% set b = 2 %}{% endif %}{{ b + 1 }}",
    "{% for y in ns %}{% set a = y + 1 %}{{ a }}{% endfor %}{% for y in xs %}{% set a = y ~ 'b' %}{{ a }}{% endfor %}",
    "{{ n == 3 }}{{ n == 3.5 }}{{ score == 5 }}{{ level == 'low' }}{{ x == 'low' }}{{ maybe == x }}{{ 1 < n < size }}",
    "{{ 'a' in x }}{{ x in xs }}{{ n in [1, 2] }}{{ level in ['low'] }}{{ 3 not in ns }}{{ x in any }}{{ any > 3 }}",
    "{{ n + 1 }}{{ -n }}{{ size - n }}{{ x + 'b' }}{{ xs + ['b'] }}{{ any - 1 }}{{ x ~ n ~ xs ~ note }}",
    "{{ notes | sort(attribute='by') | length }}{{ notes | unique(attribute='page') }}{{ ns | sum(start=2) + 1 }}",
    "{{ x | truncate(80) }}{{ x | truncate(length=3) }}",
    "{{ x | truncate(2, true, '') }}{{ x | truncate(score, end='') }}",
    "{{ size | round(2) }}{{ size | round(precision=1, method='floor') }}{{ n | round }}{{ x | indent(n, true) }}",
    "{{ xs | unique }}{{ xs | unique | length }}{{ xs | unique | sort | join(', ') }}{{ holes | unique | length }}",
    "{# {{ nobody }} #}{% raw %}{{ nobody }}{% endraw %}{{ '{{' }}{{- x -}}{%- if flag -%}{%- endif +%}",
    "",
]  # fmt: skip


@pytest.mark.parametrize("template", FINE)
def test_what_is_right_is_let_through(template: str) -> None:
    assert [(one.code, one.span.text, one.message) for one in found(template)] == []


VALUES = {
    "x": "a{{ b }}", "paper": "p", "n": 3, "score": 4, "size": 2.5, "flag": True, "level": "low", "xs": ["b", "a", "b"],
    "ns": [3, 1], "holes": [None, "a"], "note": {"by": "me", "page": None}, "maybe": "m", "count": 0, "way": None,
    "notes": [{"by": "you", "page": 3}, {"by": "me", "page": None}], "perhaps": None, "some": None, "lists": [[1], []],
    "any": {"thing": {"at": {"all": 1}}},
}  # fmt: skip


@pytest.mark.parametrize("template", [one for one in FINE if "any" not in one])
def test_what_is_let_through_is_filled_in(template: str) -> None:
    for missing in (False, True):
        values = {**VALUES, "maybe": None, "count": None, "xs": [], "notes": []} if missing else VALUES
        assert "null" not in render(template, values.__getitem__).replace("[null", "").replace(": null", "")


# Each with the code, what is underlined, and the beginning of the message; several findings in the order of the text.
WRONG = [
    ("{{ nam }}{{ nam.x }}{{ nam | upper }}", "F0201 nam: the name", "F0201 nam: the name", "F0201 nam: the name"),
    ("{{ note.bye }}", "F0302 bye: Note has no field `bye`"),
    ("{{ notes.by }}{{ x.by }}", "F0302 by: [Note] has no", "F0302 by: text has no"),
    ("{{ perhaps.by }}", "F0306 by: this value may be"),
    ("{{ maybe }}{{ maybe ~ x }}", "F0306 maybe: this value", "F0306 maybe: this value"),
    ("{{ fast }}{{ fleet }}{{ fleet | json }}", "F0301 fast: a model", "F0301 fleet: a model", "F0301 json: a model"),
    ("{% if fast %}{% endif %}", "F0301 fast: a model cannot be a condition"),
    ("{{ n == '3' }}", "F0301 n == '3': int and text are never equal"),
    ("{{ paper > 3 }}", "F0301 paper > 3: `>` does not take document and int"),
    ("{{ 3 in x }}{{ 'a' in n }}", "F0301 3: a text can contain", "F0301 n: `in` searches"),
    ("{{ 'a' in ns }}{{ maybe in x }}", "F0301 'a' in ns: text is never in [int]", "F0306 maybe: this value"),
    ("{{ level == 'hgih' }}", "F0301 'hgih': 'hgih' is not one of low |"),
    ("{{ level in ['low', 'hgih'] }}", "F0301 'hgih': 'hgih' is not one of low |"),
    ("{{ score == 9 }}", "F0301 9: 9 is not in 1..5"),
    ("{{ count > 3 }}", "F0306 count: this value may be missing: `>` needs a value"),
    ("{{ count + 3 }}{{ x + 3 }}", "F0306 count: this value", "F0301 x: expected a number, found text"),
    ("{{ flag + 1 }}{{ -flag }}", "F0301 flag: expected a number", "F0301 flag: expected a number"),
    ("{% if level %}{% endif %}{% if not score %}{% endif %}", "F0301 level: this condition", "F0301 score: this "
    "condition is always"),
    ("{% if note %}{% endif %}", "F0301 note: this condition is always true: the value is a record, Note"),
    ("{{ (n or 'a') | upper }}", "F0301 upper: the filter `upper` takes a text, and this is int or text"),
    ("{% for y in [n, 'a'] %}{{ y + 1 }}{% endfor %}", "F0301 y: expected a number, found int or text"),
    ("{{ (x if flag) | upper }}", "F0306 x: this value may be missing: the `if` has no `else`"),
    ("{% for y in n %}{% endfor %}{% for y in maybe %}{% endfor %}", "F0301 n: a `for`", "F0306 maybe: this value"),
    ("{% for x in xs %}{% endfor %}", "F0202 x: the name `x` is taken"),
    ("{% for y in xs %}{% for y in ns %}{% endfor %}{% endfor %}", "F0202 y: the name `y` is taken"),
    ("{% for y in xs %}{% set y = 1 %}{% endfor %}", "F0202 y: the name `y` is taken"),
    ("{% set n = 1 %}", "F0202 n: the name `n` is taken"),
    ("{% set loop = 1 %}", "F0304 set: the name `loop` is taken"),
    ("{{ self }}", "F0304 self: `self` is not a"),
    ("{% for y in xs %}{{ loop }}{% endfor %}{{ loop.index }}",
     "F0301 loop: `loop` alone", "F0201 loop: `loop` is not"),
    ("{% for y in xs if loop.first %}{% endfor %}", "F0201 loop: `loop` is not known here"),
    ("{% for y in xs %}{{ loop.cycle }}{% endfor %}", "F0302 cycle: loop has no field `cycle`"),
    ("{% for y in xs %}{% set a = y %}{% endfor %}{{ a }}", "F0201 a: `a` is set inside a `for`, and is known"),
    ("{% set a = 0 %}{% for y in ns %}{% set a = a + y %}{% endfor %}", "F0304 a: a `set` inside a `for` lasts only"),
    ("{% if flag %}{% set a = 1 %}{% endif %}{{ a }}", "F0201 a: `a` is set in some branches of an"),
    ("{{ a }}{% set a = 1 %}", "F0201 a: the name `a` is unknown"),
    ("{% set a = maybe %}{% if a %}{% set a = maybe %}{{ a }}{% endif %}", "F0306 a: this value may be"),
    ("{% set a = maybe %}{% if a %}{% if flag %}{% set a = maybe %}{% endif %}{{ a }}{% endif %}", "F0306 a: "
    "this value"),
    ("{% set a = [x] %}{% set b = [a, a] %}", "F0304 a: a list in a template cannot contain", "F0304 a: a list in a"),
    ("{{ xs | first }}{{ xs | last | upper }}", "F0306 first: this value", "F0306 last: this value may be missing: "
    "the list"),
    ("{% if notes %}{{ xs | first }}{% endif %}", "F0306 first: this value may be missing: the list may be empty"),
    ("{{ xs | uper }}{{ x | count }}", "F0304 uper: no filter is called", "F0304 count: no filter is called"),
    ("{{ x | center(80) }}{{ x | wordwrap(1) }}", "F0304 center: no filter", "F0304 wordwrap: no filter"),
    ("{{ x | upper(1) }}", "F0303 1: the filter `upper` takes no argument"),
    ("{{ x | default('a', true) }}", "F0303 true: the filter `default` takes one argument"),
    ("{{ xs | join(d=', ') }}", "F0303 d: the filter `join` has no argument `d`"),
    ("{{ size | round(1, precision=2) }}", "F0303 precision: `precision` is given twice"),
    ("{{ size | round(method='flor') }}", "F0301 'flor': `method`: expected common | ceil | floor, found flor"),
    ("{{ n | round(0 - 9) }}{{ n | round(99) }}{{ n | round(n) }}",
     "F0301 0 - 9: `precision` takes", "F0301 99: `precision` takes", "F0301 n: `precision` takes a number from"),
    ("{{ x | truncate(2) }}{{ x | truncate(n) }}", "F0301 2: `length` takes", "F0301 n: `length` takes"),
    ("{{ x | truncate(9, end=x) }}", "F0301 x: `end` takes a text in quotes"),
    ("{{ xs | join(3) }}{{ xs | join(maybe) }}", "F0301 3: `separator`: expected text", "F0306 maybe: this value"),
    ("{{ x | join }}", "F0301 join: the filter `join` takes a list, and this is text"),
    ("{{ xs | upper }}", "F0301 upper: the filter `upper` takes a text, and this is [text]"),
    ("{{ xs | sum }}{{ notes | sort }}", "F0301 sum: the filter `sum` takes numbers", "F0301 sort: the filter `sort`"),
    ("{{ notes | sort(attribute='bye') }}", "F0302 'bye': Note has no field `bye`"),
    ("{{ notes | sum(attribute='page') }}", "F0306 sum: an element may be missing"),
    ("{{ notes | sort(attribute=x) }}", "F0301 x: `by` takes the name of a"),
    ("{{ holes | join }}", "F0306 join: an element may be missing, and the filter `join` needs all"),
    ("{{ lists | unique }}", "F0301 unique: the filter `unique` takes a list of numbers, texts or bools"),
    ("{{ x is none(3) }}{{ x is odd }}", "F0304 odd: no test is called `odd`", "F0304 none: `is none` takes no "
    "arguments"),
    ("{{ xs | join(*xs) }}", "F0304 join: a filter takes its arguments one by"),
    ("{{ 1e999 }}", "F0305 1e999: this template cannot be read: it has a number that is"),
    ("{{ " + "9" * 101 + " }}", "F0305 " + "9" * 101 + ": this template cannot be read: it has a number of more than"),
    ("{{ '\\\\ud83d' }}", "F0304 '\\\\ud83d': this text has half of a character"),
    ("{% do x %}", "F0305 do: this template cannot be read: `{% do %}` is not allowed here"),
    ("{{ x * 3 }}{{ n // 2 }}{{ n % 2 }}", "F0304 *: a temp", "F0304 //: a template", "F0304 %: a template can"),
]  # fmt: skip


def lines(template: str) -> list[str]:
    return [f"{one.code} {one.span.text}: {one.message}" for one in found(template)]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case[0][:60])
def test_what_is_wrong_is_refused_at_its_place(case: tuple[str, ...]) -> None:
    template, *expected = case
    told = sorted(lines(template))
    assert len(told) == len(expected), told
    for line, start in zip(told, sorted(expected), strict=True):
        assert line.startswith(start), told


@pytest.mark.parametrize(
    ("template", "code", "help"),
    [
        ("{{ f(n: x) }}", "F0304", "give the call a name in the flow"),
        ("{% if f(n: x) %}a{% endif %}", "F0304", "give the call a name in the flow"),
        ("{{ x | truncate(length: 3) }}", "F0305", "`name=value`"),
        ("{{ x.upper() }}", "F0304", "write `{{ x | upper }}`"),
        ("{{ note.by.strip() }}", "F0304", "write `{{ note.by | trim }}`"),
        ("{{ len(xs) }}", "F0304", "write `{{ xs | length }}`"),
        ("{{ upper(x, x) }}", "F0304", "give the call a name in the flow"),
        ("{{ x.split() }}", "F0304", "give the call a name in the flow"),
        ("{% if x %}a", "F0305", "write `{% endif %}` where the block ends"),
        ("{% if x %}a{% end %}", "F0305", "the open block is `{% if … %}`: close it with `{% endif %}`"),
        ("{% for y in xs %}a{% endif %}", "F0305", "the open block is `{% for … %}`: close it with `{% endfor %}`"),
        ("a{% endif %}", "F0305", "no `{% if … %}` is open here"),
        ("a{% end %}", "F0305", "no block is open here"),
        ("{% else %}a", "F0305", "write this tag between `{% if … %}` and `{% endif %}`"),
        ("{% do x %}", "F0305", "a template has only `{% if %}`,"),
        ("{{ maybe ?? 3 }}", "F0305", "write `{{ a | default('b') }}`"),
        ("{{ x ? 1 : 2 }}", "F0305", "write `{{ a if condition else b }}`"),
        ("{% if x && n %}a{% endif %}", "F0305", "with `and`,"),
        ("{{ 'x }}", "F0305", "close the text with the quote"),
        ("{{ x }", "F0305", "to insert a value; for the two braces themselves write"),
    ],
)
def test_each_mistake_has_a_way_out_of_its_own(template: str, code: str, help: str) -> None:
    (one,) = found(template)
    assert one.code == code
    assert help in one.help


def test_a_condition_of_the_step_guards_its_prompt() -> None:
    assert found("{{ maybe }}{{ perhaps.by }}{{ perhaps.page }}", guarded="maybe perhaps perhaps.page") == []
    assert [one.span.text for one in found("{{ maybe }}{{ count }}", guarded="maybe")] == ["count"]


@pytest.mark.parametrize(
    "before",
    ["", "\\n", "\\\"", "\\u{1F600}", "\U0001f600é", "\t", "\n    a\n    ", "\n\t\tb\n\n\t\t", "a\\r\\nb\\r\\n",
     "\r\n  c\r\n  ",
     "{%- if x -%} \n\n {%- endif %} ", "{# a\n #}", "{% raw %}{{ a }}{% endraw %}", "{{ 'a\\u{1F600}\nb' }}",
     "a\r\n{{ x\r\n}}\r\n"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("wrong", "caret"),
    [("{{ note.bye }}", "bye"), ("{{\n n\t==\n '3' }}", "n\t==\n '3'"), ("{{ xs | frist }}", "frist"),
     ("{{ x[0] }}", "["),
     ("{{ noone }}", "noone"), ("{{ x is odd }}", "odd"), ("{{ x y }}", "y")],
)  # fmt: skip
def test_the_caret_is_exact(before: str, wrong: str, caret: str) -> None:
    told = found(before + wrong)
    assert [one.span.text for one in told] == [caret]
    assert told[0].span.start == told[0].span.source.text.rindex(caret)


# The cross-check: what is let through is filled in with every value of the types.

PLAIN: st.SearchStrategy[t.Type] = st.sampled_from(
    [t.TEXT, t.INT, t.NUMBER, t.BOOL, t.DOCUMENT, t.Range(1, 5), t.Range(0, 9), t.Range(0.5, 2), t.Choice(("a", "b c"))]
)


def bigger(inner: st.SearchStrategy[t.Type]) -> st.SearchStrategy[t.Type]:
    records = st.lists(inner, min_size=1, max_size=2).map(
        lambda types: t.Record(tuple(t.Field(name, one) for name, one in zip(("p", "q"), types, strict=False)))
    )
    optional = inner.map(lambda one: one if isinstance(one, t.Optional) else t.Optional(one))
    return st.one_of(inner.map(t.ListOf), optional, records)


TYPES = st.recursive(PLAIN, bigger, max_leaves=4)


def values_of(type_: t.Type) -> st.SearchStrategy[Json]:
    match type_:
        case t.ListOf(item):
            return st.lists(values_of(item), max_size=3)
        case t.Optional(item):
            return st.none() | values_of(item)
        case t.Record(fields):
            return st.fixed_dictionaries({one.name: values_of(one.type) for one in fields})
        case t.Choice(options):
            return st.sampled_from(options)
        case t.Range(low, high) if type_.whole:
            return st.integers(int(low), int(high))
        case t.Range(low, high):
            return st.floats(low, high)
        case t.Simple("int"):
            return st.integers(-(10**9), 10**9)
        case t.Simple("number"):
            return st.integers(-9, 9) | st.floats(-1e9, 1e9)
        case t.Simple("bool"):
            return st.booleans()
    return st.text(max_size=6)


NAMES = ("a", "b", "c", "y", "z", "v", "loop")
ARGUMENTS = {
    "default": ["", "('d')", "(0)", "([])", "(b)"], "indent": ["", "(2)", "(a, true)"], "join": ["", "(', ')", "(b)"],
    "round": ["", "(2)", "(0, 'ceil')", "(a)"], "sort": ["", "(true)", "(attribute='p')"], "trim": ["", "('a')", "(b)"],
    "sum": ["", "(attribute='q')", "(start=1)"], "truncate": ["", "(3)", "(a)", "(2, true, '')", "(5, false, '.', 0)"],
    "unique": ["", "(attribute='p')", "(true)"],
}  # fmt: skip


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(st.integers(0, 13 if depth else 3))
    if kind <= 2:
        name = draw(st.sampled_from(NAMES))
        return name + draw(st.sampled_from(["", "", "", ".p", ".q", ".p.q", ".index", ".last"]))
    if kind == 3:
        return draw(st.sampled_from(["'a'", "'b c'", "''", "3", "0", "1.5", "true", "none", "[]", "['a', b]"]))
    inner = expressions(depth - 1)
    if kind <= 6:
        name = draw(st.sampled_from(sorted(FILTERS)))
        return f"({draw(inner)}) | {name}{draw(st.sampled_from(ARGUMENTS.get(name, [''])))}"
    if kind == 7:
        return f"{draw(inner)} is {draw(st.sampled_from(['', 'not ']))}{draw(st.sampled_from(['none', 'defined']))}"
    if kind == 8:
        return f"(({draw(inner)}) if {draw(inner)} else ({draw(inner)}))"
    if kind == 9:
        return f"not ({draw(inner)})"
    sign = ["==", "!=", "<", ">=", "in", "not in", "and", "or", "+", "-", "~", "and", "or"]
    return f"(({draw(inner)}) {draw(st.sampled_from(sign))} ({draw(inner)}))"


@st.composite
def statements(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(st.integers(0, 7 if depth else 2))
    if kind <= 1:
        return "{{ " + draw(expressions()) + " }}"
    if kind == 2:
        return "{% set v = " + draw(expressions()) + " %}"
    inner = st.lists(statements(depth - 1), min_size=1, max_size=2).map("".join)
    if kind <= 5:
        other = draw(st.sampled_from(["", "{% else %}", "{% elif b %}"]))
        test = draw(st.sampled_from(["a", "not a", "a is none", "b and a", "a != none", ""])) or draw(expressions())
        return "{% if " + test + " %}" + draw(inner) + (other + draw(inner) if other else "") + "{% endif %}"
    target = draw(st.sampled_from(["y", "z"]))
    only = draw(st.sampled_from(["", f" if {target}", f" if {target}.p", f" if {target} is not none"]))
    listed = draw(st.sampled_from(["a", "b", "a.p", "y", ""])) or draw(expressions())
    end = draw(st.sampled_from(["", "{% else %}" + draw(inner)]))
    return "{% for " + target + " in " + listed + only + " %}" + draw(inner) + end + "{% endfor %}"


@settings(max_examples=30)
@given(st.tuples(TYPES, TYPES, TYPES), st.lists(statements(), min_size=1, max_size=12), st.data())
def test_what_passes_the_check_never_fails(
    types: tuple[t.Type, t.Type, t.Type], parts: list[str], data: st.DataObject
) -> None:
    known = dict(zip("abc", types, strict=True))
    template = ""
    kept = 0
    for part in parts:
        # Only what the checker lets through stays.
        if not found(template + part, known):
            template += part
            kept += 1
    event(f"kept {kept}")
    values = data.draw(st.fixed_dictionaries({name: values_of(type_) for name, type_ in known.items()}))
    assert isinstance(render(template, values.__getitem__), str)
