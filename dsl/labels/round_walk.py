"""The walk over rounds. Each reads the value of the round before, so a body is read until its marks stay the same."""

from __future__ import annotations

from abc import ABC
from math import inf, log2

from .. import plan as p
from .block_walk import BlockWalk
from .expressions import Scope
from .marks import CONTROL, NOTHING, Mark, Reach, Trail, changed, narrowed, union
from .values import EMPTY, Value, either, led, mapped, widened

_EXACT = 3
"""The readings after which marks that still grow get as many bits as there are."""
_MOST = 5


class RoundWalk(BlockWalk, ABC):
    """The part of the walk that reads rounds."""

    def rounds(self, node: p.Rounds, scope: Scope) -> Value:
        """Read rounds.

        The end of a round decides whether there is another one, and so also which round gives the value.
        """
        presence = self.presence
        last, value = EMPTY, EMPTY
        decided: Reach = NOTHING
        for reading in range(_MOST + 1):
            # A trail names `last` once, however often a mark goes round.
            inner = Scope(scope, {"last": led(last, "last") if reading == 1 else last})
            self.presence = union(presence, decided)
            self.body(node.body.steps, inner)
            ends = union(*(self.reach(expr, inner) for expr in node.ends))
            # A source decides which of the rounds is the last, or the best.
            decided = changed(narrowed(ends, 0.0, CONTROL), lambda mark: mark._replace(bits=log2(node.most)))
            value = inner.value(node.body.result).with_reach(decided)
            grown = either(last, value)
            if mapped(grown, _bare) == mapped(last, _bare):
                break
            last = grown if reading < _EXACT else mapped(grown, _unbounded) if reading < _MOST - 1 else widened(grown)
        self.presence = presence
        self.time[-1] |= decided.keys()
        return either(last, value)


def _bare(mark: Mark) -> Mark:
    return mark._replace(trail=Trail(""))


def _unbounded(mark: Mark) -> Mark:
    return mark._replace(bits=inf) if mark.bits else mark
