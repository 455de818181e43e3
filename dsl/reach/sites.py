"""The sites of a plan's steps: the blocks around each step, and the votes that their values are ballots of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from .. import plan as p
from ..ballots import holds_ballots, rule_of
from ..catalog import ReducerSpec
from ..labels.blocks import keeps_all
from ..records import dataclass


@dataclass(eq=False, slots=True)
class Site:
    """A step, with the flow and the blocks around it, the innermost block last.

    ``asks_ballots`` says that its ask is a ballot, so a malformed answer is not asked for again. ``vote`` is the block
    whose rule counts the value of this step; None if no vote counts it.
    """

    step: p.Step
    flow: str
    blocks: tuple[p.Step, ...]
    asks_ballots: bool
    vote: p.Step | None

    @property
    def title(self) -> str:
        return self.title_of(self.step)

    def title_of(self, step: p.Step) -> str:
        """Return the title of this step, or of a block around it, with the matches whose branch it is."""
        place = next((number for number, one in enumerate(self.blocks) if one is step), len(self.blocks))
        return titled(step, self.blocks[:place], self.flow)


class Sites:
    """All sites of a plan. Blocks side by side may have steps of one name, so a name may have several sites."""

    def __init__(self, plan: p.Plan, reducers: Mapping[str, ReducerSpec]) -> None:
        self.plan = plan
        self.reducers = reducers
        self._specs: dict[str, ReducerSpec | None] = {"": None}
        self._found: dict[tuple[str, str], list[Site]] = {}
        self.calls: dict[str, list[Site]] = {}
        bodies = {"": plan.steps, **{key: flow.steps for key, flow in plan.flows.items()}}
        for key, steps in bodies.items():
            for site in self._walk(key, steps, (), vote=None, results=frozenset(), ballots=False):
                self._found.setdefault((key, site.step.name), []).append(site)
                if isinstance(site.step.node, p.FlowCall):
                    self.calls.setdefault(site.step.node.flow, []).append(site)

    def of(self, flow: str, step: str) -> list[Site]:
        return self._found.get((flow, step), [])

    def all(self) -> Iterator[Site]:
        for sites in self._found.values():
            yield from sites

    def votes(self, step: p.Step) -> bool:
        """Return True if a rule counts the results of a block as ballots."""
        spec = self._spec(rule_of(_reduce(step)) or "")
        return spec is not None and spec.votes

    def ends_early(self, step: p.Step) -> bool:
        """Return True if a block may end before all its bodies have run."""
        reduce = _reduce(step)
        if reduce is None or reduce.form != "rule" or keeps_all(reduce.rule, self._spec(reduce.rule)):
            return False
        return step.options.get("launch") != p.Constant("together")

    def _spec(self, rule: str) -> ReducerSpec | None:
        if rule not in self._specs:
            self._specs[rule] = self.reducers.get(rule)
        return self._specs[rule]

    def _walk(
        self,
        flow: str,
        steps: Iterable[p.Step],
        blocks: tuple[p.Step, ...],
        *,
        vote: p.Step | None,
        results: frozenset[str],
        ballots: bool,
    ) -> Iterator[Site]:
        for step in steps:
            counted = vote if step.name in results else None
            yield Site(step, flow, blocks, ballots, counted)
            block = step.block
            if block is None:
                continue
            votes = self.votes(step)
            inner = (
                step if votes else counted if isinstance(step.node, p.Chain | p.Match | p.Rounds | p.Cascade) else None
            )
            every = isinstance(step.node, p.Fanout | p.Match | p.Cascade)
            names = frozenset(one.name for one in block.steps) if every else frozenset({block.result})
            asked = holds_ballots(step.node, votes=votes, around=ballots)
            yield from self._walk(flow, block.steps, (*blocks, step), vote=inner, results=names, ballots=asked)


def _reduce(step: p.Step) -> p.Reduce | None:
    return step.node.reduce if isinstance(step.node, (p.Map, p.Repeat, p.Fanout)) else None


def titled(step: p.Step, blocks: Sequence[p.Step], flow: str) -> str:
    """Return the title of a step in quotes, with the called flow that it is in.

    A branch of a match, or a stage of a cascade, has the title of its block before its own: ``first.SPAM``.
    """
    own = step.title
    for block in reversed(blocks):
        if not isinstance(block.node, p.Match | p.Cascade):
            break
        if block.title.startswith("line "):
            own = f"`{own}` of {block.title}"
            break
        own = f"{block.title}.{own}"
    if not own.startswith(("line ", "`")):
        own = f"`{own}`"
    return f"{own} of `{p.plain_name(flow)}`" if flow else own
