"""The bounds of a plan, worked out before any call: the least and the most calls, rounds, tokens and dollars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

from .. import plan as p
from .. import types as t
from ..ballots import holds_ballots
from ..catalog import ReducerSpec
from ..image_values import given_images
from .amounts import Amounts, Bounds, bounds_for, either, in_all
from .ask_bounds import asked, quoted
from .block_bounds import fanned, repeated
from .bound import Bound
from .cached_tokens import CachedHeads
from .called_flows import CalledFlows
from .cascade_bounds import staged
from .effort import Effort
from .expression_sizes import SizeScope, size_of
from .given_models import given_models
from .loads import countable, loads_of, widths_of
from .losses import failing_ask, failing_of, may_fail
from .map_bounds import mapped
from .match_bounds import matched
from .model_facts import Blank, World
from .order import StepOrder, early_needs, kind_of
from .round_bounds import in_rounds
from .rounds import START, Rounds, first_of, side_by_side
from .sizes import NONE, Known, Size, Some, one_of
from .survey import BodyBounds, Done, FeedRounds, Least

__all__ = ["Bounds", "bounds_of"]

_SHAPES = 16
"""The last different shapes of bodies that a body is compared with."""
RIGHT = 0.8
"""The probability that one sample of a vote is right, unless the caller says."""


def bounds_of(
    plan: p.Plan,
    reducers: Mapping[str, ReducerSpec],
    sizes: Mapping[str, int] | None = None,
    *,
    inputs: Mapping[str, object] | None = None,
    world: World | None = None,
    model: str = "",
    right: float = RIGHT,
) -> Bounds:
    """Return the bounds of a plan, as far as its inputs and its models are known.

    ``sizes`` has the number of elements of each map, by step, for a caller that knows the numbers without the inputs.
    ``model`` is for asks that name none: the name of a declared model, or an address. ``right`` is the probability that
    one sample of a vote is right; the average of the vote depends on it.
    """
    survey = _Survey(plan, reducers, sizes or {}, world or Blank(), model, right)
    scope = SizeScope(survey.top)
    given = {name: Known(value) for name, value in (inputs or {}).items()}
    for param in plan.params:
        if param.name in given and t.holds_model(param.type):
            given[param.name] = Known(given_models(given[param.name].value, param.type, survey.models))
        elif param.name in given and t.holds_image(param.type):
            given[param.name] = Known(given_images(given[param.name].value, param.type))
        scope.sizes[param.name] = survey.param(param, scope, given)
    found = survey.flow(plan, scope)
    flows = tuple(replace(bounds, title=name) for name, bounds in survey.called.bounds.items())
    whole = replace(found.bounds, title=plan.flow, what="flow", flows=flows)
    return replace(whole, cached=survey.heads.expected(whole))


class _Survey:
    def __init__(
        self,
        plan: p.Plan,
        reducers: Mapping[str, ReducerSpec],
        sizes: Mapping[str, int],
        world: World,
        model: str,
        right: float,
    ) -> None:
        self.right = right
        self.plan = plan
        self.reducers = reducers
        self.given_sizes = sizes
        self.world = world
        declared = {one.name: one for one in plan.models}
        self.top = SizeScope(None, {name: Known(one) for name, one in declared.items()})
        self.models = {**declared, "": declared.get(model) or p.Model(model, model, {})}
        self.widths = widths_of(plan, self.models.values(), self.top, world)
        self.heads = CachedHeads(plan, self.models, world)
        self.effort = Effort()
        self.called = CalledFlows(plan.flows, world.count, self.effort, self._called)
        self._order = StepOrder()

    # Flows

    def param(self, param: p.Param, scope: SizeScope, given: Mapping[str, Size]) -> Size:
        if param.name in given:
            return given[param.name]
        if param.default is not None:
            return self.size(param.default, scope)
        return NONE if not param.required else Some(param.type, Bound(0, None, f"`{param.name}` is not given"))

    def flow(self, flow: p.Plan | p.Flow, scope: SizeScope, *, sharing: bool = False) -> Done:
        body = self.steps(flow.steps, scope, flow.result, vote=False, sharing=sharing)
        whole = body.amounts.countable
        amounts = whole.within(flow.calls_limit, flow.money_limit)
        bound = body.rounds.bound.countable.capped(amounts.calls.most)
        most = float("inf") if bound.most is None else bound.most
        rounds = Rounds({START: bound.least}, {START: most}, bound.why, countable(body.rounds.loads))
        # A call that exceeds the budget ends the flow, and the calls beside it may not have been sent yet.
        kept = amounts.calls == whole.calls and flow.money_limit is None
        failing = (body.failing.countable if body.failing is not None else None) if kept else Least()
        return Done(
            bounds_for("", "flow", amounts, rounds.queued(amounts.calls), inside=body.inside),
            amounts,
            rounds,
            body.value,
            failing,
            body.feed,
        )

    def _called(self, flow: p.Flow, args: Mapping[str, Size], sharing: bool) -> Done:
        scope = SizeScope(self.top)
        for param in flow.params:
            scope.sizes[param.name] = self.param(param, scope, args)
        return self.flow(flow, scope, sharing=sharing)

    # Bodies

    def steps(
        self, steps: tuple[p.Step, ...], scope: SizeScope, result: p.Expr, *, vote: bool, sharing: bool
    ) -> BodyBounds:
        """Work out the steps of a body. Their sizes are put into ``scope``."""
        found: dict[str, Done] = {}
        ways: dict[str, Rounds] = {}
        self.effort.depth += 1
        for step in self._order.of(steps):
            done = self.step(step, scope, vote=vote, sharing=sharing)
            found[step.name] = done
            ways[step.name] = done.rounds
            scope.sizes[step.name] = done.value
            if done.feed is not None:
                scope.made[step.name] = done.feed.steady
                ways[first_of(step.name)] = done.feed.rounds
        self.effort.depth -= 1
        last = found.get(result.name) if isinstance(result, p.Ref) else None
        rounds, begun = side_by_side(ways, first_of(result.name) if isinstance(result, p.Ref) else "")
        feed = FeedRounds(begun, last.feed.steady) if begun is not None and last is not None and last.feed else None
        return BodyBounds(
            tuple(found[step.name].bounds for step in steps),
            in_all(one.amounts for one in found.values()),
            rounds,
            self.size(result, scope),
            failing_of(self._order.near(steps), found),
            feed,
            found,
        )

    def body(self, block: p.Block, scope: SizeScope, *, vote: bool, sharing: bool) -> BodyBounds:
        return self.steps(block.steps, scope, p.Ref(block.result), vote=vote, sharing=sharing)

    def size(self, expr: p.Expr, scope: SizeScope) -> Size:
        return size_of(expr, scope, self.world, self.world.count)

    # Steps

    def step(self, step: p.Step, scope: SizeScope, *, vote: bool, sharing: bool) -> Done:
        self.effort.spent += 1
        needed = self.size(step.when, scope) if step.when is not None and not scope.staged else Known(True)
        if isinstance(needed, Known) and not needed.value:
            value = self.size(step.otherwise, scope) if step.otherwise is not None else NONE
            bounds = Bounds(step.title, f"{kind_of(step.node)}, not needed", line=step.line)
            return Done(bounds, Amounts(), Rounds().waiting(step.needs), value)
        done = self.node(step, scope, vote, sharing)
        rounds = done.rounds
        needs = (*step.needs, *early_needs(step.node))
        taken = done.taken if done.taken not in early_needs(step.node) else None
        feed = done.feed and FeedRounds(done.feed.rounds.waiting(step.needs, taken), done.feed.steady)
        if isinstance(needed, Known):
            return replace(done, rounds=rounds.waiting(needs, taken), feed=feed)
        other = self.size(step.otherwise, scope) if step.otherwise is not None else NONE
        amounts = done.amounts.maybe
        bounds = bounds_for(
            step.title, f"{done.bounds.what}, if needed", amounts, rounds.maybe.queued(amounts.calls),
            elements=done.bounds.elements, inside=done.bounds.inside, line=step.line,
        )  # fmt: skip
        late = replace(rounds.maybe.waiting(step.needs), most=rounds.waiting(needs).most)
        feed = feed and FeedRounds(feed.rounds.maybe)
        return Done(bounds, amounts, late, one_of([done.value, other]), done.failing, feed)

    def node(self, step: p.Step, scope: SizeScope, vote: bool, sharing: bool) -> Done:
        node = step.node
        match node:
            case p.Ask():
                self.heads.note(step, node, scope)
                stores = self.heads.stores(step)
                found = asked(
                    node, step.options, self.models, scope, self.world, title=step.title, vote=vote, stores=stores
                )
                # Samples with the same prompt may be answered in one request.
                widths = {} if sharing else self.widths
                loads = loads_of(node, step.options, self.models, scope, self.world, widths, found.amounts.calls)
                rounds = Rounds().then(found.tries).loaded(loads)
                failing: Least | None = Least() if node.person else failing_ask(found.amounts)
                what = "1 person" if node.person else "ask"
                return self.done(step, what, found.amounts, rounds, found.value, failing=failing)
            case p.Value():
                value = self.typed(node.expr, step, scope)
                failing = Least() if not isinstance(value, Known) and may_fail(node.expr) else None
                return self.done(step, "value", Amounts(), Rounds(), value, failing=failing)
            case p.Chain():
                inner = SizeScope(scope)
                body = self.body(node.body, inner, vote=holds_ballots(node, votes=False, around=vote), sharing=sharing)
                return self.part(step, "chain", body, body.inside)
            case p.Match():
                return matched(self, step, node, scope, vote=vote, sharing=sharing)
            case p.Cascade():
                return staged(self, step, node, scope, vote=vote, sharing=sharing)
            case p.Rounds():
                ballots = holds_ballots(node, votes=False, around=vote)
                return in_rounds(self, step, node, scope, vote=ballots, sharing=sharing)
            case p.FlowCall():
                args = {name: self.size(expr, scope) for name, expr in node.args.items()}
                called = self.called.call(node.flow, args, sharing)
                return self.part(step, kind_of(node), called)
            case p.ExternCall():
                why = f"the value of {quoted(step.title)} is known only when the flow runs"
                value = Some(step.type, Bound(0, None, why))
                return self.done(step, kind_of(node), Amounts(), Rounds(), value, failing=Least())
            case p.Fanout():
                return fanned(self, step, node, scope, sharing)
            case p.Repeat():
                return repeated(self, step, node, scope)
            case p.Map():
                return mapped(self, step, node, scope, sharing)

    def typed(self, expr: p.Expr, step: p.Step, scope: SizeScope) -> Size:
        """Return the size of an expression's value.

        If little is known of it, return the size of any value of the step's type.
        """
        size = self.size(expr, scope)
        if isinstance(size, Some) and size.type in (t.JSON, t.NUMBER):
            return Some(step.type, size.tokens)
        return size

    def done(
        self, step: p.Step, what: str, amounts: Amounts, rounds: Rounds, value: Size, *,
        failing: Least | None = None, inside: tuple[Bounds, ...] = (), feed: FeedRounds | None = None,
    ) -> Done:  # fmt: skip
        row = bounds_for(step.title, what, amounts, rounds.queued(amounts.calls), inside=inside, line=step.line)
        return Done(row, amounts, rounds, value, failing, feed)

    def part(self, step: p.Step, what: str, part: BodyBounds | Done, inside: tuple[Bounds, ...] = ()) -> Done:
        """Return the bounds of a chain or of a call of a flow. With a time-out it may fail before any call."""
        failing = part.failing if "timeout" not in step.options else Least()
        return self.done(
            step, what, part.amounts, part.rounds, part.value, failing=failing, inside=inside, feed=part.feed
        )

    def tree(self, bodies: Sequence[BodyBounds]) -> tuple[Bounds, ...]:
        """Return bounds of one run of a body that hold for any of these bodies."""
        different: list[tuple[Bounds, ...]] = []
        for body in bodies:
            # Bodies of one shape share one tuple, and most maps have few shapes.
            if not any(body.inside is one for one in different[-_SHAPES:]):
                different.append(body.inside)
        return reduce(either, different) if different else ()
