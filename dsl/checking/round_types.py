"""The types of rounds. `last` has the type of the body, and the body may mention `last`.

So a body that mentions it is read several times: first as in round one, where `last` is none, and then with the type
that the reading before gave to the body, until the type stays the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from .. import syntax as s
from .. import types as t
from .declarations import Declarations
from .program import Step
from .round_names import blind, mentions_until

MOST_ROUNDS = 100
DEEPEST_ROUNDS = 3
"""The most rounds inside one another. Each level multiplies the calls, and the readings of its body."""
_READINGS = 4


class RoundTypes(Declarations, ABC):
    """The part of the checker that handles rounds."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[Step, t.Type] = {}
        self._inside: dict[Step, list[Step]] = {}

    @abstractmethod
    def step(self, step: Step) -> None: ...

    def steps(self, steps: Sequence[Step]) -> None:
        """Find the types of the steps of a flow, in the order in which they wait for each other."""
        for step in steps:
            for block in _rounds_around(step):
                self._inside.setdefault(block, []).append(step)
        self._read(steps, None)

    def last(self, step: Step) -> t.Type:
        """Return the type of ``last`` in these rounds."""
        return self._last.get(step, t.UNKNOWN)

    def rounds(self, step: Step, node: s.Rounds) -> t.Type:
        most = node.most
        if most.unit or not isinstance(most.value, int) or not 2 <= most.value <= MOST_ROUNDS:
            help = "write `chain { … }` for steps that run once" if most.value == 1 else "write `chain up to 4 { … }`"
            self.report("F0620", f"the number of rounds is a whole number from 2 to {MOST_ROUNDS}", most.span, help)
        if sum(1 for _ in _rounds_around(step)) >= DEEPEST_ROUNDS:
            self.report(
                "F0625",
                f"rounds stand at most {DEEPEST_ROUNDS} deep inside one another",
                node.most.span,
                "move the inner rounds into a step before, or repeat fewer of the steps",
                "each level multiplies the calls",
            )
        type_ = self.body(step, node.body)
        scope = step.until_scope or step.scope
        told, about = len(self.expressions.problems), mentions_until(step, node)
        self.expressions.expect(node.until, scope, t.BOOL, "`until`")
        unclear = [one.name for one in about if one.symbol is None]
        if len(self.expressions.problems) == told and unclear and "last" not in unclear:
            # Its words have a meaning, so they are no unknown names.
            self.typed.problems.extend([found] if (found := blind(step, node, about)) is not None else [])
        if node.by is not None:
            self.expressions.expect(node.by, scope, t.NUMBER, "`by`")
        return type_

    def _read(self, steps: Sequence[Step], within: Step | None) -> None:
        done: set[Step] = set()
        for step in steps:
            block = _outermost(step, within)
            if block is None:
                self.step(step)
            elif block not in done:
                done.add(block)
                self._settle(block)

    def _settle(self, block: Step) -> None:
        """Find the types of the steps inside rounds, and the type of `last`."""
        inner = self._inside[block]
        self._last[block] = t.UNKNOWN
        if not _mentions_last(block, inner) or sum(1 for _ in _rounds_around(block)) >= DEEPEST_ROUNDS:
            self._read(inner, block)
            return
        expressions, nodes = self.expressions, self.typed.nodes
        told = len(self.typed.problems), len(expressions.problems)
        checked, words, shapes = set(expressions.checked_templates), set(nodes.words), dict(nodes.shapes)

        def again(given: t.Type) -> t.Type:
            """Read the body with this type of `last`, as if it were read for the first time."""
            self._last[block] = given
            del self.typed.problems[told[0] :], expressions.problems[told[1] :]
            expressions.checked_templates.intersection_update(checked)
            nodes.words.intersection_update(words)
            for number in nodes.shapes.keys() - shapes.keys():
                del nodes.shapes[number]
            for step in inner:
                self.typed.elements.pop(step, None)
            self._read(inner, block)
            return t.optional(self.typed.steps.get(block.steps[-1], t.UNKNOWN)) if block.steps else t.UNKNOWN

        given: t.Type = t.NONE
        for _ in range(_READINGS):
            found = t.join([given, again(given)])
            if found == given:
                return
            given = found
        again(t.UNKNOWN)
        last = block.steps[-1]
        self.report(
            "F0626",
            "the type of `last` grows with each round",
            last.span,
            "leave `last` out of the value of the round, or name the fields that the next round needs",
            "the value of this round holds the value of the round before",
        )


def _rounds_around(step: Step) -> Iterator[Step]:
    outer = step.parent
    while outer is not None:
        if isinstance(outer.line.node, s.Rounds):
            yield outer
        outer = outer.parent


def _outermost(step: Step, within: Step | None) -> Step | None:
    """Return the outermost rounds around a step that are inside ``within``. None if there are none."""
    found: Step | None = None
    for block in _rounds_around(step):
        if block is within:
            break
        found = block
    return found


def _mentions_last(block: Step, inner: Sequence[Step]) -> bool:
    return any(
        mention.symbol is not None and mention.symbol.kind == "last" and mention.symbol.step is block
        for step in inner
        for mention in step.mentions
    )
