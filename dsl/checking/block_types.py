"""The types of blocks: their elements and their values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

from .. import syntax as s
from .. import types as t
from ..catalog import MEND, AskSpec, Given, ParamSpec, ReducerSpec, Refusal
from ..diagnostics import Diagnostic
from ..path_names import COMPARED, SAME
from ..picture_words import refused_images
from .bodies import keeps_places, word_of
from .callees import Callee
from .checks import no_check
from .counts import numbers_of
from .option_types import OptionTypes
from .origins import origins
from .people import refused_options
from .program import Program, Scope, Step
from .reducer_arguments import is_same, is_search, named, parameters
from .standing import better_value, without_stands
from .written_types import WrittenTypes

FOLD = (ParamSpec("from", t.UNKNOWN),)
"""The optional first value of a fold; its type is that of the fold's ask."""
TOKENS = (ParamSpec("size", t.INT, required=True, low=1),)
"""The parameter of `by tokens(n)`: a merge takes as many results as fit into ``n`` tokens."""


class BlockTypes(OptionTypes, ABC):
    """The part of the checker that handles blocks and their reducers."""

    program: Program
    written: WrittenTypes

    def __init__(self) -> None:
        super().__init__()
        self._folds: dict[Step, tuple[t.Type, t.Type]] = {}

    @abstractmethod
    def ask(self, ask: s.Ask, scope: Scope) -> t.Type: ...

    def reduce(self, step: Step, reduce: s.Reduce, body: s.Body) -> t.Type:
        scope = step.reduce_scope or step.scope
        fanout = isinstance(step.line.node, s.Fanout)
        if fanout:
            self.lossy(step.line)
        item = t.UNKNOWN if fanout else self.body(step, body)
        one = self.results(step).item if fanout else item
        if keeps_places(step.line):
            item = t.optional(item)
        if isinstance(item, t.Optional) and item.item == t.UNKNOWN:
            item = t.UNKNOWN
        if reduce.ask is not None:
            return self._reduce_ask(step, reduce, reduce.ask, one)
        if reduce.options:
            self.options(reduce.options, ("ask",), scope, "an ask")
        spec = self.catalog.reducers.get(reduce.rule.text)
        extern = self.typed.own.get(reduce.rule.text)
        if spec is None and extern is not None and extern.kind == "extern":
            return self._reduce_extern(step, reduce, extern, step.argument_scope or step.scope)
        if spec is None:
            externs = [name for name, one in self.typed.own.items() if one.kind == "extern"]
            if fault := self.catalog.fault("reducer", reduce.rule.text):
                self.report("F0208", fault, reduce.rule.span, MEND)
                return t.UNKNOWN
            from .reducer_names import reducer_meant

            help = reducer_meant(reduce.rule.text, [*self.catalog.reducers, "ask", *externs])
            self.report("F0208", f"no reducer is called `{reduce.rule.text}`", reduce.rule.span, help)
            return t.UNKNOWN
        node = step.line.node
        if isinstance(node, s.Repeat) and node.least.digits != node.most.digits and not spec.adaptive:
            adaptive = ", ".join(f"`{name}`" for name, one in self.catalog.reducers.items() if one.adaptive)
            self.report(
                "F0402",
                f"`{spec.name}` cannot decide after how many samples to stop",
                node.least.span.to(node.most.span),
                f"write a single number, or take a reducer that decides by itself: {adaptive}",
            )
        branches = {branch.title: self.branch(branch) for branch in step.steps} if fanout else None
        if branches is not None:
            item = t.join(branches.values())
        given = replace(numbers_of(step, self.typed.folding), item=item, branches=branches)
        if isinstance(node, s.Repeat) and node.over is not None:
            given = replace(given, panel=True)
        return self._rule(step, reduce, spec, given)

    def _reduce_ask(self, step: Step, reduce: s.Reduce, ask: s.Ask, one: t.Type) -> t.Type:
        """Return the type of a reducer that is an ask. ``one`` is the type of a result."""
        node = step.line.node
        if isinstance(node, s.Repeat) and node.least.digits != node.most.digits:
            self.report(
                "F0402",
                "an `ask` as a reducer cannot decide after how many samples to stop",
                node.least.span.to(node.most.span),
                "write a single number: `repeat 3 { … }`",
            )
        scope = step.reduce_scope or step.scope
        self.options(reduce.options, ("ask",), scope, "an ask")
        if reduce.rule.text == "fold":
            type_ = self.fold(step, reduce, ask, one)
            self._of_person(ask, reduce.options)
            return type_
        type_ = self.ask(ask, scope)
        self._of_person(ask, reduce.options)
        if reduce.count is None:
            return type_
        return self.tree(step, reduce, one, type_, step.argument_scope or step.scope)

    def _rule(self, step: Step, reduce: s.Reduce, spec: ReducerSpec, given: Given) -> t.Type:
        """Return the type of a reducer's value. Report arguments that do not fit the reducer or do not fit together."""
        reduce = without_stands(reduce, spec, self.typed.problems)
        searching = is_search(reduce, spec)
        before = self._told
        if searching:
            from .searches import check_search

            reduce = check_search(reduce, step.reduce_scope or step.scope, self.typed, self.expressions)
        item = t.unwrapped(given.item)
        by = dict(named(spec.params, reduce.args)).get("by")
        if isinstance(item, t.Record | t.Union) and (field := item.field(word_of(by))):
            item = t.unwrapped(field.type)
        params = tuple(replace(param, type=item) if param.of_item else param for param in spec.params)
        for param, arg in zip(parameters(params, reduce.args), reduce.args, strict=True):
            if not isinstance(arg.value, s.Ask):
                continue
            self.ask(arg.value, step.reduce_scope or step.scope)
            self.typed.problems.extend(no_check(arg.value))
            if param is not None and param.asks is not None and not param.asks.compares:
                self._asked(param, param.asks, arg.value, given.item)
                if param.asks.times is not None and any(one.name and one.name.text == "method" for one in reduce.args):
                    # The judge of a match names one of two candidates.
                    self.typed.nodes.answers[arg.value.number] = t.INT
        scope = step.argument_scope or step.scope
        self.expressions.arguments(spec.name, params, reduce.args, reduce.span, scope)
        if any(map(is_same, reduce.args)):
            from .comparing import comparison  # few votes compare answers

            self.typed.problems.extend(comparison(step, reduce, spec, given.item, self.typed))
        folding, values = self.typed.folding, dict(named(spec.params, reduce.args))
        args = {name: None if name == SAME else folding.known(value, scope) for name, value in values.items()}
        if searching:
            args["if"] = None
        if self._told > before:
            # The problems of an argument are already reported. A problem that follows from them is not reported again.
            args = {}
            if any(param.required or param.takes_field or param.asks for param in spec.params):
                return t.UNKNOWN
        asking = frozenset(name for name, value in values.items() if isinstance(value, s.Ask))
        result = refused_images(spec, given.item, args) or spec.result(replace(given, args=args, asking=asking))
        if not isinstance(result, Refusal):
            return result
        value = values.get(result.arg)
        self.typed.problems.append(
            Diagnostic(
                result.code or ("F0301" if value is None else "F0303"),
                result.message,
                reduce.rule.span if value is None else value.span,
                labels=() if value is None else origins(value, scope, folding),
                help=result.help,
                fix=better_value(result, value),
            )
        )
        return t.UNKNOWN

    @property
    def _told(self) -> int:
        return len(self.typed.problems) + len(self.expressions.problems)

    def _asked(self, param: ParamSpec, asks: AskSpec, ask: s.Ask, item: t.Type) -> None:
        """Record the answer's type of an ask inside a reducer.

        The reducer sets this type: the answer is one of the results, or an order of them.
        """
        if asks.each:
            from .searches import judges

            read = None if ask.answer is None else self.typed.nodes.answers.get(ask.number)
            judges(ask, self.typed, self.typed.problems, read)
            return
        self.typed.nodes.answers[ask.number] = asks.answer(item)
        if ask.answer is not None:
            said = f"the reducer sets the type of `{param.name}`'s answer: a result from its list, or a number"
            self.report("F0303", said, ask.answer.span, "delete the type")

    def _reduce_extern(self, step: Step, reduce: s.Reduce, extern: Callee, scope: Scope) -> t.Type:
        """Find the type of a block that an extern reduces. The extern must have a parameter named ``results``."""
        taken = next((param for param in extern.params if param.name == "results"), None)
        if taken is None:
            self.report(
                "F0303",
                f"the extern `{extern.name}` has no parameter `results`",
                reduce.rule.span,
                f"declare a parameter for the results: `extern {extern.name}(results: [text]) -> …`",
            )
            return extern.result
        others = tuple(param for param in extern.params if param is not taken)
        self.expressions.arguments(extern.name, others, reduce.args, reduce.span, scope)
        given = self.results(step)
        if not t.fits(given, taken.type):
            self.report(
                "F0301",
                f"`{extern.name}` takes {t.show(taken.type)} for `results`, and the results of this block are "
                f"{t.show(given)}",
                reduce.rule.span,
            )
        self.typed.nodes.callees[reduce.number] = extern
        return extern.result

    def tree(self, step: Step, reduce: s.Reduce, item: t.Type, merged: t.Type, scope: Scope) -> t.Type:
        """Return the type of a tree's value.

        This is the type of a merge. A single result is never merged. If the block may have a single result, the type of
        a result is joined to the type of a merge.
        """
        if isinstance(reduce.count, s.Call) and reduce.count.function.text == "tokens" and reduce.count.prefix is None:
            self.expressions.arguments("tokens", TOKENS, reduce.count.args, reduce.count.span, scope)
        elif reduce.count is not None and isinstance(reduce.count, s.Number):
            value = reduce.count.value
            if reduce.count.unit or not isinstance(value, int) or value < 2:
                self.report(
                    "F0402",
                    "a tree merges two or more results at a time",
                    reduce.count.span,
                    "write `reduce by 8 ask …`",
                )
        elif reduce.count is not None:
            self.expressions.expect(reduce.count, scope, t.INT, "`by`")
            self.expressions.within(reduce.count, scope, "by", 2, None, "F0402")
        leaf = t.unwrapped(item)
        alone = _may_be_alone(step)
        if t.fits(merged, leaf) and (t.fits(leaf, merged) or not alone):
            return t.join([item, merged]) if alone else merged
        if reduce.ask is not None:
            why = "later merges take the result of a merge, so it"
            if t.fits(merged, leaf):
                why = "the value is a single result if the block has only one, so a merge"
            self.report(
                "F0301",
                f"{why} must be {t.show(leaf)}, and this ask gives {t.show(merged)}",
                reduce.ask.span,
                help=f"write `-> {t.show(leaf)}` after the prompt",
            )
        return t.UNKNOWN

    def fold(self, step: Step, reduce: s.Reduce, ask: s.Ask, item: t.Type) -> t.Type:
        """Find the type of a fold. A fold begins with the first result, or with the value of its argument."""
        scope = step.argument_scope or step.scope
        # Problems of the answer's type are reported when the ask itself is checked.
        known = len(self.typed.problems)
        type_ = self.written.read(ask.answer) if ask.answer is not None else t.TEXT
        type_ = t.without_quotes(type_)
        del self.typed.problems[known:]
        begins = parameters(FOLD, reduce.args)[:1] == [FOLD[0]]
        # The result of a skipped body is none, and the fold gets it like any other result.
        self._folds[step] = (type_ if begins else t.join([item, type_])), item
        type_ = self.ask(ask, step.reduce_scope or step.scope)
        self.expressions.arguments(
            "fold", tuple(replace(one, type=type_) for one in FOLD), reduce.args, reduce.span, scope
        )
        if not begins and not (t.fits(type_, t.unwrapped(item)) and t.fits(t.unwrapped(item), type_)):
            self.report(
                "F0301",
                f"a fold begins with the first result, which is {t.show(item)}, and this ask gives {t.show(type_)}",
                ask.span,
                help=f"write `-> {t.show(t.unwrapped(item))}`, or give the fold a first value: `fold(from: …)`",
            )
            return type_
        return type_ if begins else t.join([item, type_])

    def _of_person(self, ask: s.Ask, options: tuple[s.Option, ...]) -> None:
        if ask.number in self.typed.nodes.people:
            self.typed.problems.extend(refused_options(options, self.inherited))

    def folded(self, step: Step, name: str) -> t.Type:
        """Return the type of ``so_far`` or ``next``, the two names in a fold's prompt, or of two compared answers."""
        if name in COMPARED:
            return self._compared(step)
        return self._folds.get(step, (t.UNKNOWN, t.UNKNOWN))[name == "next"]

    def _compared(self, step: Step) -> t.Type:
        """Return the type of the answers that a vote compares: a result, or the field of it that the vote counts."""
        from .comparing import compared

        node = step.line.node
        if not isinstance(node, s.Map | s.Repeat | s.Fanout):
            return t.UNKNOWN
        spec = self.catalog.reducers.get(node.reduce.rule.text)
        return compared(node.reduce, spec.params if spec is not None else (), self.results(step).item)


def _may_be_alone(step: Step) -> bool:
    """Return True if a block may have a single result. The file may leave that open."""
    node = step.line.node
    if isinstance(node, s.Repeat):
        return node.least.value < 2
    return len(step.steps) < 2 if isinstance(node, s.Fanout) else True
