"""The calls and the dollars of the requests that one element of a source can change or bring about."""

from __future__ import annotations

from collections.abc import Mapping

from .. import plan as p
from ..bounds.amounts import Bounds
from ..bounds.ask_bounds import calls_of
from ..bounds.bound import NOTHING, ONE, Bound, any_of, total
from ..bounds.expression_sizes import SizeScope
from ..bounds.model_facts import Blank
from ..bounds.sizes import Known
from ..bounds.trees import merges
from ..catalog import AskSpec, ReducerSpec
from ..identity import Identity
from ..labels.marks import OWN, Mark
from ..labels.places import Place
from .sites import Site, Sites

Loops = frozenset[str]
"""The loops of which one element has iterations of its own: `FLOW:STEP`, without the number behind an axis."""


class Caused:
    """The amounts of the requests of a plan, for all runs of a step, and for those that belong to one element."""

    def __init__(self, sites: Sites, priced: Bounds | None = None) -> None:
        plan = sites.plan
        self.sites = sites
        self.models: Mapping[str, p.Model] = {**{one.name: one for one in plan.models}, "": p.Model("", "", {})}
        self.scope = SizeScope(None, {name: Known(one) for name, one in self.models.items() if name})
        self.costs = None if priced is None else costs_of(plan, priced)
        self._lifts: dict[tuple[str, Loops], tuple[Bound, Bound]] = {}
        self._runs: dict[tuple[str, Identity, Loops], tuple[Bound, Bound]] = {}
        self._each: dict[tuple[Identity, str], Bound] = {}
        self._plain: dict[tuple[p.Expr | None, bool], Bound] = {}
        self._calls_of: dict[tuple[str, str, str, Loops], Bound] = {}

    def calls(self, place: Place, mark: Mark | None) -> Bound:
        """Return the most calls of a place for one element. Without a mark, return the most calls for all elements."""
        owned = _owned(mark)
        key = (place.flow, place.step, place.kind, owned)
        if key not in self._calls_of:
            limit = self.sites.plan.calls_limit
            found = [self._lifted(site, owned, self._once(site, place.kind)) for site in self._at(place)]
            self._calls_of[key] = total(found).capped(limit)
        return self._calls_of[key]

    def cost(self, place: Place, mark: Mark | None) -> Bound | None:
        """Return the most dollars of a place for one element. None if no prices are known."""
        if self.costs is None:
            return None
        each = self.costs.get((place.flow, place.step, place.kind), NOTHING)
        owned = _owned(mark)
        return total(self._lifted(site, owned, each) for site in self._at(place)).capped(self.sites.plan.money_limit)

    def repeats(self, place: Place) -> bool:
        """Return True if a step may run several times."""
        return any(self._lift(site, frozenset())[0].most not in (0, 1) for site in self._at(place))

    def _at(self, place: Place) -> list[Site]:
        return self.sites.of(place.flow, place.step)

    # Amounts of a single run of the body around a step

    def _once(self, site: Site, kind: str) -> Bound:
        key = (Identity(site), kind)
        if key not in self._each:
            self._each[key] = self._asked(site, kind)
        return self._each[key]

    def _asked(self, site: Site, kind: str) -> Bound:
        node = site.step.node
        if isinstance(node, p.Ask):
            return self._calls(node, site.step.options, site) if kind == "ask" else NOTHING
        reduce = getattr(node, "reduce", None)
        if not isinstance(reduce, p.Reduce) or kind not in ("reducer", "judge"):
            return NOTHING
        ask = reduce.deciding if kind == "judge" else reduce.ask
        if ask is None:
            return NOTHING
        return self._calls(ask, reduce.options, site, ballots=False) * self._combines(site, reduce, kind)

    def _calls(self, ask: p.Ask, options: Mapping[str, p.Expr], site: Site, *, ballots: bool = True) -> Bound:
        vote = ballots and site.asks_ballots
        # Most asks have no options of their own.
        key = (
            (ask.model, vote) if not options and not ask.person and isinstance(ask.model, (p.Ref, type(None))) else None
        )
        if key is not None and key in self._plain:
            return self._plain[key]
        title = site.step.title
        found = calls_of(ask, options, self.models, self.scope, _WORLD, title=title, vote=vote)
        if key is not None and found.most is not None:
            self._plain[key] = found
        return found

    def _combines(self, site: Site, reduce: p.Reduce, kind: str) -> Bound:
        """Bound the asks that the reducer of a block makes."""
        if kind == "judge":
            asks = _asks_of(self.sites.reducers.get(reduce.rule), compares=bool(reduce.same))
            return self._compares(site, asks) if reduce.same else self._decides(site, reduce, asks)
        if reduce.count is None and reduce.rule != "fold":
            return ONE
        branches = len(site.step.block.steps) if site.step.block is not None else 0
        number = Bound(0, branches) if isinstance(site.step.node, p.Fanout) else times(site.step)
        if number.most is None:
            return number
        if reduce.rule == "fold":
            return Bound(0, number.most if "from" in reduce.args else max(0, number.most - 1))
        fan_in = reduce.count.value if isinstance(reduce.count, p.Constant) else 2
        return Bound(0, merges(number.most, fan_in if isinstance(fan_in, int) and fan_in > 2 else 2))

    def _decides(self, site: Site, reduce: p.Reduce, asks: AskSpec | None) -> Bound:
        """Bound the asks of a judge: one for each result of a search, and those of all matches of a tournament."""
        branches = len(site.step.block.steps) if site.step.block is not None else 0
        most = branches if isinstance(site.step.node, p.Fanout) else times(site.step).most
        if asks is None:
            return Bound(0, 0)
        if asks.each:
            return Bound(0, most)
        args = {name: one.value for name, one in reduce.args.items() if isinstance(one, p.Constant)}
        told = asks.times(2 if most is None else max(2, int(most)), args) if asks.times is not None else None
        if told is None:
            return Bound(0, asks.most)
        return Bound(0, None if most is None else told[0])

    def _compares(self, site: Site, asks: AskSpec | None) -> Bound:
        """Bound the questions of a vote that compares its answers."""
        branches = len(site.step.block.steps) if site.step.block is not None else 0
        most = branches if isinstance(site.step.node, p.Fanout) else times(site.step).most
        return Bound(0, 0 if asks is None else asks.comparisons(None if most is None else int(most)))

    # All runs

    def _lifted(self, site: Site, owned: Loops, each: Bound) -> Bound:
        every, one = self._lift(site, owned)
        runs = one if owned and one != NOTHING else every
        return each if runs is ONE else each * runs

    def _lift(self, site: Site, owned: Loops) -> tuple[Bound, Bound]:
        """Return how often a step runs at most, and how often it runs for one element of the owned loops."""
        if not site.blocks and not site.flow:
            return ONE, NOTHING
        # The steps of one block run equally often.
        key = (site.flow, Identity(site.blocks[-1] if site.blocks else None), owned)
        if key not in self._runs:
            self._runs[key] = self._runs_of(site, owned)
        return self._runs[key]

    def _runs_of(self, site: Site, owned: Loops) -> tuple[Bound, Bound]:
        every, one = ONE, NOTHING
        for block in reversed(site.blocks):
            number = times(block)
            mine = f"{site.flow}:{block.name}" in owned
            one = (one * number + every) if mine else one * number
            every = every * number
        above, of_one = self._flow(site.flow, owned)
        return every * above, _less(every * of_one + one * above, every * above)

    def _flow(self, flow: str, owned: Loops) -> tuple[Bound, Bound]:
        """Return how often a called flow runs, for all and for one element."""
        if not flow:
            return ONE, NOTHING
        key = (flow, owned)
        if key not in self._lifts:
            lifts = [self._lift(site, owned) for site in self.sites.calls.get(flow, ())]
            self._lifts[key] = total(every for every, _ in lifts), total(one for _, one in lifts)
        return self._lifts[key]


def _owned(mark: Mark | None) -> Loops:
    if mark is None or mark.mix != OWN or mark.many:
        return frozenset()
    return frozenset(axis.rpartition("#")[0] for axis in mark.axes)


def times(block: p.Step) -> Bound:
    """Bound the runs of a block's body."""
    node = block.node
    if isinstance(node, p.Repeat):
        return Bound(node.least, node.most)
    if isinstance(node, p.Rounds):
        return Bound(1, node.most)
    if not isinstance(node, p.Map):
        return ONE
    known = _length(node.source)
    if known is None:
        source = f"`{node.source.name}`" if isinstance(node.source, p.Ref) else "the list"
        known = Bound(0, None, f"{source} has no greatest length; write `at most N`")
    return known.capped(node.at_most)


def _length(source: p.Expr) -> Bound | None:
    match source:
        case p.Items(items):
            return Bound(0, len(items))
        case p.Constant(list() as items):
            return Bound(0, len(items))
    return None


def _less(one: Bound, other: Bound) -> Bound:
    if one.most is None:
        return other
    return one.capped(other.most)


def _asks_of(spec: ReducerSpec | None, *, compares: bool) -> AskSpec | None:
    params = spec.params if spec is not None else ()
    return next((one.asks for one in params if one.asks is not None and one.asks.compares is compares), None)


def costs_of(plan: p.Plan, bounds: Bounds) -> dict[tuple[str, str, str], Bound]:
    """Return the dollars of each request for one run of the body around it, by flow, step and kind of the place."""
    found: dict[tuple[str, str, str], Bound] = {}

    def keep(key: tuple[str, str, str], cost: Bound) -> None:
        if cost.most is None:
            # No input is given to an audit, whatever its length will be.
            cost = Bound(cost.least, None, cost.why.replace(" is not given", " has no greatest length"))
        found[key] = any_of([found[key], cost]) if key in found else cost

    def body(flow: str, steps: tuple[p.Step, ...], rows: tuple[Bounds, ...]) -> None:
        for step, row in zip(steps, rows, strict=False):
            if isinstance(step.node, p.Ask):
                keep((flow, step.name, "ask"), row.cost)
            if step.block is None:
                continue
            inner = step.block.steps
            body(flow, inner, row.inside[: len(inner)])
            reduce = getattr(step.node, "reduce", None)
            if not isinstance(reduce, p.Reduce):
                continue
            kinds = [*(["judge"] if reduce.deciding is not None else []), *(["reducer"] if reduce.ask else [])]
            for kind, more in zip(kinds, row.inside[len(inner) :], strict=False):
                keep((flow, step.name, kind), more.cost)

    called = {row.title: row for row in bounds.flows}
    body("", plan.steps, bounds.inside)
    for key, flow in plan.flows.items():
        if key in called:
            body(key, flow.steps, called[key].inside)
    return found


_WORLD = Blank()
