"""The walk over a checked file that finds all its names."""

from __future__ import annotations

from collections.abc import Iterable

from .. import syntax as s
from .. import types as t
from ..checking.program import Flow, Scope, Step
from ..checking.reducer_arguments import condition_of
from .targets import Place, Target
from .walk_values import ValueWalk


class Walk(ValueWalk):
    """The walk over one file. ``places`` collects the names in no order."""

    def file(self) -> list[Place]:
        home, top = self.home, self.home.program.scope
        for model in home.file.models:
            self.declare(Target("model", model.name.text, model.name.span, t.MODEL, model))
            self.options(model.options, top)
        for endpoint in home.file.endpoints:
            self.declare(Target("endpoint", endpoint.name.text, endpoint.name.span, None, endpoint))
            self.options(endpoint.options, top)
        for defaults in home.file.defaults:
            self.options(defaults.options, top)
        for one in home.file.imports:
            if one.prefix is not None:
                self.declare(Target("import", one.prefix.text, one.prefix.span, None, one))
        for text in home.file.texts:
            self.declare(home.of_decl(text))
            self.template(text.string, top, alone=True)
        for type_ in home.file.types:
            self.declare(home.of_decl(type_))
            self.type(type_.type, top)
        for extern in home.file.externs:
            self.declare(home.of_decl(extern))
            self.params(extern.params, top)
            self.type(extern.type, top)
        for prompt in home.file.prompts:
            self.declare(home.of_decl(prompt))
            self.params(prompt.params, top)
        for file in home.program.prompts:
            self.template(file.string, file.scope)
        for flow in home.program.flows:
            self.flow(flow)
        if home.file.scripts:
            from .walk_tests import TestWalk  # most files have no tests

            TestWalk(self).scripts()
        return self.places

    def flow(self, flow: Flow) -> None:
        self.declare(self.home.of_decl(flow.decl))
        self.params(flow.decl.params, self.home.program.scope)
        self.options(flow.decl.options, flow.scope)
        self.steps(flow.steps)
        for returned in flow.decl.returns:
            if not returned.own:
                self.value(returned.value, flow.scope)

    def params(self, params: Iterable[s.Param], scope: Scope) -> None:
        for param in params:
            self.declare(self.home.of_param(param))
            self.type(param.type, scope)
            if param.default is not None:
                self.value(param.default, scope, param.type)

    # Steps

    def steps(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self.step(step)

    def step(self, step: Step) -> None:
        line, scope = step.line, step.scope
        if step.symbol is not None and line.name is not None and step.symbol.span.end > step.symbol.span.start:
            if line.name.text != "return":
                self.declare(self.home.of_symbol(step.symbol))
        elif step.branch and line.name is not None:
            self.declare(Target("branch", step.branch, line.name.span, None, None, step))
        self.options(line.options, scope)
        for word in line.after:
            self.name(word, scope)
        if line.when is not None:
            self.value(line.when.condition, scope)
            if line.when.otherwise is not None:
                self.value(line.when.otherwise, scope)
        self.node(step)

    def node(self, step: Step) -> None:
        node, scope = step.line.node, step.scope
        match node:
            case s.Ask():
                self.ask(node, scope, step)
            case s.Map():
                self.value(node.source, scope)
                inner = step.inner or scope
                for word in (node.element, node.index):
                    symbol = inner.symbols.get(word.text) if word is not None else None
                    if symbol is not None:
                        self.declare(self.home.of_symbol(symbol))
                if node.where is not None:
                    self.value(node.where, inner)
                if not node.bare:
                    self.steps(step.steps)
                self.reduce(step, node.reduce)
            case s.Fanout() | s.Repeat():
                if isinstance(node, s.Repeat) and node.element is not None and node.over is not None:
                    self.value(node.over, scope)
                    item = (step.inner or scope).symbols.get(node.element.text)
                    if item is not None:
                        self.declare(self.home.of_symbol(item))
                self.steps(step.steps)
                self.reduce(step, node.reduce)
            case s.Chain() | s.Cascade():
                self.steps(step.steps)
            case s.Match():
                self.value(node.value, scope)
                self.steps(step.steps)
            case s.Rounds():
                self.steps(step.steps)
                for end in node.ends:
                    self.value(end, step.until_scope or scope)
            case _:
                self.value(node, scope)

    def reduce(self, step: Step, reduce: s.Reduce) -> None:
        outside = step.argument_scope or step.scope
        inside = step.reduce_scope or step.scope
        spec = self.home.checked.catalog.reducers.get(reduce.rule.text) if reduce.ask is None else None
        extern = self.home.declared("", reduce.rule.text, (s.ExternDecl,)) if reduce.ask is None else None
        if extern is not None:
            self.mention(reduce.rule.span, extern)
        elif reduce.ask is None:
            self.mention(reduce.rule.span, Target("reducer", reduce.rule.text, None, None, spec))
        item = self.home.body(step)
        fields = {one.name for one in spec.params if one.takes_field} if spec is not None else set()
        for arg in reduce.args:
            self.named(spec.params if spec is not None else (), arg.name)
            if arg.name is not None and arg.name.text in fields and isinstance(arg.value, s.Name):
                self.field(item, arg.value.word)
            elif arg.name is not None and extern is not None:
                self.argument(extern, arg.name)
                self.value(arg.value, outside)
            else:
                judged = isinstance(arg.value, s.Ask) or arg is condition_of(reduce)
                self.value(arg.value, inside if judged else outside, step=step)
        self.options(reduce.options, inside)
        if reduce.count is not None:
            self.value(reduce.count, outside)
        if reduce.ask is not None:
            self.ask(reduce.ask, inside, step)
