"""The running maps and repeats, as the spending of a budget by need sees them, and the votes that wait for a turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING, Any, NamedTuple

from flowrun.dsl import dataclass

if TYPE_CHECKING:
    from ..plans.samples import Calls
    from .pending import Pending

Bodies = Any
"""A running map or repeat. Its class stands above this floor: it uses what is here."""
Need = tuple[float, int, tuple[int, ...]]
"""The need of a vote for samples, the neediest first: its lead, its samples, and the place of its element."""


class Turn(NamedTuple):
    """A call that waits for its turn: that of one body of a vote. ``yields`` if its maps open more bodies."""

    need: Need
    serial: int
    pending: Pending
    opened: OpenBlock
    body: int
    yields: bool


class SampleAccount:
    """The samples that the votes of one step were ``given``, beyond their first ones. Others wait in ``line``.

    ``cost`` are the calls of a sample. An account that comes later begins with the ``share`` that others have had.
    """

    __slots__ = ("_begun", "cost", "given", "line", "weight")

    def __init__(self, cost: Calls, share: float) -> None:
        self.cost = cost
        self.weight = 1.0
        self.given = 0
        self.line: list[Turn] = []
        self._begun = share

    @property
    def share(self) -> float:
        return self._begun + self.given / self.weight


@dataclass(eq=False, slots=True)
class OpenBlock:
    """A running map or repeat. ``around`` is the one around it, with the number of the body there.

    ``cost`` are the calls of a body. ``votes`` is True for a vote over samples. It has ``started`` with its first call.
    ``begun`` are the open bodies that may make calls, ``turns`` are those of them that waited for a turn. ``calls``
    counts for each open body the calls that are made or not needed, and of those the first ones; ``spent`` and
    ``first`` are the sums. Only the outermost block counts them. ``held`` counts the votes inside that wait, and let
    no map open more.
    """

    block: Bodies
    around: tuple[OpenBlock, int] | None
    cost: Calls
    weight: float
    votes: bool
    started: bool = False
    begun: set[int] = field(default_factory=set)
    turns: set[int] = field(default_factory=set)
    calls: dict[int, tuple[int, int]] = field(default_factory=dict)
    spent: int = 0
    first: int = 0
    held: int = 0

    @property
    def top(self) -> tuple[OpenBlock, int]:
        """The outermost block around this one, with the number of the body there."""
        *_, top = self.outward(0)
        return top

    def outward(self, index: int) -> Iterator[tuple[OpenBlock, int]]:
        """Yield this block with the number of its body, and the blocks around it."""
        at: tuple[OpenBlock, int] | None = (self, index)
        while at is not None:
            yield at
            at = at[0].around

    @property
    def _bodies(self) -> int:
        """The number of bodies that are open or will be."""
        return int(self.block.pace.total - self.block.pace.launched) + len(self.block.bodies)

    @property
    def unopened(self) -> int:
        """The bodies of a map that are not open yet."""
        return 0 if self.votes else max(0, int(self.block.pace.total - self.block.pace.launched))

    @property
    def most_to_come(self) -> int:
        """The most calls that the bodies could still make."""
        return max(0, self._bodies * self.cost.most - self.spent)

    @property
    def first_to_come(self) -> int:
        """The calls with which each vote would have its first sample."""
        if self.votes:
            return 0 if self.started else self.cost.first
        return max(0, self._bodies * self.cost.first - self.first)

    @property
    def roomy(self) -> bool:
        """True if the flow's own `concurrency`, if there is one, lets one more of the open bodies run."""
        return not self.block.step.limited or len(self.block.bodies) - self.held < self.block.pace.window.size

    def use(self, index: int, calls: int, first: int = 0) -> None:
        """Count calls of a body that are made or not needed. Fewer than none are calls that the plan did not tell."""
        before, began = self.calls.get(index, (0, 0))
        after, now = min(self.cost.most, before + calls), min(self.cost.first, began + first)
        self.calls[index] = after, now
        self.spent += after - before
        self.first += now - began

    def forget(self, index: int) -> int:
        """Forget a body that is over. Return 1 if it had waited for a turn, else 0."""
        calls, first = self.calls.pop(index, (0, 0))
        self.spent -= calls
        self.first -= first
        self.begun.discard(index)
        waited = index in self.turns
        self.turns.discard(index)
        return int(waited)

    def need(self, index: int) -> Need:
        """Return how open the vote is before the sample ``index``."""
        ballots = getattr(getattr(self.block.combiner, "reducer", None), "ballots", None)
        lead, seen = (0.0, 0) if ballots is None else (float(ballots.lead), ballots.seen)
        places = [at for _, at in self.outward(index)]
        return lead, seen, tuple(reversed(places))

    def hold(self, by: int) -> None:
        """Count a vote that waits with its place in the maps around it, or take that back."""
        for opened, _ in self.outward(0):
            opened.held += by

    def make_room(self, by: int) -> None:
        """Let the maps around a vote that waits open one more body, or take that back."""
        for opened, _ in self.outward(0):
            if not opened.block.samples:
                opened.block.pace.window.size += by
                if by > 0:
                    opened.block.more()
