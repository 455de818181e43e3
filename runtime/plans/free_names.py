"""The names that the expressions and steps of a plan mention, and a check that the expressions are valid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from flowrun.dsl import OPERANDS, template_names, types
from flowrun.dsl import plan as p

from ..values.functions import FUNCTIONS
from ..vocabulary.errors import PlanError


def mentions(exprs: list[p.Expr], but: p.Expr | None = None) -> Iterator[str]:
    """Find the names that expressions mention, outside of those that equal ``but``.

    Raises PlanError if an expression is not one of the language.
    """
    todo = list(exprs)
    while todo:
        expr = todo.pop()
        if but is not None and expr == but:
            continue
        inside = p.expr_parts(expr)
        match expr:
            case p.Ref(name):
                yield name
            case p.TextOf(text):
                yield from template(text)
            case p.CallOf(function, args):
                yield from _votes(function, args)
                inside = tuple(arg for arg in inside if not isinstance(arg, p.TypeOf))
            case p.Apply(operator, operands) if OPERANDS.get(operator) != len(operands):
                raise PlanError(f"the operator `{operator}` does not take {len(operands)} operands")
            case p.TypeOf():
                raise PlanError("the plan has a type where it needs a value")
        todo.extend(inside)


def _votes(function: str, args: Mapping[str, p.Expr]) -> Iterator[str]:
    """Find the votes whose tally a call reads. Raises PlanError if no function of the language takes its arguments.

    Each vote must be named by a constant, and not by a computed value.
    """
    if function not in FUNCTIONS:
        raise PlanError(f"no function is called `{function}`")
    spec = FUNCTIONS[function].spec
    missing = [param.name for param in spec.params if param.required and param.name not in args]
    if missing or args.keys() - {param.name for param in spec.params}:
        raise PlanError(f"the arguments of `{function}` do not fit its parameters")
    if not spec.of_step:
        return
    for arg in args.values():
        if not isinstance(arg, p.Constant) or not isinstance(arg.value, str):
            raise PlanError(f"`{function}` takes the name of a vote, and not a calculated value")
        yield arg.value


def template(text: str) -> tuple[str, ...]:
    try:
        return template_names(text)
    except ValueError as error:
        raise PlanError(f"a template of this plan is outside the language: {error}") from None


def spoken(step: p.Step, but: p.Expr | None = None) -> set[str]:
    """Find the names that a step mentions itself, without the names that the steps inside it mention.

    Expressions that equal ``but`` do not count.
    """
    node = step.node
    exprs: list[p.Expr | None] = [*step.options.values(), step.when, step.otherwise]
    names: set[str] = set()
    match node:
        case p.Ask():
            names |= in_asks([node], but)
        case p.Value(expr) | p.Match(expr):
            exprs.append(expr)
        case p.FlowCall(_, args) | p.ExternCall(_, args):
            exprs += args.values()
        case p.Map():
            exprs += [node.source, node.where]
        case p.Repeat():
            exprs.append(node.over)
        case p.Rounds():
            exprs += node.ends
    if isinstance(node, p.Map | p.Repeat | p.Fanout):
        exprs += [*node.reduce.args.values(), *node.reduce.options.values(), node.reduce.count]
        names |= in_asks(node.reduce.asks, but)
        names |= in_passing(node.reduce, but)
    return names.union(mentions([expr for expr in exprs if expr is not None], but))


def in_passing(reduce: p.Reduce, but: p.Expr | None = None) -> set[str]:
    """Find the names that the condition of a search mentions, without that of the result."""
    return set() if reduce.passing is None else {*mentions([*reduce.passing.exprs], but)} - {p.RESULT}


def in_asks(asks: Iterable[p.Ask], but: p.Expr | None = None) -> set[str]:
    """Find the names that the prompts and the models of asks mention, outside of expressions that equal ``but``."""
    names: set[str] = set()
    for ask in asks:
        names.update(mentions([*([] if ask.model is None else [ask.model]), *ask.values], but))
        names.update(one for message in ask.messages for one in template(message.template) if one not in ask.given)
        names.update(source.split(".")[0] for source in types.quotes_of(ask.answer))
        names.update(in_check(ask))
    return names


def in_check(ask: p.Ask) -> set[str]:
    """Find the names that the check of an ask mentions, without those of its answer."""
    return set() if ask.check is None else {*mentions([ask.check.condition])} - {*ask.check.names}
