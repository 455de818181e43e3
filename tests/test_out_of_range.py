"""A number out of range is refused wherever it stands, and however the file comes to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from flowrun.dsl import Diagnostic, FlowError, Source, check_flow, make_plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.verify import verify

ANSWER = 'ask "{{ mail }}" -> YES | NO'
VOTE = f"x = repeat 3 {{ {ANSWER} }}"
LONG_VOTE = f"x = repeat 3..9 {{ {ANSWER} }}"
IDEAS = 'x = repeat 3 { ask "{{ mail }}" }'
MAP = 'x = map m in [mail, mail] { ask "{{ m }}" } reduce collect'


@dataclass(frozen=True)
class Place:
    """A line with a number in it, `@`: one that does not fit there, one that does, and what is said."""

    line: str
    bad: str
    good: str
    code: str
    says: str


OPTION = "takes a value"
PLACES = {
    "temperature": Place('x = ask "{{ mail }}" with temperature: @', "99", "1", "F0307", OPTION),
    "temperature below 0": Place('x = ask "{{ mail }}" with temperature: @', "-1", "1", "F0307", OPTION),
    "max_tokens": Place('x = ask "{{ mail }}" with max_tokens: @', "0", "9", "F0307", OPTION),
    "retries": Place('x = ask "{{ mail }}" with retries: @', "21", "2", "F0307", OPTION),
    "retries of a block": Place(f"{VOTE} reduce majority with retries: @", "21", "2", "F0307", OPTION),
    "retries of a map": Place(f"{MAP} with retries: @", "-1", "2", "F0307", OPTION),
    "timeout": Place('x = ask "{{ mail }}" with timeout: @', "0s", "9s", "F0307", OPTION),
    "timeout of a block": Place(f"{VOTE} reduce majority with timeout: @", "0m", "9s", "F0307", OPTION),
    "timeout of a chain": Place(f"x = chain {{ {ANSWER} }} with timeout: @", "0ms", "9s", "F0307", OPTION),
    "concurrency of a map": Place(f"{MAP} with concurrency: @", "0", "2", "F0307", OPTION),
    "concurrency of a repeat": Place(f"{VOTE} reduce majority with concurrency: @", "0", "2", "F0307", OPTION),
    "share of failures": Place(
        f"{MAP} with errors: skip(@)",
        "150%",
        "50%",
        "F0303",
        OPTION,
    ),
    "option inside a block": Place(
        'x = repeat 3 { ask "{{ mail }}" -> YES | NO with temperature: @ } reduce majority', "9", "1", "F0307", OPTION
    ),
    "option of a reducer's ask": Place(
        IDEAS + ' reduce (ask "{{ results }}" with temperature: @)', "9", "1", "F0307", OPTION
    ),
    "option of a tree": Place(
        IDEAS + ' reduce (by 8 ask "{{ results }}" with max_tokens: @)',
        "0",
        "9",
        "F0307",
        OPTION,
    ),
    "size of a tree": Place(IDEAS + ' reduce by tokens(@) ask "{{ results }}"', "0", "9", "F0303", OPTION),
    "chars": Place("x = split(mail, by: chars(@))", "0", "9", "F0303", OPTION),
    "chars below 0": Place("x = split(mail, by: chars(@))", "-5", "9", "F0303", OPTION),
    "chars by name": Place("x = split(mail, by: chars(n: @))", "0", "9", "F0303", OPTION),
    "tokens": Place("x = split(mail, by: tokens(@))", "0", "9", "F0303", OPTION),
    "overlap": Place("x = split(mail, by: sentence, overlap: @)", "-1", "9", "F0303", OPTION),
    "overlap of a size": Place("x = split(mail, by: chars(80), overlap: @)", "80", "9", "F0303", "an overlap of 80"),
    "overlap by place": Place("x = split(mail, tokens(80), @)", "99", "9", "F0303", "an overlap of 99"),
    "quorum": Place(f"{VOTE} reduce quorum(@)", "5", "2", "F0303", "an answer cannot have 5 votes"),
    "quorum of none": Place(f"{VOTE} reduce quorum(@)", "0", "2", "F0303", OPTION),
    "quorum of a list": Place(
        f"x = map m in [mail, mail, mail] {{ {ANSWER} }} reduce quorum(votes: @)",
        "4",
        "2",
        "F0303",
        "an answer cannot have",
    ),
    "quorum of branches": Place(
        f"x = fanout {{ a = {ANSWER} b = {ANSWER} }} reduce quorum(@)",
        "3",
        "2",
        "F0303",
        "an answer cannot have 3",
    ),
    "at_least": Place(f"{VOTE} reduce majority(at_least: @)", "0", "2", "F0303", OPTION),
    "confidence": Place(f"{LONG_VOTE} reduce majority(confidence: @)", "7", "0.9", "F0303", OPTION),
    "window": Place(f"{LONG_VOTE} reduce window(@)", "0", "3", "F0303", OPTION),
    "window that is never full": Place(
        f"{LONG_VOTE} reduce window(@)", "10", "3", "F0303", "a window of 10 samples is never full"
    ),
    "lead": Place(f"{LONG_VOTE} reduce ahead(@)", "0", "3", "F0303", OPTION),
    "lead that nobody has": Place(f"{LONG_VOTE} reduce ahead(@)", "10", "3", "F0303", "an answer cannot be"),
    "target": Place(f"{LONG_VOTE} reduce ahead(target: @)", "2", "0.9", "F0303", OPTION),
    "steps": Place(f"{LONG_VOTE} reduce ahead(target: 0.9, steps: @)", "0", "2", "F0303", OPTION),
    "right": Place(f"{LONG_VOTE} reduce ahead(target: 0.9, right: @)", "1", "0.9", "F0303", OPTION),
    "divisor": Place("x = n / @", "0", "2", "F0363", "this is a division by zero"),
    "divisor of a fraction": Place("x = 1.5 / @", "0.0", "0.5", "F0363", "this is a division by zero"),
}


def more(number: str) -> str:
    return str(float(number) + 1) if "." in number else str(int(number) + 1)


def quantity(number: str) -> bool:
    return not number.lstrip("-").replace(".", "").isdigit()


def whole(number: str) -> bool:
    return number.isdigit()


@dataclass(frozen=True)
class Form:
    """A way to write a number: what stands in its place, and the lines before; `label` is where it comes from."""

    written: Callable[[str], str]
    lines: Callable[[str], str] = lambda number: ""
    label: Callable[[str], str | None] = lambda number: None
    takes: Callable[[str], bool] = lambda number: True


FORMS = {
    "literal": Form(lambda v: v),
    "brackets": Form(lambda v: f"({v})"),
    "arithmetic": Form(lambda v: f"{more(v)} - 1", takes=lambda v: not quantity(v)),
    "product": Form(lambda v: f"{v} * 1", takes=lambda v: not quantity(v)),
    "negative of a negative": Form(lambda v: f"-(0 - {v})", takes=lambda v: not quantity(v)),
    "default": Form(lambda v: f"none ?? {v}", takes=lambda v: not quantity(v)),
    "step": Form(lambda v: "k", lambda v: f"k = {v}", lambda v: v),
    "step behind it": Form(lambda v: "k", lambda v: f"k = j j = i i = {v}", lambda v: v),
    "sum of steps": Form(lambda v: "k - one", lambda v: f"k = {more(v)} one = 1", more, lambda v: not quantity(v)),
    "field": Form(lambda v: "limits.hot", lambda v: f"limits = {{ hot: {v}, name: mail }}", lambda v: v),
    "field of a spread": Form(
        lambda v: "other.hot", lambda v: f"limits = {{ hot: {v} }} other = {{ hot: 3, ..limits }}", lambda v: "{ hot: 3"
    ),
    "field of a fan-out": Form(
        lambda v: "view.hot", lambda v: f"view = fanout {{ hot = {v} cold = 1 }} reduce collect", lambda v: "fanout"
    ),
    "value of a chain": Form(lambda v: "k", lambda v: f"k = chain {{ a = {v} }}", lambda v: "chain"),
    "length of a text": Form(lambda v: 'length(text "{{ dots }}")', lambda v: f'dots = "{"." * int(v)}"', takes=whole),
    "length of a list": Form(lambda v: f"length([{', '.join(['mail'] * int(v))}])", takes=whole),
    "called flow": Form(lambda v: "k.hot", lambda v: "k = limits()", lambda v: "limits()"),
}
"""Ways to come to a number. `limits` is a flow that returns it."""


def source(place: Place, form: Form, number: str) -> tuple[str, Source]:
    """What is written in the place of the number, and the flow."""
    written = form.written(number)
    inside = f"({written})" if "/ @" in place.line and not written.isidentifier() else written
    text = f"""
        flow limits() {{ hot = {number} return {{ hot: hot }} }}
        flow f(mail: text, n: int) {{
          {place.line.replace("@", inside)}
          {form.lines(number)}
          return {{ x, mail, n }}
        }}
    """
    return written, Source(text)


def findings(text: Source) -> tuple[Diagnostic, ...]:
    try:
        return check_flow(text, catalog()).warnings
    except FlowError as error:
        return error.diagnostics


def forms_of(number: str) -> list[Form]:
    return [form for form in FORMS.values() if form.takes(number)]


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_what_does_not_fit_is_refused_in_every_form(place: Place) -> None:
    for form in forms_of(place.bad):
        written, text = source(place, form, place.bad)
        (problem,) = (one for one in findings(text) if one.severity == "error")
        assert problem.code == place.code, written
        assert place.says in problem.message, written
        assert problem.span.text.strip("()") == written.strip("()")
        label = form.label(place.bad)
        assert (label is None) == (not problem.labels), written
        assert label is None or problem.labels[0].span.text.startswith(label), written


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_what_fits_is_taken_in_every_form(place: Place) -> None:
    for form in forms_of(place.good):
        written, text = source(place, form, place.good)
        try:
            checked = check_flow(text, catalog())
        except FlowError as error:
            raise AssertionError(written) from error
        verify(make_plan(checked))


MODELS: Mapping[str, tuple[str, str]] = {
    "temperature": ("1 + 2", "1 + 0.5"),
    "max_tokens": ("1 - 1", "2 * 50"),
    "retries": ("-1", "1 + 1"),
    "timeout": ("0s", "1s"),
    "rpm": ("0 * 5", "5 * 5"),
    "tpm": ("5 - 5", "5 * 5"),
    "input_price": ("-0.5", "1 / 2"),
    "output_price": ("1 - 2", "1 / 2"),
    "cached_price": ("-0.5", "1 / 2"),
    "stored_price": ("1 - 2", "1 / 2"),
    "concurrency": ("2 - 2", "2 * 2"),
}


@pytest.mark.parametrize("option", MODELS)
def test_a_model_is_declared_with_options_in_range(option: str) -> None:
    def told(value: str) -> list[tuple[str, str]]:
        text = f'model m = "openai:x" with {option}: {value}\nflow f(a: text) {{ x = ask m "{{{{ a }}}}" return x }}'
        try:
            return [(one.code, one.span.text) for one in check_flow(Source(text), catalog()).warnings]
        except FlowError as error:
            return [(one.code, one.span.text) for one in error.diagnostics]

    bad, good = MODELS[option]
    assert told(bad) == [("F0307", bad)]
    assert told(good) == []


NOT_PLAIN = {"function": 'length("abc")', "function inside": "1 + length([])", "file": 'length(file("a.md"))'}


@pytest.mark.parametrize("value", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_a_model_is_declared_before_there_is_anything_to_read(value: str) -> None:
    text = f'model m = "openai:x" with max_tokens: {value}\nflow f(a: text) {{ x = ask m "{{{{ a }}}}" return x }}'
    with pytest.raises(FlowError) as caught:
        check_flow(Source(text), catalog())
    assert ("F0307", "length") in [(one.code, one.span.text) for one in caught.value.diagnostics]
