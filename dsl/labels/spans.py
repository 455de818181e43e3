"""The places in the text for what the analysis finds in a plan."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..checked import Checked
from ..checking.program import Flow, Step
from ..checking.reducer_arguments import condition_of, is_same
from ..path_names import COMPARED, RESULT
from ..source import Span
from ..syntax.children import children


class Spans:
    """The places of the steps of one file, by the names that the plan gives them."""

    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        self.flows = {flow.decl.name.text: flow for flow in checked.program.flows}
        self._steps: dict[str, dict[str, Step]] = {}

    def step(self, flow: str, name: str) -> Step | None:
        if flow not in self._steps:
            self._steps[flow] = dict(_named(self.flows[flow])) if flow in self.flows else {}
        return self._steps[flow].get(name)

    def whole(self, flow: str, name: str) -> Span:
        """Return the place of a step: its name, or its line. Without a step it is the flow's `return`, or its name."""
        step = self.step(flow, name)
        if step is not None:
            return step.span
        decl = self.flows[flow].decl
        return decl.returns[0].value.span if decl.returns else decl.name.span

    def param(self, flow: str, name: str) -> s.Param | None:
        decl = self.flows[flow].decl if flow in self.flows else None
        return next((one for one in decl.params if one.name.text == name), None) if decl is not None else None

    def argument(self, flow: str, name: str, param: str) -> Span:
        """Return the place of an argument of a call, or of the rule of a reducer that passes on its results."""
        step = self.step(flow, name)
        node = step.line.node if step is not None else None
        reduce = reduce_of(node)
        call = node if isinstance(node, s.Call) else reduce
        if call is None:
            return self.whole(flow, name)
        callee = self.checked.typed.nodes.callees.get(call.number)
        params = [one.name for one in callee.params] if callee is not None else []
        if reduce is not None and "results" in params:
            params.remove("results")
        for place, arg in enumerate(call.args):
            said = arg.name.text if arg.name is not None else params[place] if place < len(params) else ""
            if said == param:
                return arg.value.span
        return reduce.rule.span if reduce is not None else self.whole(flow, name)

    def mention(self, flow: str, name: str, wanted: tuple[str, ...], *, role: str = "", judge: bool = False) -> Span:
        """Return the place of the mention in a prompt of a step that has one of the wanted names, the last ones first.

        ``role`` keeps to the messages of a role, and ``judge`` to the ask among the arguments of a reducer.
        """
        step = self.step(flow, name)
        ask = _ask_of(step.line.node, judge=judge) if step is not None else None
        found: list[tuple[str, Span]] = []
        if ask is not None and ask.prompt is not None:
            found += [one for arg in ask.prompt.args for one in _mentions(arg.value)]
        for message in ask.messages if ask is not None else ():
            template = self.checked.program.template(message.template)
            if template is None or (role and (message.role is None or message.role.text != role)):
                continue
            found += [(one.name, message.template.place(one.start, one.end)) for one in template.mentions]
        for word in (*reversed(wanted), "results", "next", "so_far", *COMPARED):
            for mentioned, span in found:
                if mentioned == word:
                    return span
        return found[0][1] if found else self.whole(flow, name)

    def judged(self, flow: str, name: str) -> str:
        """Say by which names a judge reads what it judges."""
        step = self.step(flow, name)
        reduce = reduce_of(step.line.node) if step is not None else None
        if reduce is not None and condition_of(reduce) is not None:
            return f"a judge reads the result as `{RESULT}`"
        if reduce is not None and any(isinstance(arg.value, s.Ask) and is_same(arg) for arg in reduce.args):
            return "a judge reads the two answers as `a` and `b`"
        return "a judge reads the candidates as `results`"

    def call(self, flow: str, name: str, function: str) -> Span:
        """Return the place of the argument of a function that a step calls."""
        step = self.step(flow, name)
        exprs = list(_exprs(step.line)) if step is not None else [self.flows[flow].decl.returns[0].value]
        while exprs:
            expr = exprs.pop()
            if isinstance(expr, s.Call) and expr.function.text == function and expr.args:
                return expr.args[0].value.span
            exprs += [one for one in children(expr) if not isinstance(one, s.Ask)]
        return self.whole(flow, name)

    def rule(self, flow: str, name: str) -> Span:
        step = self.step(flow, name)
        reduce = reduce_of(step.line.node) if step is not None else None
        return reduce.rule.span if reduce is not None else self.whole(flow, name)


def _mentions(value: s.Expr | s.Ask) -> Iterator[tuple[str, Span]]:
    """Yield the names in an expression, with their places."""
    if isinstance(value, s.Name):
        yield value.word.text, value.span
    elif not isinstance(value, s.Ask):
        for inner in children(value):
            yield from _mentions(inner)


def _named(flow: Flow) -> Iterator[tuple[str, Step]]:
    for number, step in enumerate(flow.walk()):
        yield step.plan_name(number), step


def reduce_of(node: s.Node | None) -> s.Reduce | None:
    return node.reduce if isinstance(node, (s.Fanout, s.Map, s.Repeat)) else None


def _ask_of(node: s.Node, *, judge: bool) -> s.Ask | None:
    if isinstance(node, s.Ask):
        return node
    reduce = reduce_of(node)
    if reduce is None or (reduce.ask is not None and not judge):
        return reduce.ask if reduce is not None else None
    return next((arg.value for arg in reduce.args if isinstance(arg.value, s.Ask)), None)


def _exprs(line: s.Line) -> Iterator[s.Expr]:
    node = line.node
    if (source := s.source_of(node)) is not None:
        yield source
        if isinstance(node, s.Map) and node.where is not None:
            yield node.where
    elif isinstance(node, s.Match):
        yield node.value
    elif isinstance(node, s.Rounds):
        yield from node.ends
    elif not isinstance(node, (s.Ask, s.Fanout, s.Map, s.Repeat, s.Chain, s.Cascade)):
        yield node
    reduce = reduce_of(node)
    values = [*(option.value for option in line.options), *((arg.value for arg in reduce.args) if reduce else ())]
    yield from (value for value in values if not isinstance(value, s.Ask))
    if line.when is not None:
        yield line.when.condition
        if line.when.otherwise is not None:
            yield line.when.otherwise
