"""What the expressions of a plan mention, and whether they are of the language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flowrun.dsl import plan as p
from flowrun.dsl import template_names

from .errors import PlanError
from .functions import FUNCTIONS
from .reducers import REDUCERS
from .values import OPERANDS


def mentions(exprs: list[p.Expr]) -> Iterator[str]:
    """The names that expressions mention. Raises PlanError where one is none of the language."""
    todo = list(exprs)
    while todo:
        expr = todo.pop()
        match expr:
            case p.Ref(name):
                yield name
            case p.FieldOf(base):
                todo.append(base)
            case p.TextOf(text):
                yield from template(text)
            case p.Items(items):
                todo.extend(items)
            case p.RecordOf(entries):
                todo.extend(entry.value for entry in entries)
            case p.CallOf(function, args):
                if function not in FUNCTIONS:
                    raise PlanError(f"no function is called `{function}`")
                params = FUNCTIONS[function].spec.params
                missing = [param.name for param in params if param.required and param.name not in args]
                if missing or args.keys() - {param.name for param in params}:
                    raise PlanError(f"the arguments of `{function}` are not those that it takes")
                if FUNCTIONS[function].spec.of_step:
                    yield from (arg.value for arg in args.values() if isinstance(arg, p.Constant))
                todo.extend(arg for arg in args.values() if not isinstance(arg, p.TypeOf))
            case p.RuleOf(_, args):
                todo.extend(args.values())
            case p.Apply(operator, operands):
                if OPERANDS.get(operator) != len(operands):
                    raise PlanError(f"no operator `{operator}` takes {len(operands)} operands")
                todo.extend(operands)
            case p.TypeOf():
                raise PlanError("a type of this plan stands where a value is needed")


def template(text: str) -> tuple[str, ...]:
    try:
        return template_names(text)
    except ValueError as error:
        raise PlanError(f"a template of this plan is outside the language: {error}") from None


def first_needs(step: p.Step) -> tuple[str, ...]:
    """What a step waits for before it begins, a rule's arguments too: an ask or extern that reduces waits by itself."""
    node = step.node
    if not isinstance(node, p.Map | p.Repeat | p.Fanout):
        return step.needs
    reduce = node.reduce
    if reduce.extern is not None:
        return step.needs
    if reduce.ask is None:
        return (*step.needs, *reduce.needs)
    # How many go into one ask, and what a fold begins with.
    first = set(mentions([*reduce.args.values(), *([] if reduce.count is None else [reduce.count])]))
    return (*step.needs, *(name for name in reduce.needs if name in first))


def taken_from(step: p.Step) -> str | None:
    """The step whose results a map may take one by one, as they come; None where it is to have them whole.

    A vote is counted in the order of the list, and a time-out is that of the map and not of what is before it.
    """
    node = step.node
    if not isinstance(node, p.Map) or node.whole or not isinstance(node.source, p.Ref) or "timeout" in step.options:
        return None
    reduce, name = node.reduce, node.source.name
    asks = reduce.ask is not None or reduce.extern is not None
    if not asks and (REDUCERS[reduce.rule].spec.votes or REDUCERS[reduce.rule].spec.spares or name in reduce.needs):
        return None
    exprs = [*step.options.values(), *reduce.args.values()]
    exprs += [expr for expr in (step.when, step.otherwise, node.where, reduce.count) if expr is not None]
    return name if name in step.needs and name not in mentions(exprs) else None


def spoken(step: p.Step) -> set[str]:
    """The names that a step mentions itself, and not the steps inside it."""
    node = step.node
    exprs: list[p.Expr | None] = [*step.options.values(), step.when, step.otherwise]
    asks: list[p.Ask] = []
    match node:
        case p.Ask():
            asks.append(node)
        case p.Value(expr):
            exprs.append(expr)
        case p.FlowCall(_, args) | p.ExternCall(_, args):
            exprs += args.values()
        case p.Map():
            exprs += [node.source, node.where]
    if isinstance(node, p.Map | p.Repeat | p.Fanout):
        exprs += [*node.reduce.args.values(), *node.reduce.options.values(), node.reduce.count]
        asks += node.reduce.asks
    exprs += [ask.model for ask in asks]
    names = set(mentions([expr for expr in exprs if expr is not None]))
    return names.union(*(template(message.template) for ask in asks for message in ask.messages))


def only_mapped(plan: p.Plan, name: str) -> bool:
    """Whether a flow does nothing with a parameter but go through it with maps, or ask for its length."""
    length = p.CallOf("length", {"of": p.Ref(name)})
    if name in mentions([] if plan.result == length else [plan.result]):
        return False
    mapped = False
    todo = list(plan.steps)
    while todo:
        step = todo.pop()
        todo.extend(step.block.steps if step.block is not None else ())
        node = step.node
        if isinstance(node, p.Map) and node.source == p.Ref(name):
            mapped = True
            step = replace(step, node=replace(node, source=p.Constant([])))
        elif isinstance(node, p.Value) and node.expr == length:
            continue
        if name in spoken(step):
            return False
    return mapped
