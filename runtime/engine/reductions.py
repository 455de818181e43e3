"""The reducer of a block, prepared once from the plan. It makes a combiner each time the block runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from zlib import crc32

from flowrun.dsl import plan as p
from flowrun.dsl import rule_of, types

from ..plans.free_names import in_asks, mentions
from ..reducers import REDUCERS, ReduceError, Setting
from ..values.expressions import evaluate
from ..values.prompts import shown
from ..values.ranges import within_bounds
from ..values.rules import RuleValue
from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.tokens import estimate
from .asks import PreparedAsk
from .combiners.combiner import Asked, Combiner
from .combiners.rule import RuleCombiner
from .scopes import Scope

HandOn = Callable[[Json], None]


class Reduction:
    """The reducer of a block. ``hand_on`` takes the results one by one, if the caller has asked for that.

    ``branches`` are the branches that the reducer's asks mention. The asks wait for them, even before all results are
    there.
    """

    def __init__(self, step: p.Step, reduce: p.Reduce, externs: Mapping[str, p.Extern], hand_on: HandOn | None) -> None:
        self.plan = reduce
        self.item = _item_of(step)
        self.unit = _unit_of(step.node)
        self.rule = REDUCERS[rule_of(reduce) or "collect"]
        self.ask = None if reduce.ask is None else PreparedAsk(reduce.ask, reduce.options)
        self.deciding = None if reduce.deciding is None else PreparedAsk(reduce.deciding, reduce.options)
        extern = externs[reduce.comparing] if reduce.comparing else None
        self.compared = reduce.candidates if extern is None else tuple(one.name for one in extern.params[:2])
        self.taken = None if reduce.extern is None else _taken(externs[reduce.extern])
        self.hand_on = hand_on
        names = {one.name for one in step.block.steps} if step.block and isinstance(step.node, p.Fanout) else set()
        self.branches = tuple(sorted((in_asks(reduce.asks) | {*mentions([*reduce.options.values()])}) & names))

    @property
    def gathers(self) -> bool:
        """True if the value is the list of the results."""
        return self.plan.form == "rule" and self.rule.spec.lists == "results"

    @property
    def searches(self) -> bool:
        """True if the reducer looks for the first result that passes a condition."""
        return self.plan.searches and self.plan.rule == "first"

    @property
    def joins(self) -> bool:
        """True if each result is a list, and the value is one list of all their items."""
        return self.plan.form == "rule" and self.rule.spec.lists == "items"

    def asking(self, question: Asked) -> PreparedAsk | None:
        """Return the ask that answers a question. None if an extern answers it."""
        ask = self.deciding if self.plan.form == "rule" else self.ask
        return ask if ask is None or question.answer is None else ask.to(question.answer)

    def combiner(
        self,
        scope: Scope,
        path: str,
        least: int | None,
        most: int | None,
        names: tuple[str, ...],
        launch: str,
        items: tuple[str, ...] = (),
    ) -> Combiner:
        """Make the combiner of a block with ``least`` to ``most`` results.

        They are None if the number is not known yet. ``items`` are the short names of a panel's items.

        Raises InputError if an argument is out of its bounds.
        """
        plan = self.plan
        if self.ask is not None:
            return _asking(plan, self.ask.answer, most, scope)
        if self.taken is not None:
            from .combiners.single import SingleExtern

            return SingleExtern(most or 0, self.taken)
        args = scope.options(plan.args)
        if self.searches:
            return self._search(scope, least, most, launch)
        within_bounds({param.name: param for param in self.rule.spec.params}, args)
        if self.hand_on is not None:
            from .combiners.streaming import Streaming

            return Streaming(most or 0, self.hand_on, flat=self.joins)
        asks = plan.deciding is not None
        seed = crc32(path.encode()) if asks else 0
        setting = Setting(
            least or 0, most or 0, names, args, launch, self.item, plan.tallied, asks, seed, self.unit, items
        )
        if most is not None and (said := self.rule.never(setting)):
            raise ReduceError(said)
        if plan.same:
            return self._comparing(replace(setting, asks=False))
        if "method" in args and asks and any(one.asks and one.asks.times for one in self.rule.spec.params):
            from .combiners.playing import Playing

            return Playing(setting, whole=self.rule.spec.name == "rank")
        return RuleCombiner(self.rule.make(setting), deciding=asks)

    def _comparing(self, setting: Setting) -> Combiner:
        """Make the combiner of a vote that compares its answers."""
        from ..reducers.voting import Vote  # few votes compare answers
        from .combiners.classes import ClassCombiner

        def make(ending: bool) -> Vote:
            made = self.rule.make(replace(setting, launch="cost", tallied=False) if ending else setting)
            assert isinstance(made, Vote)
            return made

        answer = types.BOOL if self.deciding is None else self.deciding.answer
        yes = answer.options[0] if isinstance(answer, types.Choice) else True
        return ClassCombiner(make, self.compared, yes)

    def _search(self, scope: Scope, least: int | None, most: int | None, launch: str) -> Combiner:
        """Make the combiner of a search. Only a repeat has the option `launch`; other blocks search in waves."""
        from ..reducers.search import WAVES, Search
        from .combiners.searching import Searching

        search = Search.of(least or 0, most or 0, launch if self.unit == "ballot" else WAVES)
        return Searching(search, self._judge(scope), "sample" if self.unit == "ballot" else self.unit)

    def _judge(self, scope: Scope) -> Callable[[Json], str] | None:
        """Return the function that tells why a result does not pass. None if an ask or an extern judges."""
        passing = self.plan.passing
        if passing is None or passing.condition is None:
            return None
        from ..values.checks import failing

        return partial(failing, passing.condition, (p.RESULT,), names=scope)


def _asking(plan: p.Reduce, answer: types.Type, most: int | None, scope: Scope) -> Combiner:
    """Make the combiner for an ask. Raises InputError for a size that is out of its bounds."""
    if plan.form == "fold":
        from .combiners.fold import Fold

        first = (evaluate(plan.args["from"], scope),) if "from" in plan.args else ()
        return Fold(most, answer, *first)
    if plan.count is None:
        from .combiners.single import SingleAsk

        return SingleAsk(most or 0, answer)
    fan_in = evaluate(plan.count, scope)
    if isinstance(fan_in, RuleValue):
        size = fan_in.args.get("size")
        if not isinstance(size, int) or size < 1:
            raise InputError(f"`by tokens(n)` takes a whole number from 1, and this is {size!r}")
        from .combiners.token_tree import TokenTree

        return TokenTree(most, size, answer, _tokens)
    if not isinstance(fan_in, int) or fan_in < 2:
        raise InputError(f"a tree merges two or more results at a time, and this is {fan_in!r}")
    from .combiners.tree import Tree

    return Tree(most, fan_in, answer)


def _tokens(value: Json) -> int:
    """Estimate the number of tokens that a value takes in a prompt."""
    return estimate(shown(value))


def _item_of(step: p.Step) -> types.Type:
    """Return the type of a single result of a block."""
    block = step.block
    if block is None or not block.steps:
        return types.UNKNOWN
    if isinstance(step.node, p.Fanout):
        return types.join(branch.type for branch in block.steps)
    return next(one.type for one in block.steps if one.name == block.result)


def _unit_of(node: p.Node) -> str:
    """Return the word for one result of a block: the name of a map's element, a branch, or else a ballot.

    The ballots of a repeat come from one text, so no word may make sources of them.
    """
    match node:
        case p.Map(element):
            return element
        case p.Fanout():
            return "branch"
    return "ballot"


def _taken(extern: p.Extern) -> types.Type:
    return next(one.type for one in extern.params if one.name == "results")
