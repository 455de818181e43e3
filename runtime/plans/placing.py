"""The maps and repeats whose bodies can run elsewhere, such as in another process, and the names that they need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

from flowrun.dsl import plan as p

from ..reducers import REDUCERS
from .dependencies import taken_from
from .free_names import spoken
from .reads import calls
from .wanted_models import asks_of

_PASSES_ON = (p.Map, p.Repeat, p.Fanout, p.Chain, p.Match, p.Rounds, p.Cascade, p.FlowCall)
"""The blocks that may give out a list item by item."""


def placeable(plan: p.Plan, step: p.Step, local: frozenset[str] = frozenset(), default: str = "") -> str:
    """Return "" if the bodies of a step can run elsewhere, or else the reason why they cannot.

    Models with an address in ``local`` can only be asked here, such as one whose weights this process has loaded, and
    one that the run asks through a batch API. ``default`` is the address of the model for asks that name none, "" if it
    is not known.
    """
    node = step.node
    if not isinstance(node, p.Map | p.Repeat):
        return "it is no map and no repeat"
    flow = _flow_of(plan, step)
    if flow is None:
        return "it is inside another block"
    if isinstance(flow, p.Flow) and (flow.calls_limit is not None or flow.money_limit is not None):
        return "its flow has a budget of its own"
    if isinstance(node, p.Map) and _hands_on(node):
        return "it hands its elements on"
    if calls(plan, "pages"):
        return "the flow takes pages of documents, which lie with the process that rendered them"
    inside = [*_inside(plan, node.body.steps)]
    asks = [(one, ask) for one in inside for ask in asks_of(one)]
    if any(ask.person for _, ask in asks):
        return "its bodies ask a person"
    if any(_batched(plan, one, ask) for one, ask in asks):
        return "its bodies ask through a batch API"
    if local and any(not _elsewhere(plan, ask, local, default) for _, ask in asks):
        return "its bodies may ask a model that only this process has"
    return _streams(flow, step, node)


def shares_requests(plan: p.Plan, step: p.Step) -> bool:
    """Tell whether the samples of a repeat can share requests, and have few calls each: no maps."""
    node = step.node
    return isinstance(node, p.Repeat) and not any(isinstance(one.node, p.Map) for one in _inside(plan, node.body.steps))


def outer_names(step: p.Step) -> frozenset[str]:
    """Return the names that the bodies of a block mention and do not give a value themselves."""
    return frozenset(_free(step)) if step.block is not None else frozenset()


def first_needed(step: p.Step, missing: Set[str]) -> frozenset[str]:
    """Return those of the ``missing`` steps for which a body waits before it can make any call.

    Return none if one of its steps need not wait. Expressions take no time, so they do not count.
    """
    assert step.block is not None
    if not _held(step.block.steps, missing):
        return frozenset()
    return frozenset(name for one in p.walk_steps(step.block.steps) for name in one.needs if name in missing)


def _held(steps: Sequence[p.Step], missing: Set[str]) -> bool:
    """Tell whether all steps wait for those that are missing, or for steps beside them that do."""
    held = set(missing)
    while True:
        more = {one.name for one in steps if one.name not in held and _waits(one, held)}
        if not more:
            break
        held |= more
    return all(one.name in held or isinstance(one.node, p.Value) for one in steps)


def _waits(step: p.Step, held: Set[str]) -> bool:
    if not held.isdisjoint(step.needs):
        return True
    return step.block is not None and not held.isdisjoint(_free(step)) and _held(step.block.steps, held)


def _free(step: p.Step) -> set[str]:
    block = step.block
    names: set[str] = set()
    if block is None:
        return names
    for one in block.steps:
        names |= spoken(one) | _free(one)
    names -= {one.name for one in block.steps}
    if isinstance(step.node, p.Cascade):
        # The first stage sees what `last` means around the cascade.
        first = block.steps[0]
        return names - {"last"} | ({"last"} & (spoken(first) | _free(first)))
    if isinstance(step.node, p.Map):
        names -= {*step.node.names}
    elif isinstance(step.node, p.Repeat):
        names -= {step.node.element or ""}
    elif isinstance(step.node, p.Rounds):
        names.discard("last")
    return names


def _flow_of(plan: p.Plan, step: p.Step) -> p.Plan | p.Flow | None:
    """Return the flow whose own step this is. None if the step is inside a block."""
    whole: Iterable[p.Plan | p.Flow] = (plan, *plan.flows.values())
    return next((flow for flow in whole if any(one is step for one in flow.steps)), None)


def _hands_on(node: p.Map) -> bool:
    steps = node.body.steps
    return len(steps) == 1 and steps[0].node == p.Value(p.Ref(node.element)) and steps[0].when is None


def _inside(plan: p.Plan, steps: Iterable[p.Step]) -> Iterator[p.Step]:
    """Yield steps with all steps inside them, also those of the flows that they call."""
    todo, seen = [*p.walk_steps(steps)], set[str]()
    while todo:
        step = todo.pop()
        yield step
        if isinstance(step.node, p.FlowCall) and step.node.flow not in seen:
            seen.add(step.node.flow)
            todo += p.walk_steps(plan.flows[step.node.flow].steps)


def _batched(plan: p.Plan, step: p.Step, ask: p.Ask) -> bool:
    """Tell whether an ask goes, or may go, to a batch API because the flow says so."""
    options = [step.options.get("batch")]
    if isinstance(step.node, p.Map | p.Repeat | p.Fanout):
        options = [step.node.reduce.options.get("batch")]
    options += [model.options.get("batch") for model in _models(plan, ask)]
    return any(one is not None and one != p.Constant(False) for one in options)


def _models(plan: p.Plan, ask: p.Ask) -> list[p.Model]:
    """Return the declared models that an ask may mean: one if it names it, none if it names no model, else all."""
    if ask.model is None:
        return []
    named = ask.model.name if isinstance(ask.model, p.Ref) else None
    found = [model for model in plan.models if model.name == named]
    return found or list(plan.models)


def _elsewhere(plan: p.Plan, ask: p.Ask, local: frozenset[str], default: str) -> bool:
    """Tell whether all models that an ask may mean can be asked elsewhere."""
    if ask.model is None:
        return bool(default) and default not in local
    named = isinstance(ask.model, p.Ref) and any(model.name == ask.model.name for model in plan.models)
    addresses = {one for model in _models(plan, ask) for one in (model.address, model.fallback)}
    # The address of a model that is given to the run is not in the plan.
    return named and not addresses & local


def _streams(flow: p.Plan | p.Flow, step: p.Step, node: p.Map | p.Repeat) -> str:
    """Return a reason if a map takes the items of the bodies' lists before a body ends; else ""."""
    reduce = node.reduce
    joins = reduce.form == "rule" and REDUCERS[reduce.rule].spec.lists == "items"
    last = next((one for one in node.body.steps if one.name == node.body.result), None)
    taken = any(taken_from(one) == step.name for one in p.walk_steps(flow.steps))
    if joins and taken and last is not None and isinstance(last.node, _PASSES_ON):
        return "a map takes the items of its lists as they arrive"
    return ""
