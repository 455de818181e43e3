"""The part of the planner that plans asks: their messages, their checks and the values of their prompts."""

from __future__ import annotations

from . import plan as p
from . import syntax as s
from .checking.program import Step
from .expression_planner import ExpressionPlanner


class AskPlanner(ExpressionPlanner):
    """The planner of asks."""

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
