"""The bounds of the steps of a file, and the words for them."""

from __future__ import annotations

from collections.abc import Iterator

from ..bounds.amounts import Bounds
from ..bounds.bound import Bound
from ..bounds.bounds import bounds_of
from ..bounds.model_facts import World
from ..checking.program import Flow, Step
from ..marked_plan import make_plan
from .view import View

LARGEST = 10**9
"""The greatest number that is written with all its digits."""


class Figures:
    """The bounds of each step of a file, by the step. The bounds of a flow are worked out when they are asked for."""

    def __init__(self, view: View, world: World | None = None) -> None:
        self._world = world
        self.priced = world is not None
        self._catalog = view.catalog
        errors = any(one.severity == "error" for one in view.findings)
        self._checked = view.checked if view.fresh and not errors else None
        self._flows: dict[Flow, Bounds | None] = {}
        self._steps: dict[Step, Bounds] = {}

    def flow(self, flow: Flow) -> Bounds | None:
        """Return the bounds of a flow. None if the file has errors."""
        if flow not in self._flows:
            self._flows[flow] = found = self._of(flow)
            if found is not None:
                self._take(flow.steps, found.inside)
        return self._flows[flow]

    def step(self, flow: Flow, step: Step) -> Bounds | None:
        self.flow(flow)
        return self._steps.get(step)

    def _of(self, flow: Flow) -> Bounds | None:
        if self._checked is None:
            return None
        plan = make_plan(self._checked.settled, flow.decl.name.text)
        return bounds_of(plan, self._catalog.reducers, world=self._world)

    def _take(self, steps: list[Step], bounds: tuple[Bounds, ...]) -> None:
        # The bounds of one step are known by its name and its line.
        known = {(one.line, one.title): one for one in reversed(bounds)}
        for step in steps:
            found = known.get((step.line.span.line, step.title))
            if found is None:
                same = [one for one in bounds if one.line == step.line.span.line]
                found = same[0] if len(same) == 1 else None
            if found is not None:
                self._steps[step] = found
                self._take(step.steps, found.inside)


def figures(view: View, world: World | None = None) -> Figures:
    """Return the bounds of a view. They are kept for one world."""
    known = view.kept.get("figures")
    if not isinstance(known, tuple) or known[0] is not world:
        known = world, Figures(view, world)
        view.kept["figures"] = known
    found = known[1]
    assert isinstance(found, Figures)
    return found


def number(value: float) -> str:
    return f"{value:,.0f}" if value <= LARGEST else f"{value:.0e}"


def span_of(bound: Bound) -> str:
    """Write the least and the most of a bound: ``5``, ``3–9``, ``3 or more``."""
    if bound.most is None:
        return f"{number(bound.least)} or more"
    return number(bound.least) if bound.least == bound.most else f"{number(bound.least)}–{number(bound.most)}"


def calls(bound: Bound) -> str:
    """Write a number of calls."""
    return f"{span_of(bound)} {'call' if bound.least == bound.most == 1 else 'calls'}"


def product(found: Bounds) -> str:
    """Write the calls of a block with its runs: ``15 × 3 = 45 calls``."""
    each, runs = _each(found), found.elements
    if runs is None or runs < 2 or each.least < 2:
        return calls(found.calls)
    if each.least == each.most and found.calls.least == found.calls.most == runs * each.least:
        return f"{number(runs)} × {number(each.least)} = {calls(found.calls)}"
    return calls(found.calls)


def _each(found: Bounds) -> Bound:
    """Return the calls of one run of a body."""
    total = Bound()
    for one in found.inside:
        total += one.calls
    return total


def words(found: Bounds, *, priced: bool = True) -> Iterator[str]:
    """Yield what the bounds of a step say, a line for each. ``priced`` says that prices were handed in."""
    if found.calls.most == 0 and found.people.most == 0:
        yield "no calls"
        return
    if found.calls.most != 0:
        yield f"{product(found)}, {_rounds(found.rounds)}"
        if found.tokens_in.most != 0 or found.tokens_out.most != 0:
            yield f"≈ {span_of(found.tokens_in)} tokens in, ≈ {span_of(found.tokens_out)} tokens out"
        if priced and found.cost.most != 0:
            yield cost(found.cost)
    if found.people.most != 0:
        yield f"{span_of(found.people)} answers of people"


def _rounds(bound: Bound) -> str:
    return f"in {span_of(bound)} {'round' if bound.least == bound.most == 1 else 'rounds'}"


def cost(bound: Bound) -> str:
    least = f"${bound.least:.4g}"
    if bound.most is None:
        return f"{least} or more" if bound.least else "a price that is not known"
    return least if bound.least == bound.most else f"{least}–${bound.most:.4g}"
