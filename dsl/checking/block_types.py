"""The types of blocks: what goes round in them, what comes out, and the options that they take."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

from .. import syntax as s
from .. import types as t
from ..catalog import AskSpec, Catalog, Given, OptionSpec, ParamSpec, ReducerSpec, Refusal, Where
from ..diagnostics import Diagnostic, did_you_mean
from ..source import Span
from .callees import Callee
from .counts import numbers_of
from .expressions import Expressions
from .names import Program, Scope, Step
from .origins import origins
from .reducer_names import reducer_meant
from .typed import Typed
from .written_types import WrittenTypes

FOLD = (ParamSpec("from", t.UNKNOWN),)
"""What a fold may be given to begin with; its type is that of the ask."""
TOKENS = (ParamSpec("size", t.INT, required=True, low=1),)
"""`by tokens(n)`: a merge takes as many results as have so many tokens together."""
_NO_OPTIONS = {"a call": "a call takes none: set it on the asks inside, or on the model"}


class Blocks(ABC):
    """The part of the checker that is about blocks, their reducers and their options."""

    program: Program
    catalog: Catalog
    typed: Typed
    expressions: Expressions
    written: WrittenTypes

    def __init__(self) -> None:
        self.elements: dict[Step, t.Type] = {}
        self._folds: dict[Step, tuple[t.Type, t.Type]] = {}

    def report(self, code: str, message: str, span: Span, help: str = "", note: str = "") -> None:
        self.typed.problems.append(Diagnostic(code, message, span, help=help, note=note))

    @abstractmethod
    def ask(self, ask: s.Ask, scope: Scope) -> t.Type: ...

    def element(self, step: Step) -> t.Type:
        node = step.line.node
        if step in self.elements or not isinstance(node, s.Map):
            return self.elements.get(step, t.UNKNOWN)
        self.elements[step] = t.UNKNOWN
        given = self.expressions.infer(node.source, step.scope)
        if isinstance(given, t.ListOf):
            self.elements[step] = given.item
        elif isinstance(given, t.Optional):
            self.report("F0306", "this list may be missing", node.source.span, "supply an empty one: `… ?? []`")
        elif given not in (t.UNKNOWN, t.JSON):
            source = node.source.word.text if isinstance(node.source, s.Name) else "…"
            help = f"cut it into a list: `split({source}, by: heading)`" if t.is_text(given) else ""
            self.report("F0301", f"a map goes through a list, and this is {t.show(given)}", node.source.span, help)
        return self.elements[step]

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

    def results(self, step: Step) -> t.ListOf:
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
            if reduce.rule.text == "fold":
                return self.fold(step, reduce, reduce.ask, item if not fanout else self.results(step).item)
            type_ = self.ask(reduce.ask, scope)
            if reduce.count is not None:
                self.tree(reduce, item, type_, step.argument_scope or step.scope)
            return type_
        spec = self.catalog.reducers.get(reduce.rule.text)
        extern = self.expressions.own.get(reduce.rule.text)
        if spec is None and extern is not None and extern.kind == "extern":
            return self._reduce_extern(step, reduce, extern, step.argument_scope or step.scope)
        if spec is None:
            externs = [name for name, one in self.expressions.own.items() if one.kind == "extern"]
            help = reducer_meant(reduce.rule.text, [*self.catalog.reducers, "ask", *externs])
            self.report("F0208", f"no reducer is called `{reduce.rule.text}`", reduce.rule.span, help)
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
        branches = {branch.title: self.typed.steps.get(branch, t.UNKNOWN) for branch in step.steps} if fanout else None
        if branches is not None:
            item = t.join(branches.values())
        given = replace(numbers_of(step, self.expressions.folding), item=item, branches=branches)
        return self._rule(step, reduce, spec, given)

    def _rule(self, step: Step, reduce: s.Reduce, spec: ReducerSpec, given: Given) -> t.Type:
        """The type of what a rule makes of its results; says so where its arguments do not fit it, or each other."""
        item = t.unwrapped(given.item)
        by = dict(named(spec.params, reduce.args)).get("by")
        if isinstance(item, t.Record) and isinstance(by, s.Name) and (field := item.field(by.word.text)):
            item = t.unwrapped(field.type)
        params = tuple(replace(param, type=item) if param.of_item else param for param in spec.params)
        before = self._told
        for param, arg in zip(_params(params, reduce.args), reduce.args, strict=True):
            if not isinstance(arg.value, s.Ask):
                continue
            self.ask(arg.value, step.reduce_scope or step.scope)
            if param is not None and param.asks is not None:
                self._asked(param, param.asks, arg.value, given.item)
        scope = step.argument_scope or step.scope
        self.expressions.arguments(spec.name, params, reduce.args, reduce.span, scope)
        folding, values = self.expressions.folding, dict(named(spec.params, reduce.args))
        args = {name: folding.known(value, scope) for name, value in values.items()}
        if self._told > before:
            # What an argument does wrong is told; what would follow from it is no second mistake.
            args = {}
            if any(param.required or param.takes_field or param.asks for param in spec.params):
                return t.UNKNOWN
        result = spec.result(replace(given, args=args))
        if not isinstance(result, Refusal):
            return result
        value = values.get(result.arg)
        self.typed.problems.append(
            Diagnostic(
                "F0301" if value is None else "F0303",
                result.message,
                reduce.rule.span if value is None else value.span,
                labels=() if value is None else origins(value, scope, folding),
                help=result.help,
            )
        )
        return t.UNKNOWN

    @property
    def _told(self) -> int:
        return len(self.typed.problems) + len(self.expressions.problems)

    def _asked(self, param: ParamSpec, asks: AskSpec, ask: s.Ask, item: t.Type) -> None:
        """An ask of a rule answers what the rule says: one of the results, or their order."""
        self.typed.answers[id(ask)] = asks.answer(item)
        if ask.answer is not None:
            said = (
                f"what `{param.name}` is answered with is the rule's own: one of the results it is shown, or a number"
            )
            self.report("F0303", said, ask.answer.span, "leave the type out")

    def _reduce_extern(self, step: Step, reduce: s.Reduce, extern: Callee, scope: Scope) -> t.Type:
        """An extern combines when it has a parameter for the results."""
        taken = next((param for param in extern.params if param.name == "results"), None)
        if taken is None:
            self.report(
                "F0303",
                f"the extern `{extern.name}` takes no results",
                reduce.rule.span,
                f"an extern that combines has a parameter for them: `extern {extern.name}(results: [text]) -> …`",
            )
            return extern.result
        others = tuple(param for param in extern.params if param is not taken)
        self.expressions.arguments(extern.name, others, reduce.args, reduce.span, scope)
        given = self.results(step)
        if not t.fits(given, taken.type):
            self.report(
                "F0301",
                f"`{extern.name}` takes {t.show(taken.type)} for `results`, and these are {t.show(given)}",
                reduce.rule.span,
            )
        self.typed.callees[id(reduce)] = extern
        return extern.result

    def tree(self, reduce: s.Reduce, item: t.Type, merged: t.Type, scope: Scope) -> None:
        if isinstance(reduce.count, s.Call) and reduce.count.function.text == "tokens" and reduce.count.prefix is None:
            self.expressions.arguments("tokens", TOKENS, reduce.count.args, reduce.count.span, scope)
        elif reduce.count is not None and isinstance(reduce.count, s.Number):
            value = reduce.count.value
            if reduce.count.unit or not isinstance(value, int) or value < 2:
                self.report(
                    "F0402", "a tree merges two or more at a time", reduce.count.span, "write `reduce by 8 ask …`"
                )
        elif reduce.count is not None:
            self.expressions.expect(reduce.count, scope, t.INT, "`by`")
            self.expressions.within(reduce.count, scope, "by", 2, None, "F0402")
        if not t.fits(merged, t.unwrapped(item)) and reduce.ask is not None:
            self.report(
                "F0301",
                f"each merge is merged again, so it must be {t.show(item)}, and this is {t.show(merged)}",
                reduce.ask.span,
                help=f"write `-> {t.show(item)}` behind the prompt",
            )

    def fold(self, step: Step, reduce: s.Reduce, ask: s.Ask, item: t.Type) -> t.Type:
        """A fold begins with the first result, or with what its argument says."""
        scope = step.argument_scope or step.scope
        # What is wrong with the answer's type is told when the ask itself is looked at.
        known = len(self.typed.problems)
        type_ = self.written.read(ask.answer) if ask.answer is not None else t.TEXT
        del self.typed.problems[known:]
        begins = _params(FOLD, reduce.args)[:1] == [FOLD[0]]
        self._folds[step] = (type_ if begins else item), t.unwrapped(item)
        type_ = self.ask(ask, step.reduce_scope or step.scope)
        self.expressions.arguments(
            "fold", tuple(replace(one, type=type_) for one in FOLD), reduce.args, reduce.span, scope
        )
        if not begins and not (t.fits(type_, t.unwrapped(item)) and t.fits(t.unwrapped(item), type_)):
            self.report(
                "F0301",
                f"a fold begins with the first result, which is {t.show(item)}, and this makes {t.show(type_)} of it",
                ask.span,
                help=f"write `-> {t.show(t.unwrapped(item))}`, or begin with a value: `fold(from: …)`",
            )
        return type_

    def folded(self, step: Step, name: str) -> t.Type:
        """The type of what a fold's prompt sees: ``so_far``, or ``next``."""
        return self._folds.get(step, (t.UNKNOWN, t.UNKNOWN))[name == "next"]

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
                    help=did_you_mean(name, fitting)
                    or (f"it takes {known}" if known else _NO_OPTIONS.get(what, "it takes no options")),
                )
            elif name in seen:
                self.report("F0307", f"`{name}` is given twice", option.name.span, "keep one of the two")
            else:
                self._option(option, spec, scope)
                own = "ask" in kinds or "model" in kinds
                if name == "retries" and not own and self.expressions.folding.number(option.value, scope) is None:
                    self.report("F0307", "`retries` of a block is for the asks in it: a number", option.value.span)
            seen.add(name)

    def _option(self, option: s.Option, spec: OptionSpec, scope: Scope) -> None:
        if isinstance(option.value, s.Ask):
            self.report("F0301", f"`{spec.name}` takes a value, not an `ask`", option.value.span)
            return
        value = option.value
        if isinstance(value, s.Call) and value.prefix is None and (params := spec.rules.get(value.function.text)):
            self.expressions.arguments(value.function.text, params, value.args, value.span, scope)
            return
        self.expressions.expect(value, scope, spec.type, f"`{spec.name}`")
        self.expressions.within(value, scope, spec.name, spec.low, spec.high, "F0307")


def _params(params: tuple[ParamSpec, ...], args: tuple[s.Arg, ...]) -> list[ParamSpec | None]:
    """The parameter of each argument; None where there is none."""
    known = {param.name: param for param in params}
    found = []
    for place, arg in enumerate(args):
        if arg.name is not None:
            found.append(known.get(arg.name.text))
        else:
            found.append(params[place] if place < len(params) else None)
    return found


def named(params: tuple[ParamSpec, ...], args: tuple[s.Arg, ...]) -> list[tuple[str, s.Expr | s.Ask]]:
    """The arguments by the names of their parameters."""
    pairs = zip(_params(params, args), args, strict=True)
    return [(param.name, arg.value) for param, arg in pairs if param is not None]


def _keeps_places(line: s.Line) -> bool:
    """Whether a failed element of a map keeps its place, with nothing in it."""
    return any(option.name.text == "errors" and _word(option.value) == "none" for option in line.options)


def _word(value: s.Expr | s.Ask) -> str:
    """A word that is written bare or in quotes."""
    match value:
        case s.Name(word):
            return word.text
        case s.Text(string):
            return string.value
    return ""
