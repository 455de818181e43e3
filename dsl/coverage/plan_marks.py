"""The marks of the parts of a plan, so that who runs the plan can say which parts of the files were reached.

Two steps of a plan may be equal, but are two parts: who looks a part up asks for its identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from .. import plan as p
from ..checked import Checked
from ..checking.program import Flow, Step
from ..records import dataclass
from .answers import OTHER, PART
from .home import CoverageItem, CoverageMark, Home
from .items import (
    FAILS,
    GOOD,
    HOLDS,
    KEPT,
    LOST,
    NEVER_GOOD,
    REFUSED,
    REPLACED,
    RETRIED,
    TAKEN,
    coverage_items,
    retry_options,
    retrying,
)


@dataclass(frozen=True, slots=True)
class AskMarks:
    """The marks of an ask. ``retries`` is that of the option by which it is asked again, None without one.

    ``told`` has the answers that the flow tells apart, by the field of the answer ("" for the answer itself).
    """

    asked: CoverageMark
    retries: CoverageMark | None
    told: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def answered(self, field_: str, word: str) -> CoverageMark:
        """Return the mark of an answer. A word that the flow does not name counts as any other answer."""
        detail = f"{field_}={word if word in self.told[field_] else OTHER}"
        return self.asked._replace(part=f"{PART}:{self.asked.part}", detail=detail)


class PlannedMarks:
    """The marks of one plan. ``checked`` is the file of its flow.

    ``asks`` has the parts that ask. ``conditions`` has those of `when` and of checks, with the marks of the branch if
    it holds and if it does not, and those of rounds, with the marks for a round that is good enough and for none.
    ``reducers`` has the reducers of maps and fan-outs with the mark of the policy for lost elements. ``matches`` has
    the marks of the branches of each match.
    """

    def __init__(self, checked: Checked, plan: p.Plan) -> None:
        self.plan = plan
        self.homes: dict[str, Home] = {}
        self.items: dict[CoverageMark, CoverageItem] = {}
        self._checked = checked
        self.asks: list[tuple[p.Ask, AskMarks]] = []
        self.conditions: list[tuple[p.Expr, tuple[CoverageMark, CoverageMark]]] = []
        self.matches: list[tuple[p.Match, tuple[CoverageMark, ...]]] = []
        self.reducers: list[tuple[p.Reduce, CoverageMark]] = []
        self._flow(self._home(""), plan.flow, plan.steps)
        for key, flow in plan.flows.items():
            path, _, name = key.partition(p.WITH_RETRIES)[0].rpartition(":")
            self._flow(self._home(path), name, flow.steps)

    def model(self, name: str, part: str) -> CoverageMark:
        """Return the mark of a policy of a model: of its other model, or of its retries."""
        path, _, plain = name.rpartition(":")
        return self._home(path).model_mark(plain, part)

    def replaced(self, name: str) -> CoverageMark:
        return self.model(name, REPLACED)

    def retried(self, name: str) -> CoverageMark:
        return self.model(name, RETRIED)

    def _home(self, path: str) -> Home:
        if path not in self.homes:
            checked = self._checked.imports[path] if path else self._checked
            self.homes[path] = Home(checked)
            self.items |= {item.mark: item for item in coverage_items(checked)}
        return self.homes[path]

    def _flow(self, home: Home, name: str, planned: Iterable[p.Step]) -> None:
        flow = next(one for one in home.checked.program.flows if one.decl.name.text == name)
        retries = dict(_retried(home, flow))
        told = self._told()
        for step, made in zip(flow.walk(), p.walk_steps(planned), strict=True):
            for part, ask in _planned_asks(made):
                mark = home.mark(step, part)
                self.asks.append((ask, AskMarks(mark, retries.get((step, part)), told.get(mark, {}))))
                if ask.check is not None:
                    self.conditions.append((ask.check.condition, (home.mark(step, KEPT), home.mark(step, REFUSED))))
            if made.when is not None:
                self.conditions.append((made.when, (home.mark(step, HOLDS), home.mark(step, FAILS))))
            if isinstance(made.node, p.Match):
                self.matches.append((made.node, tuple(home.mark(branch, TAKEN) for branch in step.steps)))
            if isinstance(made.node, p.Rounds):
                self.conditions.append((made.node.until, (home.mark(step, GOOD), home.mark(step, NEVER_GOOD))))
            if isinstance(made.node, p.Map | p.Fanout):
                self.reducers.append((made.node.reduce, home.mark(step, LOST)))

    def _told(self) -> dict[CoverageMark, dict[str, frozenset[str]]]:
        """Return the answers that the files tell apart, by the mark of the ask and the field."""
        found: dict[CoverageMark, dict[str, set[str]]] = {}
        for item in self.items:
            kind, _, part = item.part.partition(":")
            if kind == PART and part:
                field_, _, word = item.detail.partition("=")
                ask = item._replace(part=part, detail="")
                found.setdefault(ask, {}).setdefault(field_, set()).add(word)
        return {
            ask: {name: frozenset(words - {OTHER}) for name, words in fields.items()} for ask, fields in found.items()
        }


def _planned_asks(step: p.Step) -> Iterator[tuple[str, p.Ask]]:
    node = step.node
    if isinstance(node, p.Ask):
        yield "ask", node
    elif isinstance(node, p.Map | p.Repeat | p.Fanout):
        yield from (("reduce", ask) for ask in (node.reduce.ask,) if ask is not None)
        yield from (("decide", ask) for ask in (node.reduce.deciding,) if ask is not None)


def _retried(home: Home, flow: Flow) -> Iterator[tuple[tuple[Step, str], CoverageMark]]:
    """Yield each ask of a flow with the option `retries` that holds for it."""
    for step in flow.walk():
        for part, _ in retry_options(step):
            for asking in retrying(step, part):
                yield asking, home.mark(step, RETRIED, part)
