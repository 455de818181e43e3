"""The tokens that servers are expected to read from their caches: heads of prompts that are the same for all elements.

Only the first call with a head reads all of it. The figure is an expectation and no bound: a server may forget a head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import plan as p
from ..identity import Identity
from ..records import dataclass
from ..templates.heads import head_text
from .amounts import Bounds
from .ask_bounds import candidates
from .batches import batched
from .expression_sizes import SizeScope, size_of, text_size
from .model_facts import World
from .plain_texts import names_of
from .sizes import shown

_DEEPEST = 20
"""The most calls of flows inside one another whose asks are looked at."""


@dataclass(frozen=True, slots=True)
class _Place:
    """An ask inside blocks that repeat. ``varying`` has for each block, from outside in, the names that it changes."""

    blocks: tuple[p.Step, ...]
    varying: tuple[frozenset[str], ...]


class CachedHeads:
    """The heads of the asks of one plan. ``note`` takes their sizes while the plan is surveyed.

    Asks that a condition decides about are left out. A flow that is called from several places counts at the first.
    """

    def __init__(self, plan: p.Plan, models: Mapping[str, p.Model], world: World) -> None:
        self._plan = plan
        self._models = models
        self._world = world
        self._places: dict[Identity, _Place] = {}
        self._sizes: dict[Identity, list[float]] = {}
        self._callers: dict[str, Identity] = {}
        self._depth = 0
        self._repeated: set[Identity] = set()
        self._repeat(plan.steps)
        self._find(plan.steps, (), ())

    def _repeat(self, steps: Sequence[p.Step]) -> None:
        """Note the steps that blocks repeat, and those of the flows that they call."""
        left = [(steps, False)]
        called: set[tuple[str, bool]] = set()
        while left:
            steps, inside = left.pop()
            for step in steps:
                if inside:
                    self._repeated.add(Identity(step))
                if isinstance(step.node, p.FlowCall) and (step.node.flow, inside) not in called:
                    called.add((step.node.flow, inside))
                    left.append((self._plan.flows[step.node.flow].steps, inside))
                if step.block is not None:
                    left.append((step.block.steps, inside or isinstance(step.node, p.Map | p.Repeat | p.Rounds)))

    def stores(self, step: p.Step) -> bool:
        """Tell if the asks of a step may write their prompts to a provider's cache: a block repeats them."""
        return Identity(step) in self._repeated

    def _find(self, steps: Sequence[p.Step], blocks: tuple[p.Step, ...], varying: tuple[frozenset[str], ...]) -> None:
        for step in steps:
            if step.when is not None or isinstance(step.node, p.Match | p.Cascade):
                continue
            if isinstance(step.node, p.Ask) and blocks and not step.node.person:
                self._places[Identity(step)] = _Place(blocks, varying)
            if isinstance(step.node, p.FlowCall):
                self._enter(step, step.node, blocks, varying)
            if step.block is None:
                continue
            inner, more = blocks, varying
            if isinstance(step.node, p.Map | p.Repeat):
                names = {one.name for one in p.walk_steps(step.block.steps)}
                names |= {name for one in p.walk_steps((step,)) for name in _given(one)}
                inner, more = (*blocks, step), (*varying, frozenset(names))
            self._find(step.block.steps, inner, more)

    def _enter(
        self, step: p.Step, call: p.FlowCall, blocks: tuple[p.Step, ...], varying: tuple[frozenset[str], ...]
    ) -> None:
        """Find the asks of a called flow. In its body its steps vary, and the parameters whose arguments do."""
        if call.flow in self._callers or self._depth >= _DEEPEST:
            return
        self._callers[call.flow] = Identity(step)
        self._depth += 1
        steps = self._plan.flows[call.flow].steps
        own = {one.name for one in p.walk_steps(steps)} | {name for one in p.walk_steps(steps) for name in _given(one)}
        inner = [
            frozenset(own | {name for name, value in call.args.items() if not names.isdisjoint(_mentioned(value))})
            for names in varying
        ]
        self._find(steps, blocks, tuple(inner))
        self._depth -= 1

    def note(self, step: p.Step, ask: p.Ask, scope: SizeScope) -> None:
        """Take the sizes of an ask's heads from its first element."""
        place = self._places.get(Identity(step))
        if place is None or Identity(step) in self._sizes:
            return
        model = candidates(ask.model, self._models, scope, self._world)[0]
        served = None if model is None else self._world.served(model.address)
        options = step.options if isinstance(step.node, p.Ask) else {}
        # The lines of a batch API mark no head.
        batch = batched(served, {**(model.options if model else {}), **options}, scope, self._world)
        if served is None or served.keeps is None or batch:
            self._sizes[Identity(step)] = []
            return
        sizes = []
        for block, varying in zip(place.blocks, place.varying, strict=True):
            size = 0.0 if served.shares and isinstance(block.node, p.Repeat) else self._head(ask, varying, scope)
            sizes.append(size if size >= served.keeps else 0.0)
        self._sizes[Identity(step)] = sizes

    def _head(self, ask: p.Ask, varying: frozenset[str], scope: SizeScope) -> float:
        """Return the least tokens of the head that is the same while these names vary."""
        count = self._world.count
        given = {name: size_of(one.value, scope, self._world, count) for name, one in ask.given.items()}
        # Little is known of the values that an ask gives to its prompt, so they end the head.
        names = varying | given.keys()
        tokens = 0.0
        for message in ask.messages:
            text, whole = head_text(message.template, names)
            tokens += shown(text_size(text, scope, self._world, count), count).least
            if not whole:
                break
        return tokens

    def expected(self, bounds: Bounds) -> float:
        """Return the tokens that are expected from caches. ``bounds`` are those of the whole plan."""
        flows = {flow.title: flow.inside for flow in bounds.flows}
        return self._within(self._plan.steps, bounds.inside, (), flows)

    def _within(
        self,
        steps: Sequence[p.Step],
        rows: Sequence[Bounds],
        times: tuple[float, ...],
        flows: Mapping[str, Sequence[Bounds]],
    ) -> float:
        found = 0.0
        for step, row in zip(steps, rows, strict=False):
            node = step.node
            if step.when is not None or isinstance(node, p.Match | p.Cascade):
                continue
            if isinstance(node, p.Ask):
                found += _saved(self._sizes.get(Identity(step), []), times)
            elif isinstance(node, p.FlowCall):
                if self._callers.get(node.flow) == Identity(step) and self._depth < _DEEPEST:
                    self._depth += 1
                    found += self._within(self._plan.flows[node.flow].steps, flows.get(node.flow, ()), times, flows)
                    self._depth -= 1
            elif step.block is not None:
                inner = (*times, _bodies(node, row)) if isinstance(node, p.Map | p.Repeat) else times
                found += self._within(step.block.steps, row.inside, inner, flows)
        return found


def _mentioned(value: p.Expr) -> set[str]:
    names: set[str] = set()
    for one in p.walk_exprs((value,)):
        if isinstance(one, p.Ref):
            names.add(one.name)
        elif isinstance(one, p.TextOf):
            names.update(names_of(one.template))
    return names


def _given(step: p.Step) -> tuple[str, ...]:
    if isinstance(step.node, p.Map):
        return step.node.names
    if isinstance(step.node, p.Repeat) and step.node.element is not None:
        return (step.node.element,)
    return ("last",) if isinstance(step.node, p.Rounds | p.Cascade) else ()


def _bodies(node: p.Node, row: Bounds) -> float:
    """Return the expected number of bodies of a block; 1 if it is not known."""
    if row.expected is not None:
        return row.expected.samples
    return float(row.elements or 1) if isinstance(node, p.Map) else float(getattr(node, "most", 1))


def _saved(sizes: Sequence[float], times: Sequence[float]) -> float:
    """Return the tokens of heads that are read again. Each block reads its part of the head once."""
    calls, known, read = 1.0, 0.0, 0.0
    for size, number in zip(sizes, times, strict=False):
        read += calls * max(0.0, size - known)
        calls *= number
        known = max(known, size)
    return max(0.0, calls * known - read) if sizes else 0.0
