"""The rules that every plan must keep, held again before it runs: a plan may have been edited since it was checked."""

from __future__ import annotations

from collections.abc import Iterator

from flowrun.dsl import cycles, template_names
from flowrun.dsl import plan as p

from .errors import PlanError
from .functions import FUNCTIONS
from .reducers import REDUCERS
from .values import OPERANDS


def verify(plan: p.Plan) -> None:
    """Raises PlanError at the first step that breaks a rule.

    Every mention must be among the step's needs, no branch may need another branch of its fan-out, no steps may
    wait for each other, and every function and reducer must exist.
    """
    models = {model.name for model in plan.models}
    known = {param.name for param in plan.params} | models
    if len(known) < len(plan.params) + len(plan.models):
        raise PlanError("two parameters or models of this plan have one name")
    for param in plan.params:
        _held(param.name, (), _mentions([] if param.default is None else [param.default]), {}, models)
    for model in plan.models:
        _held(model.name, (), _mentions(list(model.options.values())), {}, set())
    _body(plan.steps, {}, known, fanout=None)
    for name in _mentions([plan.result]):
        if name not in known and name not in {step.name for step in plan.steps}:
            raise PlanError(f"the flow returns `{name}`, and there is no such step")


def _body(steps: tuple[p.Step, ...], outer: dict[str, p.Step], known: set[str], fanout: str | None) -> None:
    own = {step.name: step for step in steps}
    visible = {**outer, **own}
    for step in steps:
        if step.name in outer or step.name in known or own[step.name] is not step:
            raise PlanError(f"the name `{step.name}` stands for two things in this plan")
        _step(step, visible, own, known, fanout)
    if fanout is None:
        edges = {name: [need for need in _inner_needs(step) if need in own] for name, step in own.items()}
        for circle in cycles(edges):
            way = " → ".join([*circle, circle[0]])
            raise PlanError(f"these steps wait for each other: {way}")


def _step(
    step: p.Step, visible: dict[str, p.Step], own: dict[str, p.Step], known: set[str], fanout: str | None
) -> None:
    if fanout is not None:
        for need in _inner_needs(step):
            if need in own:
                raise PlanError(
                    f"the branch `{step.name}` of `{fanout}` needs the branch `{need}`: they cannot run side by side"
                )
    node = step.node
    head: list[p.Expr] = [*step.options.values()]
    head += [expr for expr in (step.when, step.otherwise) if expr is not None]
    inner = set(known)
    match node:
        case p.Ask():
            _ask(node, step.name, step.needs, visible, known)
        case p.Value(expr):
            head.append(expr)
        case p.Map():
            head.append(node.source)
            if node.element in visible or node.element in known:
                raise PlanError(f"the element `{node.element}` of `{step.name}` has the name of something around it")
            inner.add(node.element)
            if node.where is not None:
                _held(step.name, step.needs, _mentions([node.where]), visible, inner)
        case p.Repeat(least, most):
            if not 1 <= least <= most:
                raise PlanError(f"`{step.name}` repeats from {least} up to {most} times: it must be once or more")
    _held(step.name, step.needs, _mentions(head), visible, known)
    for need in step.needs:
        if need not in visible:
            raise PlanError(f"`{step.name}` needs `{need}`, and there is no such step around it")
    if not isinstance(node, (p.Ask, p.Value)):
        name = step.name if isinstance(node, p.Fanout) else None
        _body(node.body.steps, visible, inner, name)
        if node.body.result not in {one.name for one in node.body.steps}:
            raise PlanError(f"the value of `{step.name}` is that of `{node.body.result}`, which it does not have")
        if not isinstance(node, p.Chain):
            _reduce(step, node, visible, known)


def _reduce(step: p.Step, node: p.Map | p.Repeat | p.Fanout, visible: dict[str, p.Step], known: set[str]) -> None:
    reduce = node.reduce
    sees = known | {"results"}
    if isinstance(node, p.Fanout):
        sees |= {branch.name for branch in node.body.steps}
    if reduce.ask is None and reduce.rule not in REDUCERS:
        raise PlanError(f"`{step.name}` has no way to combine its results: no reducer is called `{reduce.rule}`")
    exprs = [*reduce.args.values(), *reduce.options.values(), *([reduce.count] if reduce.count is not None else [])]
    _held(step.name, (*reduce.needs, *step.needs), _mentions(exprs), visible, sees)
    if reduce.ask is not None:
        _ask(reduce.ask, step.name, reduce.needs, visible, sees)


def _ask(ask: p.Ask, name: str, needs: tuple[str, ...], visible: dict[str, p.Step], known: set[str]) -> None:
    mentions = list(_mentions([ask.model] if ask.model is not None else []))
    for message in ask.messages:
        mentions.extend(_template(message.template))
    _held(name, needs, mentions, visible, known)


def _held(
    name: str, needs: tuple[str, ...], mentions: Iterator[str] | list[str], visible: dict[str, p.Step], known: set[str]
) -> None:
    for mention in mentions:
        if mention in needs or mention in known:
            continue
        if mention in visible:
            raise PlanError(f"`{name}` mentions `{mention}` and does not wait for it")
        raise PlanError(f"`{name}` mentions `{mention}`, and nothing is called that around it")


def _inner_needs(step: p.Step) -> Iterator[str]:
    """What a step and everything inside it waits for."""
    yield from step.needs
    if not isinstance(step.node, (p.Ask, p.Value)):
        for inner in step.node.body.steps:
            yield from _inner_needs(inner)
        if not isinstance(step.node, p.Chain):
            yield from step.node.reduce.needs


def _mentions(exprs: list[p.Expr]) -> Iterator[str]:
    todo = list(exprs)
    while todo:
        expr = todo.pop()
        match expr:
            case p.Ref(name):
                yield name
            case p.FieldOf(base):
                todo.append(base)
            case p.TextOf(template):
                yield from _template(template)
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
                todo.extend(args.values())
            case p.RuleOf(_, args):
                todo.extend(args.values())
            case p.Apply(operator, operands):
                if OPERANDS.get(operator) != len(operands):
                    raise PlanError(f"no operator `{operator}` takes {len(operands)} operands")
                todo.extend(operands)


def _template(template: str) -> tuple[str, ...]:
    try:
        return template_names(template)
    except ValueError as error:
        raise PlanError(f"a template of this plan is outside the language: {error}") from None
