"""The types of declarations and steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog, Where
from ..path_names import RESULT
from ..templates.places import spared
from .answer_types import refused_answer
from .callees import Imported
from .checks import check_checks
from .counts import counted_map
from .dependencies import Dependencies
from .expressions import Expressions
from .facts import NO_FACTS, Facts, tags_told
from .folding import Folding
from .node_tables import NodeTables
from .people import asks_person, no_model_help, offered, refused_check, refused_messages, refused_options
from .program import Flow, Program, Scope, Step, Symbol
from .prompt_uses import PromptUses
from .quotes import check_quotes
from .round_types import RoundTypes
from .typed import Typed, constant_type
from .unknown_names import hidden_names
from .written_types import WrittenTypes

if TYPE_CHECKING:
    from .units import Unit


def typecheck(
    program: Program,
    catalog: Catalog,
    dependencies: Dependencies,
    imported: Imported,
    units: Mapping[str, Unit] | None = None,
) -> Typed:
    """Find the types of a file. ``units`` has the checked files that its tests can reach, by path."""
    checker = _Checker(program, catalog, imported)
    for model in program.file.models:
        checker.model(model)
    checker.defaults(program.file.defaults)
    for extern in program.file.externs:
        checker.extern(extern)
    for prompt in program.file.prompts:
        checker.prompt_params(prompt)
    for text in program.prompts:
        checker.prompt(text)
    for flow in program.flows:
        checker.signature(flow)
        checker.flow_options(flow)
    for flow, steps in dependencies.order.items():
        checker.steps(steps)
        checker.flow(flow)
    checker.options_of_models(program)
    check_quotes(program, checker.typed, checker.type_of)
    check_checks(program, catalog, checker.typed, checker.expressions)
    typed, expressions = checker.typed, checker.expressions
    # A test that reads a tally changes nothing in how its flow runs.
    tallied = set(typed.tallied)
    if program.file.scripts:
        # Most files have no tests.
        from .test_types import check_tests
        from .units import Unit

        unit = Unit("", program, typed, imported, units or {})
        typed.problems.extend(check_tests(program, unit, expressions, checker.written.read))
    typed.problems.extend(expressions.problems)
    typed.tallied = tallied
    return typed


class _Checker(RoundTypes, PromptUses):
    def __init__(self, program: Program, catalog: Catalog, imported: Imported) -> None:
        super().__init__()
        self.program = program
        self.catalog = catalog
        nodes = NodeTables()
        self.wanted = {}
        self.typed = Typed(nodes, Folding(program, catalog.functions, nodes))
        self.written = WrittenTypes(program.file, self.typed.problems, imported)
        self.typed.declared = self.written.declared_types
        self.expressions = Expressions(
            program, catalog, imported, self.type_of, self.written.row, hidden_names(program.flows), self.typed
        )

    def type_of(self, symbol: Symbol) -> t.Type:
        if symbol.kind == "model":
            return t.MODEL
        if symbol.constant is not None:
            return constant_type(symbol)
        if symbol.kind == "given":
            return self.given.get(symbol, t.UNKNOWN)
        if symbol.kind == "param" and symbol.param:
            return self.typed.nodes.params.get(symbol.param.number, t.UNKNOWN)
        step = symbol.step
        if step is None:
            return t.UNKNOWN
        if symbol.kind == "answer" or (symbol.kind == "results" and symbol.name == RESULT):
            return self.typed.type_of(symbol)
        if symbol.kind == "index":
            return t.INT
        if symbol.kind == "element":
            return self.element(step)
        if symbol.kind == "last":
            return self.before(step) if step.parent is not None and step.branch else self.last(step)
        if symbol.kind == "results":
            return self.results(step) if symbol.name == "results" else self.folded(step, symbol.name)
        type_ = self.typed.steps.get(step, t.UNKNOWN)
        if symbol.kind == "branch" and self._in_reducer(step, symbol):
            return spared(type_) if self._may_lack(step) else self.branch(step)
        return type_

    def _in_reducer(self, branch: Step, symbol: Symbol) -> bool:
        """Return True if the symbol is a branch as the asks of the reducer see it."""
        block = branch.parent
        return (
            block is not None
            and block.reduce_scope is not None
            and block.reduce_scope.symbols.get(symbol.name) is symbol
        )

    def _may_lack(self, branch: Step) -> bool:
        """Return True if a branch may be missing because the reducer can do without failed ones (``spares``)."""
        node = branch.parent.line.node if branch.parent is not None else None
        spec = self.catalog.reducers.get(node.reduce.rule.text) if isinstance(node, s.Fanout) else None
        return spec is not None and spec.spares

    def flow(self, flow: Flow) -> None:
        for returned in flow.decl.returns:
            type_ = self.expressions.infer(returned.value, flow.scope)
            type_ = self.written.limited(type_, returned.value.span, "the type of this value")
            if t.holds_model(type_):
                self.report(
                    "F0301",
                    "a flow cannot return a model",
                    returned.value.span,
                    "return the answer of the model instead",
                )
            self.typed.nodes.results[flow.decl.number] = type_
            own = self.typed.own[flow.decl.name.text]
            if own.kind == "flow":
                self.typed.own[own.name] = replace(own, result=type_)

    # Steps

    def step(self, step: Step) -> None:
        line = step.line
        if self.takes_its_meaning(step) and step not in self.wanted:
            return  # The match reads such a branch when it knows the others.
        wanted = self.wanted.get(step)
        self.expressions.sure = frozenset()
        stage = step.parent is not None and isinstance(step.parent.line.node, s.Cascade)
        # A stage also runs after a failure, whatever its condition says.
        told = None if line.when is None or stage else line.when.condition
        if told is not None:
            from .conditions import found_there

            self.expressions.sure = found_there(told)
        type_ = self.node(step, NO_FACTS if told is None else tags_told(told))
        self.expressions.sure = frozenset()
        for word in line.after:
            symbol = step.scope.lookup(word.text)
            if symbol is None:
                self.expressions.unknown_name(word.text, word.span, step.scope)
            elif symbol.kind not in ("step", "branch"):
                self.report("F0301", f"`after` waits for a step, and `{word.text}` is not a step", word.span)
        if line.when and stage:
            self.condition(step, line.when.condition)
        elif line.when:
            self.expressions.expect(line.when.condition, step.scope, t.BOOL, "`when`")
            if line.when.otherwise is None:
                type_ = type_ if isinstance(type_, t.Optional) else t.Optional(type_)
            else:
                other = self.expressions.infer(line.when.otherwise, step.scope, wanted or type_)
                type_ = t.join([type_, other])
        self.typed.steps[step] = self.written.limited(type_, step.span, "the type of this value")

    def node(self, step: Step, told: Facts) -> t.Type:
        line = step.line
        node = line.node
        scope = Scope(step.scope, facts=told) if told else step.scope
        kinds: tuple[Where, ...]
        match node:
            case s.Ask():
                kinds, what = ("ask",), "an ask"
                type_ = self.ask(node, scope, self.expressions.sure)
                if node.number in self.typed.nodes.people:
                    self.typed.problems.extend(refused_options(line.options, self.inherited))
            case s.Map():
                kinds, what = ("map",), "a map"
                self.element(step)
                if node.where is not None and step.inner:
                    self.expressions.expect(node.where, step.inner, t.BOOL, "`where`")
                self.at_most(node.at_most)
                type_ = self.reduce(step, node.reduce, node.body)
                self.typed.problems.extend(counted_map(step, self.typed, self.catalog))
            case s.Repeat():
                kinds, what = ("repeat",), "a repeat"
                self.repeat(step, node)
                type_ = self.reduce(step, node.reduce, node.body)
            case s.Fanout():
                kinds, what = ("fanout",), "a fanout"
                self.branches(step, node)
                type_ = self.reduce(step, node.reduce, node.body)
            case s.Chain():
                kinds, what = ("chain",), "a chain"
                type_ = self.body(step, node.body)
            case s.Match():
                kinds, what = ("match",), "a match"
                type_ = self.match(step, node)
            case s.Rounds():
                kinds, what = ("chain",), "a chain"
                type_ = self.rounds(step, node)
            case s.Cascade():
                kinds, what = ("cascade",), "a cascade"
                type_ = self.branches_joined(step)
            case s.Name(word) if step.symbol is None and line.name is None and (help := _foreign(word)):
                kinds, what, type_ = (), "a value", self._stray(word, help, step.scope)
            case s.Call():
                type_ = self.expressions.call(node, scope, alone=True)
                callee = self.typed.nodes.callees.get(node.number)
                kinds, what = ("flow",) if callee is not None and callee.kind == "flow" else (), "a call"
            case _:
                kinds, what = (), "a value"
                type_ = self.expressions.infer(node, scope, self.wanted.pop(step, None))
        self.options(line.options, kinds, step.scope, what)
        return type_

    def _stray(self, word: s.Word, help: str, scope: Scope) -> t.Type:
        symbol = scope.lookup(word.text)
        if symbol is not None:
            return self.type_of(symbol)
        self.report("F0201", f"the name `{word.text}` is unknown", word.span, help)
        return t.UNKNOWN

    def ask(self, ask: s.Ask, scope: Scope, sure: frozenset[str] = frozenset()) -> t.Type:
        model = ask.model
        if isinstance(model, s.Name) and model.word.text in ("f", "F") and scope.lookup(model.word.text) is None:
            self.report(
                "F0101",
                f"`{model.word.text}` is not allowed before a text",
                model.span,
                "the language has no f-strings: delete the `f` and write `{{ name }}`, with two braces",
            )
        elif asks_person(ask, scope):
            self.typed.nodes.people.add(ask.number)
            self.typed.problems.extend([*refused_messages(ask), *refused_check(ask)])
        elif ask.model is not None:
            type_ = self.expressions.infer(ask.model, scope, t.MODEL)
            if not t.fits(type_, t.MODEL):
                name = ask.model.span.text
                self.report(
                    "F0207",
                    f"`{name}` is not a model: it is {t.show(type_)}",
                    ask.model.span,
                    help=no_model_help(ask, scope),
                )
        seen = scope if ask.prompt is None else self.prompt_use(ask, ask.prompt, scope)
        for message in ask.messages:
            person = ask.number in self.typed.nodes.people
            part = "human" if person else "user" if message.role is None else message.role.text
            self.expressions.template(message.template, seen, sure, part)
        if ask.messages and ask.messages[-1].role is not None and ask.messages[-1].role.text != "user":
            self.report(
                "F0303",
                "the last message of a prompt must be a user message",
                ask.messages[-1].span,
                'end the prompt with `user "…"`',
            )
        type_ = self.answer_type(ask)
        if ask.answer is not None and (refused := refused_answer(type_, ask.answer.span)):
            self.typed.problems.append(refused)
            # One problem is enough, so the uses of this answer are not checked.
            type_ = t.UNKNOWN
        self.typed.nodes.answers[ask.number] = type_
        return t.without_quotes(type_)

    def answer_type(self, ask: s.Ask) -> t.Type:
        """Return the written type of an answer. A person may be offered words and give any other text."""
        words = offered(ask.answer) if ask.number in self.typed.nodes.people else None
        if ask.answer is None or words is None:
            return self.written.read(ask.answer) if ask.answer is not None else t.TEXT
        return self.written.read_offer(words, ask.answer.span)


def _foreign(word: s.Word) -> str:
    """Return the way out for a word of another language that stands alone. "" for other words."""
    from ..parsing.foreign_syntax import stray_word  # few steps are a word alone

    return stray_word(word.text)
