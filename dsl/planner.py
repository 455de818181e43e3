"""A checked flow, made into a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import plan as p
from . import syntax as s
from . import types as t
from .catalog import Catalog, ParamSpec
from .check import Checked
from .expressions import CONSTANTS
from .names import Flow, Mention, Step

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "none": None}


def make_plan(checked: Checked, flow: str | None = None) -> p.Plan:
    """The plan of one flow of a file: the last, unless named. Raises KeyError with the name of an unknown flow."""
    flows = checked.program.flows
    chosen = flows[-1] if flow is None else next((one for one in flows if one.decl.name.text == flow), None)
    if chosen is None:
        raise KeyError(flow)
    return _Planner(checked).plan(chosen)


class _Planner:
    def __init__(self, checked: Checked) -> None:
        self.typed = checked.typed
        self.catalog: Catalog = checked.catalog
        self.file = checked.file
        self.names: dict[Step, str] = {}

    def plan(self, flow: Flow) -> p.Plan:
        for number, step in enumerate(flow.walk()):
            self.names[step] = step.symbol.name if step.symbol else f"#{number}"
        decl = flow.decl
        params = tuple(
            p.Param(
                param.name.text,
                self.typed.params[id(param)],
                self.expr(param.default) if param.default is not None else None,
                param.default is None and not isinstance(self.typed.params[id(param)], t.Optional),
            )
            for param in decl.params
        )
        models = tuple(
            p.Model(
                model.name.text,
                model.address.value,
                self.options(model.options),
                model.fallback.value if model.fallback is not None else None,
            )
            for model in self.file.models
        )
        steps = tuple(self.step(step) for step in flow.steps)
        return p.Plan(
            decl.name.text,
            self.file.span.source.name,
            params,
            models,
            steps,
            self.expr(decl.returns[0].value),
            self.typed.results[id(decl)],
            int(decl.budget.calls.value) if decl.budget and decl.budget.calls else None,
        )

    def step(self, step: Step) -> p.Step:
        line = step.line
        options = self.options(line.options)
        node = line.node
        if step in self.typed.tallied and isinstance(node, s.Repeat) and node.least.digits == node.most.digits:
            # What a flow can see must not depend on who answered first: all are asked, unless it says otherwise.
            # A vote that chooses its own number counts in the order of its samples, and needs no such care.
            options.setdefault("launch", p.Constant("together"))
        return p.Step(
            self.names[step],
            self.needs(step.mentions, "head"),
            self.node(step),
            self.typed.steps[step],
            options,
            self.expr(line.when.condition) if line.when else None,
            self.expr(line.when.otherwise) if line.when and line.when.otherwise is not None else None,
            line.span.line,
        )

    def needs(self, mentions: Iterable[Mention], part: str) -> tuple[str, ...]:
        names = []
        for mention in mentions:
            symbol = mention.symbol
            if mention.part != part or symbol is None or symbol.kind not in ("step", "branch") or symbol.step is None:
                continue
            if part == "reduce" and symbol.step.parent is mention.step:
                continue
            names.append(self.names[symbol.step])
        return tuple(dict.fromkeys(names))

    def node(self, step: Step) -> p.Node:
        node = step.line.node
        match node:
            case s.Ask():
                return self.ask(node)
            case s.Map():
                return p.Map(
                    node.element.text,
                    self.expr(node.source),
                    self.expr(node.where) if node.where is not None else None,
                    int(node.at_most.value) if node.at_most else None,
                    self.block(step),
                    self.reduce(step, node.reduce),
                )
            case s.Repeat():
                return p.Repeat(
                    int(node.least.value), int(node.most.value), self.block(step), self.reduce(step, node.reduce)
                )
            case s.Fanout():
                return p.Fanout(self.block(step), self.reduce(step, node.reduce))
            case s.Chain():
                return p.Chain(self.block(step))
            case _:
                return p.Value(self.expr(node))

    def block(self, step: Step) -> p.Block:
        steps = tuple(self.step(inner) for inner in step.steps)
        return p.Block(steps, steps[-1].name)

    def ask(self, ask: s.Ask) -> p.Ask:
        messages = tuple(
            p.Message(message.role.text if message.role else "user", message.template.value)  # type: ignore[arg-type]
            for message in ask.messages
        )
        model = self.expr(ask.model) if ask.model is not None else None
        return p.Ask(model, messages, self.typed.answers[id(ask)])

    def reduce(self, step: Step, reduce: s.Reduce) -> p.Reduce:
        spec = self.catalog.reducers.get(reduce.rule.text)
        return p.Reduce(
            reduce.rule.text,
            self.args(spec.params, reduce.args) if spec else {},
            self.ask(reduce.ask) if reduce.ask is not None else None,
            self.options(reduce.options),
            self.expr(reduce.count) if reduce.count is not None else None,
            self.needs(step.mentions, "reduce"),
        )

    def options(self, options: tuple[s.Option, ...]) -> dict[str, p.Expr]:
        return {option.name.text: self.expr(option.value) for option in options if not isinstance(option.value, s.Ask)}

    def args(self, params: tuple[ParamSpec, ...], args: tuple[s.Arg, ...]) -> dict[str, p.Expr]:
        given: dict[str, p.Expr] = {}
        for place, arg in enumerate(args):
            spec = params[place] if arg.name is None else next(one for one in params if one.name == arg.name.text)
            if isinstance(arg.value, s.Ask):
                continue
            given[spec.name] = self.rule(spec.rules, arg.value) if spec.rules else self.expr(arg.value)
        return given

    def rule(self, rules: Mapping[str, tuple[ParamSpec, ...]], value: s.Expr) -> p.Expr:
        if isinstance(value, s.Call):
            return p.RuleOf(value.function.text, self.args(rules[value.function.text], value.args))
        return p.RuleOf(value.word.text if isinstance(value, s.Name) else "", {})

    def expr(self, expr: s.Expr) -> p.Expr:
        match expr:
            case s.Name(word):
                if id(expr) in self.typed.words:
                    return p.Constant(word.text)
                if word.text in CONSTANTS:
                    return p.Constant(_CONSTANTS[word.text])
                return p.Ref(word.text)
            case s.Get(base, word):
                return p.FieldOf(self.expr(base), word.text)
            case s.Text(string):
                return p.Constant(string.value)
            case s.Template(_, string):
                return p.TextOf(string.value)
            case s.Number():
                return p.Constant(_plain(expr))
            case s.ListExpr(items):
                return p.Items(tuple(self.expr(item) for item in items))
            case s.RecordExpr(entries):
                return p.RecordOf(
                    tuple(p.Entry(entry.name.text if entry.name else None, self.expr(entry.value)) for entry in entries)
                )
            case s.Call(function, args):
                spec = self.catalog.functions[function.text]
                given = self.args(spec.params, args)
                if spec.of_step:
                    given = {
                        name: p.Constant(ref.name) if isinstance(ref, p.Ref) else ref for name, ref in given.items()
                    }
                return p.CallOf(spec.name, given)
            case s.Unary(operator, operand):
                return p.Apply("negative" if operator == "-" else operator, (self.expr(operand),))
            case s.Binary(operator, left, right):
                return p.Apply(operator, (self.expr(left), self.expr(right)))


def _plain(number: s.Number) -> int | float:
    if number.unit == "%":
        return number.value / 100
    return number.value * _SECONDS[number.unit] if number.unit in _SECONDS else number.value
