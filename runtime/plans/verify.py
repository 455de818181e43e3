"""The rules that every plan must keep. They are checked again before a run, because a user may have edited the plan."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from flowrun.dsl import cycles, dataclass, misplaced, types
from flowrun.dsl import plan as p

from ..reducers import REDUCERS
from ..vocabulary.errors import PlanError
from ..vocabulary.quoting import shown
from .free_names import in_check, mentions, template
from .kinds import verify_kinds

LAST = "last"
"""The name of the value of the round before, in the steps of rounds."""
_TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


def verify(plan: p.Plan) -> None:
    """Raise PlanError at the first step that breaks a rule.

    Every mention must be among the step's needs. No branch may need another branch of its fan-out. No steps may wait
    for each other in a circle, and no flow may call itself, directly or through others. Every function, reducer, flow
    and extern must exist and get the arguments that it takes. Every value must have the kind and the type of its place.
    A function that reads the tally of a vote must name a vote that the step needs. The same rules hold in every called
    flow.
    """
    if (place := misplaced(plan)) is not None:
        raise PlanError(f"the plan has a value of the wrong kind at `{place}`")
    models = {model.name for model in plan.models}
    known = {param.name for param in plan.params} | models
    if len(known) < len(plan.params) + len(plan.models):
        raise PlanError("two parameters or models of this plan have the same name")
    for model in plan.models:
        _held(model.name, (), mentions(list(model.options.values())), {}, set())
    for extern_name, extern in plan.externs.items():
        if not _TARGET.fullmatch(extern.target):
            raise PlanError(
                f"the extern `{extern_name}` has no Python function: {shown(extern.target)} is not module:name"
            )
        _distinct(f"the extern `{extern_name}`", extern.params)
        _defaults(extern.params, models)
    _flow("the flow", plan.params, plan.steps, plan.result, plan, models)
    for name, flow in plan.flows.items():
        # A flow of another file does not see the models of this one, and may use their names for its own.
        _flow(f"the flow `{name}`", flow.params, flow.steps, flow.result, plan, models - flow.names)
    for circle in cycles({name: _called(flow.steps) for name, flow in plan.flows.items()}):
        raise PlanError(f"these flows call each other in a circle: {' → '.join([*circle, circle[0]])}")
    verify_kinds(plan)


@dataclass(frozen=True, slots=True)
class _Around:
    """The surroundings of a step: the plan, the visible steps, and the names of values that are not steps."""

    plan: p.Plan
    visible: Mapping[str, p.Step]
    known: set[str]


def _flow(
    title: str, params: tuple[p.Param, ...], steps: tuple[p.Step, ...], result: p.Expr, plan: p.Plan, models: set[str]
) -> None:
    _distinct(title, params)
    _defaults(params, models)
    known = {param.name for param in params} | models
    _body(steps, _Around(plan, {}, known), fanout=None)
    for name in mentions([result]):
        if name not in known and name not in {step.name for step in steps}:
            raise PlanError(f"{title} returns `{name}`, and has no such step")


def _distinct(title: str, params: tuple[p.Param, ...]) -> None:
    if len({param.name for param in params}) < len(params):
        raise PlanError(f"two parameters of {title} have the same name")


def _defaults(params: tuple[p.Param, ...], models: set[str]) -> None:
    for param in params:
        _held(param.name, (), mentions([] if param.default is None else [param.default]), {}, models)


def _body(
    steps: tuple[p.Step, ...], around: _Around, fanout: str | None, reason: str = "they cannot run side by side"
) -> None:
    own = {step.name: step for step in steps}
    inside = _Around(around.plan, {**around.visible, **own}, around.known)
    for step in steps:
        if step.name in around.visible or step.name in around.known or own[step.name] is not step:
            raise PlanError(f"the name `{step.name}` has two meanings in this plan")
        if fanout is not None:
            for need in _inner_needs(step):
                if need in own:
                    raise PlanError(f"the branch `{step.name}` of `{fanout}` needs the branch `{need}`: {reason}")
        _step(step, inside)
    if fanout is None:
        edges = {name: [need for need in _inner_needs(step) if need in own] for name, step in own.items()}
        for circle in cycles(edges):
            way = " → ".join([*circle, circle[0]])
            raise PlanError(f"these steps wait for each other: {way}")


def _step(step: p.Step, around: _Around) -> None:
    head = [*step.options.values(), *(expr for expr in (step.when, step.otherwise) if expr is not None)]
    head += _head(step, around)
    _held(step.name, step.needs, mentions(head), around.visible, around.known)
    for need in step.needs:
        if need not in around.visible:
            raise PlanError(f"`{step.name}` needs `{need}`, and no step around it has this name")
    if step.block is not None:
        _block(step, step.block, around)
    if isinstance(step.node, (p.Map, p.Repeat, p.Fanout)):
        _reduce(step, step.node, around)


def _head(step: p.Step, around: _Around) -> list[p.Expr]:
    """Check what is particular to the kind of a step, and return its expressions."""
    visible, known = around.visible, around.known
    match step.node:
        case p.Ask():
            _ask(step.node, step.name, step.needs, visible, known)
        case p.Value(expr):
            return [expr]
        case p.Match(value):
            return [value]
        case p.FlowCall(name, args):
            if name not in around.plan.flows:
                raise PlanError(f"`{step.name}` calls the flow `{name}`, and this plan has no such flow")
            _arguments(step.name, f"the flow `{name}`", {*args}, around.plan.flows[name].params)
            return [*args.values()]
        case p.ExternCall(name, args):
            _arguments(step.name, f"the extern `{name}`", {*args}, _extern(step.name, name, around.plan).params)
            return [*args.values()]
        case p.Map(element=element, source=source, where=where, names=names):
            for what, name in zip(("element", "place"), names, strict=False):
                if name in visible or name in known or (what == "place" and name == element):
                    raise PlanError(f"the {what} `{name}` of `{step.name}` has a name that is taken around it")
            if where is not None:
                _held(step.name, step.needs, mentions([where]), visible, {*known, *names})
            return [source]
        case p.Rounds(body=block):
            if LAST in visible:
                raise PlanError(f"the name `{LAST}` has two meanings in `{step.name}`")
            # The end of a round sees the steps of the round, and not the round before.
            found = {*mentions([*step.node.ends])} - {one.name for one in block.steps}
            _held(step.name, step.needs, sorted(found), visible, known - {LAST})
        case p.Repeat(least, most) if not 1 <= least <= most:
            raise PlanError(f"`{step.name}` repeats from {least} up to {most} times: the range must begin at 1 or more")
        case p.Repeat(element=element, over=over) if (element is None) != (over is None):
            raise PlanError(f"`{step.name}` is a panel without {'a list' if over is None else 'a name for its items'}")
        case p.Repeat(element=element, over=over) if element is not None and over is not None:
            if element in visible or element in known:
                raise PlanError(f"the item `{element}` of `{step.name}` has a name that is taken around it")
            return [over]
    return []


def _block(step: p.Step, block: p.Block, around: _Around) -> None:
    inner = around.known
    if isinstance(step.node, p.Map):
        inner = {*inner, *step.node.names}
    elif isinstance(step.node, p.Repeat) and step.node.element is not None:
        inner = {*inner, step.node.element}
    elif isinstance(step.node, p.Rounds | p.Cascade):
        inner = {*inner, LAST}
    fanout = step.name if isinstance(step.node, p.Fanout | p.Match | p.Cascade) else None
    reason = "they cannot run side by side"
    if isinstance(step.node, p.Match | p.Cascade):
        reason = "only one of them runs" if isinstance(step.node, p.Match) else "each sees the one before as `last`"
    _body(block.steps, _Around(around.plan, around.visible, inner), fanout, reason)
    if block.result not in {one.name for one in block.steps}:
        raise PlanError(f"the value of `{step.name}` comes from `{block.result}`, and the block has no such step")


def _reduce(step: p.Step, node: p.Map | p.Repeat | p.Fanout, around: _Around) -> None:
    reduce, visible = node.reduce, around.visible
    given = {"so_far", "next"} if reduce.rule == "fold" and reduce.ask is not None else {"results"}
    branches = {branch.name for branch in node.body.steps} if isinstance(node, p.Fanout) else set()
    if reduce.searches and "enough" not in reduce.args:
        given, branches = {p.RESULT}, set()
        visible = {name: one for name, one in visible.items() if name != step.name}
    own = around.known - {model.name for model in around.plan.models}
    for name in sorted(given & (branches | own | visible.keys())):
        raise PlanError(f"the name `{name}` has two meanings in this plan: it is also a name of the reducer's ask")
    _way(step.name, reduce, around.plan)
    for need in reduce.needs:
        if need not in visible:
            raise PlanError(f"the reducer of `{step.name}` needs `{need}`, and no step around it has this name")
    # The asks, with their models and options, see the combined results; the arguments see the names around the block.
    needs, sees = (*reduce.needs, *step.needs), around.known | given | branches
    args = set(mentions([*reduce.args.values(), *([reduce.count] if reduce.count is not None else [])]))
    for name in sorted(args & ({"results", "so_far", "next"} - around.known - visible.keys() | branches)):
        raise PlanError(
            f"an argument of the reducer of `{step.name}` mentions `{name}`: only the reducer's asks can use this name"
        )
    _held(step.name, needs, sorted(args), visible, around.known)
    _held(step.name, needs, mentions([*reduce.options.values()]), visible, sees)
    for ask in reduce.asks:
        _ask(ask, step.name, reduce.needs, visible, sees)
    if reduce.passing is not None:
        _held(step.name, needs, mentions([*reduce.passing.exprs]), visible, sees)


def _way(step: str, reduce: p.Reduce, plan: p.Plan) -> None:
    """Check that a step has one way to combine its results: a rule, an ask or an extern."""
    if reduce.extern is not None:
        params = _extern(step, reduce.extern, plan).params
        if "results" in reduce.args or all(param.name != "results" for param in params):
            raise PlanError(
                f"the extern `{reduce.extern}` reduces `{step}`: it needs a parameter `results`, "
                "and the plan must not pass that argument"
            )
        _arguments(step, f"the extern `{reduce.extern}`", {*reduce.args, "results"}, params)
    elif reduce.ask is None and reduce.rule not in REDUCERS:
        why = REDUCERS.fault(reduce.rule) or f"no reducer is called `{reduce.rule}`"
        raise PlanError(f"`{step}` has no way to combine its results: {why}")
    if reduce.ask is not None and reduce.extern is not None:
        raise PlanError(f"`{step}` has two ways to combine its results")
    if reduce.passing is not None:
        passing = reduce.passing
        if reduce.rule != "first" or reduce.asks or (passing.condition is None) is (passing.extern is None):
            raise PlanError(f"`{step}` has a condition, and no search that it belongs to")
        if passing.extern is not None:
            params = _extern(step, passing.extern, plan).params
            _arguments(step, f"the extern `{passing.extern}`", {*passing.args}, params)
    if reduce.deciding is not None and (reduce.ask is not None or reduce.extern is not None):
        raise PlanError(f"`{step}` has an ask for a named reducer, and no such reducer")
    if reduce.ask is None and reduce.count is not None:
        raise PlanError(f"`{step}` combines its results as a tree, and only an ask can merge a tree")


def _extern(step: str, name: str, plan: p.Plan) -> p.Extern:
    if name not in plan.externs:
        raise PlanError(f"`{step}` calls the extern `{name}`, and this plan declares no such extern")
    return plan.externs[name]


def _arguments(step: str, what: str, given: set[str], params: tuple[p.Param, ...]) -> None:
    names = {param.name for param in params}
    missing = [param.name for param in params if param.required and param.name not in given]
    if missing or not given <= names:
        raise PlanError(f"the arguments of `{step}` do not fit the parameters of {what}")


def _ask(ask: p.Ask, name: str, needs: tuple[str, ...], visible: Mapping[str, p.Step], known: set[str]) -> None:
    found = list(mentions([*([ask.model] if ask.model is not None else []), *ask.values]))
    for message in ask.messages:
        found.extend(one for one in template(message.template) if one not in ask.given)
    found.extend(source.split(".")[0] for source in types.quotes_of(ask.answer))
    if ask.check is not None:
        own = {name, p.ANSWER} - visible.keys() | {name}
        if not own >= {*ask.check.names}:
            raise PlanError(f"the check of `{name}` takes another value for its answer")
        found.extend(in_check(ask))
    _held(name, needs, found, visible, known)


def _held(
    name: str,
    needs: tuple[str, ...],
    found: Iterator[str] | list[str],
    visible: Mapping[str, p.Step],
    known: set[str],
) -> None:
    for mention in found:
        if mention in needs or mention in known:
            continue
        if mention in visible:
            raise PlanError(f"`{name}` mentions `{mention}` and does not wait for it")
        raise PlanError(f"`{name}` mentions `{mention}`, and that name is unknown there")


def _inner_needs(step: p.Step) -> Iterator[str]:
    """Find all names that a step, or a step inside of it, waits for."""
    for one in p.walk_steps((step,)):
        yield from one.needs
        if isinstance(one.node, (p.Map, p.Repeat, p.Fanout)):
            yield from one.node.reduce.needs


def _called(steps: tuple[p.Step, ...]) -> list[str]:
    return [step.node.flow for step in p.walk_steps(steps) if isinstance(step.node, p.FlowCall)]
