"""The part of the planner that plans asks: their messages, their checks and the values of their prompts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

from . import plan as p
from . import syntax as s
from .catalog import ReducerSpec
from .checking.callees import Callee
from .checking.program import Step
from .checking.reducer_arguments import condition_of, is_search
from .expression_planner import ExpressionPlanner


class AskPlanner(ExpressionPlanner, ABC):
    """The planner of asks, and of the conditions of searches."""

    def ask(self, ask: s.Ask, step: Step) -> p.Ask:
        messages = tuple(
            p.Message(message.role.text if message.role else "user", self.template(message.template))  # type: ignore[arg-type]
            for message in ask.messages
        )
        person = ask.number in self.typed.nodes.people
        model = self.expr(ask.model) if ask.model is not None and not person else None
        check = None
        if ask.check is not None and step.check_scope is not None:
            message = ask.check.message.value if ask.check.message is not None else ""
            check = p.Check(self.expr(ask.check.condition), tuple(step.check_scope.symbols), message)
        answer, prompt = self.typed.nodes.answers[ask.number], self.typed.nodes.prompts.get(ask.number)
        if ask.prompt is None or prompt is None:
            return p.Ask(model, messages, answer, check=check, person=person)
        declared = ExpressionPlanner(self.checked.imports[prompt.path], prompt.path) if prompt.path else self
        values = {**declared.prompt_defaults(prompt.name), **self.args(prompt.params, ask.prompt.args)}
        given = {
            param.name: p.GivenValue(values[param.name], param.type) for param in prompt.params if param.name in values
        }
        messages = (p.Message("user", declared.prompt(prompt.name)),)
        return p.Ask(model, messages, answer, given, check=check, person=person)

    @abstractmethod
    def callee(self, part: s.Call | s.Reduce) -> tuple[str, Callee] | None: ...

    def searching(self, reduce: s.Reduce, spec: ReducerSpec | None) -> tuple[p.Passing | None, s.Reduce]:
        """Return the condition of a search that no ask judges, and the reducer without it."""
        arg = condition_of(reduce)
        if arg is None or isinstance(arg.value, s.Ask) or spec is None or not is_search(reduce, spec):
            return None, reduce
        rest = replace(reduce, args=tuple(one for one in reduce.args if one is not arg))
        if isinstance(arg.value, s.Call) and (found := self.callee(arg.value)):
            key, callee = found
            return p.Passing(None, key, {**self.args(callee.params, arg.value.args)}), rest
        return p.Passing(self.expr(arg.value)), rest
