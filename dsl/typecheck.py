"""The types of steps: what each is made of, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from . import syntax as s
from . import types as t
from .catalog import Catalog, OptionSpec, ParamSpec, Refusal, Where
from .dependencies import Dependencies
from .diagnostics import Diagnostic, did_you_mean
from .expressions import Expressions
from .names import Flow, Program, Scope, Step, Symbol
from .source import Span
from .syntax_errors import stray_word
from .written_types import WrittenTypes


@dataclass(eq=False, slots=True)
class Typed:
    """What the checker found out, for the plan: keyed by the identity of the tree's parts.

    ``answers`` are the types of asks, ``params`` and ``steps`` of what their names say; ``words`` are names
    that stand for themselves; ``tallied`` are the votes whose account the flow looks at.
    """

    problems: list[Diagnostic] = field(default_factory=list)
    answers: dict[int, t.Type] = field(default_factory=dict)
    params: dict[int, t.Type] = field(default_factory=dict)
    steps: dict[Step, t.Type] = field(default_factory=dict)
    results: dict[int, t.Type] = field(default_factory=dict)
    words: set[int] = field(default_factory=set)
    tallied: set[Step] = field(default_factory=set)


def typecheck(program: Program, catalog: Catalog, dependencies: Dependencies) -> Typed:
    checker = _Checker(program, catalog)
    for model in program.file.models:
        checker.model(model)
    for flow in program.flows:
        for param in flow.decl.params:
            checker.param(param)
    for step in [*dependencies.order, *sorted(dependencies.tangled, key=lambda step: step.line.span.start)]:
        checker.step(step)
    for flow in program.flows:
        checker.flow(flow)
    typed = checker.typed
    typed.problems.extend(checker.expressions.problems)
    typed.words = checker.expressions.words
    typed.tallied = checker.expressions.tallied
    return typed


class _Checker:
    def __init__(self, program: Program, catalog: Catalog) -> None:
        self.program = program
        self.catalog = catalog
        self.typed = Typed()
        self.written = WrittenTypes(program.file, self.typed.problems)
        hidden: dict[str, Step] = {}
        for flow in program.flows:
            for step in flow.walk():
                if step.parent and step.symbol:
                    hidden.setdefault(step.symbol.name, step)
        self.expressions = Expressions(program, catalog, self.type_of, hidden)
        self._elements: dict[Step, t.Type] = {}

    def report(self, code: str, message: str, span: Span, help: str = "", note: str = "") -> None:
        self.typed.problems.append(Diagnostic(code, message, span, help=help, note=note))

    def type_of(self, symbol: Symbol) -> t.Type:
        if symbol.kind == "model":
            return t.MODEL
        if symbol.kind == "param" and symbol.param:
            return self.typed.params.get(id(symbol.param), t.UNKNOWN)
        step = symbol.step
        if step is None:
            return t.UNKNOWN
        if symbol.kind == "element":
            return self.element(step)
        if symbol.kind == "results":
            return self.results(step)
        return self.typed.steps.get(step, t.UNKNOWN)

    # Declarations

    def model(self, decl: s.ModelDecl) -> None:
        for address in (decl.address, decl.fallback):
            if address is None:
                continue
            provider = address.value.split(":", 1)[0]
            if provider not in self.catalog.providers:
                known = sorted(self.catalog.providers)
                self.report(
                    "F0207",
                    f"no provider is called `{provider}`",
                    address.span,
                    help=did_you_mean(provider, known) or "write `provider:name` with one of " + ", ".join(known),
                )
        self.options(decl.options, ("model",), self.program.scope, "a model")

    def param(self, param: s.Param) -> None:
        type_ = self.written.read(param.type)
        self.typed.params[id(param)] = type_
        if param.default is not None:
            # A default is worked out before the flow begins: it sees the models and nothing else.
            self.expressions.expect(param.default, self.program.scope, type_, f"`{param.name.text}`")

    def flow(self, flow: Flow) -> None:
        for returned in flow.decl.returns:
            type_ = self.expressions.infer(returned.value, flow.scope)
            if t.holds_model(type_):
                self.report(
                    "F0301", "a model is no answer", returned.value.span, "return what it said, and leave it out"
                )
            self.typed.results[id(flow.decl)] = type_

    # Steps

    def step(self, step: Step) -> None:
        line = step.line
        type_ = self.node(step)
        for word in line.after:
            symbol = step.scope.lookup(word.text)
            if symbol is None:
                self.expressions.unknown_name(word.text, word.span, step.scope)
            elif symbol.kind not in ("step", "branch"):
                self.report("F0301", f"`after` waits for a step, and `{word.text}` is none", word.span)
        if line.when:
            self.expressions.expect(line.when.condition, step.scope, t.BOOL, "`when`")
            if line.when.otherwise is None:
                type_ = type_ if isinstance(type_, t.Optional) else t.Optional(type_)
            else:
                other = self.expressions.infer(line.when.otherwise, step.scope, type_)
                type_ = t.join([type_, other])
        self.typed.steps[step] = type_

    def node(self, step: Step) -> t.Type:
        line = step.line
        node = line.node
        kinds: tuple[Where, ...]
        match node:
            case s.Ask():
                kinds, what = ("ask",), "an ask"
                type_ = self.ask(node, step.scope)
            case s.Map():
                kinds, what = ("map",), "a map"
                self.element(step)
                if node.where is not None and step.inner:
                    self.expressions.expect(node.where, step.inner, t.BOOL, "`where`")
                if node.at_most is not None and (node.at_most.unit or not isinstance(node.at_most.value, int)):
                    self.report("F0402", "`at most` takes a whole number", node.at_most.span)
                type_ = self.reduce(step, node.reduce, node.body)
            case s.Repeat():
                kinds, what = ("repeat",), "a repeat"
                self.repeat(node)
                type_ = self.reduce(step, node.reduce, node.body)
            case s.Fanout():
                kinds, what = ("fanout",), "a fanout"
                self.branches(step, node)
                type_ = self.reduce(step, node.reduce, node.body)
            case s.Chain():
                kinds, what = (), "a chain"
                type_ = self.body(step, node.body)
            case s.Name(word) if step.symbol is None and line.name is None and (help := stray_word(word.text)):
                kinds, what, type_ = (), "a value", self._stray(word, help, step.scope)
            case _:
                kinds, what = (), "a value"
                type_ = self.expressions.infer(node, step.scope)
        self.options(line.options, kinds, step.scope, what)
        return type_

    def _stray(self, word: s.Word, help: str, scope: Scope) -> t.Type:
        symbol = scope.lookup(word.text)
        if symbol is not None:
            return self.type_of(symbol)
        self.report("F0201", f"nothing is called `{word.text}`", word.span, help)
        return t.UNKNOWN

    def ask(self, ask: s.Ask, scope: Scope) -> t.Type:
        model = ask.model
        if isinstance(model, s.Name) and model.word.text in ("f", "F") and scope.lookup(model.word.text) is None:
            self.report(
                "F0101",
                f"`{model.word.text}` cannot stand before a text",
                model.span,
                "there are no f-strings: leave the `f` out and write `{{ name }}`, with two braces",
            )
        elif ask.model is not None:
            type_ = self.expressions.infer(ask.model, scope)
            if not t.fits(type_, t.MODEL):
                name = ask.model.span.text
                self.report(
                    "F0207",
                    f"`{name}` is no model: it is {t.show(type_)}",
                    ask.model.span,
                    help='a model is declared at the top of the file: `model NAME = "provider:name"`',
                )
        for message in ask.messages:
            self.expressions.template(message.template, scope)
        if ask.messages[-1].role is not None and ask.messages[-1].role.text != "user":
            self.report(
                "F0303", "the last part of a prompt is the user's", ask.messages[-1].span, 'end with `user "…"`'
            )
        type_ = self.written.read(ask.answer) if ask.answer is not None else t.TEXT
        if type_ in (t.MODEL, t.DOCUMENT) and ask.answer is not None:
            self.report(
                "F0301", f"no answer is of the type {t.show(type_)}", ask.answer.span, "write `text` or leave it out"
            )
        self.typed.answers[id(ask)] = type_
        return type_

    def element(self, step: Step) -> t.Type:
        node = step.line.node
        if step in self._elements or not isinstance(node, s.Map):
            return self._elements.get(step, t.UNKNOWN)
        self._elements[step] = t.UNKNOWN
        given = self.expressions.infer(node.source, step.scope)
        if isinstance(given, t.ListOf):
            self._elements[step] = given.item
        elif isinstance(given, t.Optional):
            self.report("F0306", "this list may be missing", node.source.span, "supply an empty one: `… ?? []`")
        elif given not in (t.UNKNOWN, t.JSON):
            source = node.source.word.text if isinstance(node.source, s.Name) else "…"
            help = f"cut it into a list: `split({source}, by: heading)`" if t.is_text(given) else ""
            self.report("F0301", f"a map goes through a list, and this is {t.show(given)}", node.source.span, help)
        return self._elements[step]

    def repeat(self, node: s.Repeat) -> None:
        for number in (node.least, node.most):
            if number.unit or not isinstance(number.value, int) or number.value < 1:
                self.report("F0402", "a repeat counts with whole numbers from 1", number.span, "write `repeat 3 { … }`")
                return
        if node.least.value > node.most.value:
            self.report(
                "F0402",
                f"from {node.least.digits} up to {node.most.digits} there is nothing",
                node.least.span.to(node.most.span),
                f"write `repeat {node.most.digits}..{node.least.digits}`",
            )

    def branches(self, step: Step, node: s.Fanout) -> None:
        for branch in step.steps:
            if branch.symbol is None:
                self.report(
                    "F0403",
                    "each branch of a fanout has a name",
                    branch.line.span,
                    "write `name = …`: the reducer calls the branches by their names",
                )
        if not step.steps:
            self.report("F0404", "this fanout has no branches", node.body.span, "give it two or more: `name = ask …`")

    def body(self, step: Step, body: s.Body) -> t.Type:
        if not step.steps:
            self.report("F0404", "this block is empty", body.span, "its last line is its value: write an `ask`, say")
            return t.UNKNOWN
        return self.typed.steps.get(step.steps[-1], t.UNKNOWN)

    def results(self, step: Step) -> t.Type:
        """The type of ``results``: a list of the bodies' values."""
        if isinstance(step.line.node, s.Fanout):
            return t.ListOf(t.join(self.typed.steps.get(branch, t.UNKNOWN) for branch in step.steps))
        item = self.typed.steps.get(step.steps[-1], t.UNKNOWN) if step.steps else t.UNKNOWN
        if _keeps_places(step.line) and item != t.UNKNOWN and not isinstance(item, t.Optional):
            item = t.Optional(item)
        return t.ListOf(item)

    def reduce(self, step: Step, reduce: s.Reduce, body: s.Body) -> t.Type:
        scope = step.reduce_scope or step.scope
        fanout = isinstance(step.line.node, s.Fanout)
        item = t.UNKNOWN if fanout else self.body(step, body)
        if _keeps_places(step.line) and item != t.UNKNOWN and not isinstance(item, t.Optional):
            item = t.Optional(item)
        if isinstance(item, t.Optional) and item.item == t.UNKNOWN:
            item = t.UNKNOWN
        if reduce.ask is not None:
            node = step.line.node
            if isinstance(node, s.Repeat) and node.least.digits != node.most.digits:
                self.report(
                    "F0402",
                    f"an `ask` does not say when {node.least.digits} are enough",
                    node.least.span.to(node.most.span),
                    "write one number: `repeat 3 { … }`",
                )
            self.options(reduce.options, ("ask",), scope, "an ask")
            type_ = self.ask(reduce.ask, scope)
            if reduce.count is not None:
                self.tree(reduce, item, type_, scope)
            return type_
        spec = self.catalog.reducers.get(reduce.rule.text)
        if spec is None:
            known = [*self.catalog.reducers, "ask"]
            self.report(
                "F0208",
                f"no reducer is called `{reduce.rule.text}`",
                reduce.rule.span,
                help=did_you_mean(reduce.rule.text, known) or "there are " + ", ".join(f"`{word}`" for word in known),
            )
            return t.UNKNOWN
        node = step.line.node
        if isinstance(node, s.Repeat) and node.least.digits != node.most.digits and not spec.adaptive:
            adaptive = ", ".join(f"`{name}`" for name, one in self.catalog.reducers.items() if one.adaptive)
            self.report(
                "F0402",
                f"`{spec.name}` does not say when {node.least.digits} are enough",
                node.least.span.to(node.most.span),
                f"write one number, or a reducer that decides by itself: {adaptive}",
            )
        self.expressions.arguments(
            spec.name, self._with_asks(spec.params, reduce, scope), reduce.args, reduce.span, scope
        )
        given: Mapping[str, t.Type] | t.Type = item
        if fanout:
            given = {branch.title: self.typed.steps.get(branch, t.UNKNOWN) for branch in step.steps}
        result = spec.result(given)
        if isinstance(result, Refusal):
            self.report("F0301", result.message, reduce.rule.span, result.help)
            return t.UNKNOWN
        return result

    def _with_asks(self, params: tuple[ParamSpec, ...], reduce: s.Reduce, scope: Scope) -> tuple[ParamSpec, ...]:
        for arg in reduce.args:
            if isinstance(arg.value, s.Ask):
                self.ask(arg.value, scope)
        return params

    def tree(self, reduce: s.Reduce, item: t.Type, merged: t.Type, scope: Scope) -> None:
        if reduce.count is not None and isinstance(reduce.count, s.Number):
            value = reduce.count.value
            if reduce.count.unit or not isinstance(value, int) or value < 2:
                self.report(
                    "F0402", "a tree merges two or more at a time", reduce.count.span, "write `reduce by 8 ask …`"
                )
        elif reduce.count is not None:
            self.expressions.expect(reduce.count, scope, t.INT, "`by`")
        if not t.fits(merged, item) and reduce.ask is not None:
            self.report(
                "F0301",
                f"each merge is merged again, so it must be {t.show(item)}, and this is {t.show(merged)}",
                reduce.ask.span,
                help=f"write `-> {t.show(item)}` behind the prompt",
            )

    def options(self, options: tuple[s.Option, ...], kinds: tuple[Where, ...], scope: Scope, what: str) -> None:
        seen: set[str] = set()
        for option in options:
            name = option.name.text
            spec = self.catalog.options.get(name)
            fitting = [known for known, one in self.catalog.options.items() if one.on & set(kinds)]
            if spec is None or not spec.on & set(kinds):
                known = ", ".join(f"`{word}`" for word in fitting)
                self.report(
                    "F0307",
                    f"{what} has no option `{name}`",
                    option.name.span,
                    help=did_you_mean(name, fitting) or (f"it takes {known}" if known else "it takes no options"),
                )
            elif name in seen:
                self.report("F0307", f"`{name}` is given twice", option.name.span, "keep one of the two")
            else:
                self._option(option, spec, scope)
            seen.add(name)

    def _option(self, option: s.Option, spec: OptionSpec, scope: Scope) -> None:
        if isinstance(option.value, s.Ask):
            self.report("F0301", f"`{spec.name}` takes a value, not an `ask`", option.value.span)
            return
        self.expressions.expect(option.value, scope, spec.type, f"`{spec.name}`")
        if isinstance(option.value, s.Number):
            value = option.value.value
            low, high = spec.low, spec.high
            if (low is not None and value < low) or (high is not None and value > high):
                bounds = f"from {low:g} to {high:g}" if high is not None else f"of {low:g} or more"
                self.report("F0307", f"`{spec.name}` takes a value {bounds}", option.value.span)


def _keeps_places(line: s.Line) -> bool:
    """Whether a failed element of a map keeps its place, with nothing in it."""
    return any(
        option.name.text == "errors" and isinstance(option.value, s.Name) and option.value.word.text == "none"
        for option in line.options
    )
