"""Random flows of constant steps, with their values by the checker's folding and by the evaluator of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from flowrun.dsl import Checked, Source, make_plan, parse_flow
from flowrun.dsl import plan as p
from flowrun.dsl.checking.callees import Imported
from flowrun.dsl.checking.dependencies import depend
from flowrun.dsl.checking.names import resolve
from flowrun.dsl.checking.static_values import NoValue, StaticValue
from flowrun.dsl.checking.typecheck import typecheck
from flowrun.runtime.catalog import catalog
from flowrun.runtime.files.files import Files
from flowrun.runtime.reads.reading import READERS, reading
from flowrun.runtime.values.expressions import evaluate
from flowrun.runtime.values.functions import call_function
from flowrun.runtime.vocabulary.errors import FlowrunError

Json = Any
FAILS = "fails"
"""A mark for a step that has no value."""
_KINDS = ("number", "bool", "text", "numbers", "texts", "record")
_LITERALS = {
    "number": ("0", "1", "2", "7", "0.5", "1.25", "0.0", "9" * 30, "9" * 28 + ".5", "50%", "0s", "1500ms", "2m"),
    "bool": ("true", "false"),
    "text": ('""', '"a"', '"a b"', '"ä\\n"'),
    "numbers": ("[]", "[0, 1]"),
    "texts": ("[]", '["a", "b"]'),
    "record": ("{ a: 0, b: 2 }",),
}


@dataclass(frozen=True)
class ConstantFlow:
    """The lines of a flow, each after those that it needs, and the names with the kinds of their values."""

    lines: tuple[str, ...]
    names: Mapping[str, str]


@st.composite
def constant_flows(draw: st.DrawFn) -> ConstantFlow:
    names: dict[str, str] = {}
    lines = []
    for number in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(_KINDS))
        lines.append(f"k{number} = {_expression(draw, kind, names, 3)}")
        names[f"k{number}"] = kind
    return ConstantFlow(tuple(lines), names)


def _expression(draw: st.DrawFn, kind: str, names: Mapping[str, str], depth: int) -> str:
    """Draw an expression of a kind, in brackets if it is compound."""
    known = [name for name, of in names.items() if of == kind]
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from([*_LITERALS[kind], *known]))

    def one(of: str) -> str:
        return _expression(draw, of, names, depth - 1)

    records = [name for name, of in names.items() if of == "record"]
    ways: dict[str, list[Callable[[], str]]] = {
        "number": [
            lambda: f"({one('number')} {draw(st.sampled_from('+-*/'))} {one('number')})",
            lambda: f"(-{one('number')})",
            lambda: f"(none ?? {one('number')})",
            lambda: f"length({one(draw(st.sampled_from(['text', 'numbers', 'record'])))})",
            *([lambda: f"{draw(st.sampled_from(records))}.{draw(st.sampled_from('ab'))}"] if records else []),
        ],
        "bool": [
            lambda: f"({one('number')} {draw(st.sampled_from(['<', '<=', '>', '>=', '==', '!=']))} {one('number')})",
            lambda: f"({one('bool')} {draw(st.sampled_from(['and', 'or']))} {one('bool')})",
            lambda: f"(not {one('bool')})",
            lambda: f"({one('number')} in {one('numbers')})",
            lambda: f"({one('text')} in {one('text')})",
            lambda: f"({one('texts')} == {one('texts')})",
        ],
        "text": [
            lambda: f"({one('text')} + {one('text')})",
            lambda: f"join({one('texts')}, {one('text')})",
            lambda: 'text "' + "-".join(f"{{{{ {name} }}}}" for name in [*names][:3]) + '"',
            *([lambda: f'text "{{{{ {draw(st.sampled_from(records))}.a }}}}"'] if records else []),
        ],
        "numbers": [
            lambda: f"[{one('number')}, {one('number')}]",
            lambda: f"({one('numbers')} + {one('numbers')})",
        ],
        "texts": [lambda: f"[{one('text')}]", lambda: f"({one('texts')} + {one('texts')})"],
        "record": [
            lambda: f"{{ a: {one('number')}, b: {one('number')} }}",
            lambda: f"{{ ..{one('record')}, b: {one('number')} }}",
        ],
    }
    return draw(st.sampled_from(ways[kind]))()


def checked_flow(text: str) -> Checked:
    """Check a flow, and return everything that the checker finds out, even if the flow has errors."""
    file = parse_flow(Source(text))
    program = resolve(file)
    dependencies = depend(program)
    typed = typecheck(program, catalog(), dependencies, Imported())
    return Checked(file, program, dependencies, typed, catalog(), ())


def folded(checked: Checked) -> dict[str, Json]:
    """Return the value of each step of the last flow as the checker folds it; None where only a run can decide it."""
    found = {}
    for step in checked.program.flows[-1].steps:
        value = checked.typed.folding.step(step)
        whole = value.value if isinstance(value, StaticValue) and value.whole else None
        found[step.title] = FAILS if isinstance(value, NoValue) else whole
    return found


def worked_out(checked: Checked, files: Files) -> dict[str, Json]:
    """Return the values of the same steps by the evaluator of runs."""
    steps = {step.name: step for step in make_plan(checked).steps}
    return {name: _Run(steps, files).found(name) for name in steps}


class _Run:
    """An evaluator of steps that works out each step when it is named."""

    def __init__(self, steps: Mapping[str, p.Step], files: Files) -> None:
        self._steps = steps
        self._read = reading(files)

    def found(self, name: str) -> Json:
        try:
            return self.value(name)
        except FlowrunError:
            return FAILS

    def value(self, name: str) -> Json:
        node = self._steps[name].node
        assert isinstance(node, p.Value)
        return evaluate(node.expr, self)

    def call(self, function: str, args: Mapping[str, Json]) -> Json:
        return self._read(function, args) if function in READERS else call_function(function, args, lambda _: None)
