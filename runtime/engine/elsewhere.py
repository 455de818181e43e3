"""The bodies that run elsewhere, such as in another process, as the machine of the whole flow sees them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flowrun.dsl import dataclass

from ..vocabulary.tally import Tally
from .body_terms import BodyScope, CancelBody, LaunchBody
from .decisions import BodyOver, Decision, Failure
from .frames import Enclosing, Frame

if TYPE_CHECKING:
    from ..vocabulary.cascade_tally import CascadeTally

PREPARED = 64
"""The bodies that wait for their turn at each place where bodies run, so that none of these places is ever idle."""


@dataclass(eq=False, slots=True)
class Away:
    """A body that runs elsewhere. Its frame holds nothing but the body's names and this."""

    elsewhere: Elsewhere
    number: int
    block: Enclosing
    frame: Frame

    def dropped(self, *, keep: bool) -> Iterable[Frame]:
        self.elsewhere.cancel(self.number, keep=keep)
        return ()

    def stopped(self) -> tuple[()]:
        return ()


class Elsewhere:
    """The bodies of one run that run elsewhere. They add their decisions to ``decisions``.

    A body that was cancelled still brings the ``tallies``, ``losses`` and ``cascades`` that it had. ``cascades`` also
    has the accounts of cascades that run here.
    """

    def __init__(
        self,
        decisions: list[Decision],
        tallies: dict[str, Tally],
        losses: list[Failure],
    ) -> None:
        self._decisions = decisions
        self._tallies = tallies
        self._losses = losses
        self.cascades: dict[str, CascadeTally] = {}
        self._out: dict[int, Away] = {}
        self._cancelled: set[int] = set()
        self._count = 0
        self._scopes = 0
        self._back: list[Frame] = []

    def next_scope(self) -> int:
        """Return the number of a further scope."""
        self._scopes += 1
        return self._scopes

    def launch(self, block: Enclosing, frame: Frame, scope: BodyScope, coming: int) -> None:
        self._count += 1
        self._out[self._count] = away = Away(self, self._count, block, frame)
        frame.blocks[away] = None
        path = frame.path("")[:-1]
        self._decisions.append(LaunchBody(self._count, scope, frame.index, frame.given, path, coming))

    def over(self, over: BodyOver) -> None:
        """Take the end of a body. Ignore its value or failure if it was cancelled in the meantime."""
        away = self._out.pop(over.number, None)
        if away is None and over.number not in self._cancelled:
            return
        self._cancelled.discard(over.number)
        self._tallies.update(over.tallies)
        self._losses.extend(over.losses)
        self.cascades.update(over.cascades)
        if away is None:
            return
        block, frame = away.block, away.frame
        frame.blocks.clear()
        frame.end()
        for vote in block.around.votes:
            vote.join(over.tokens, over.calls)
        if over.failure is None:
            block.body_done(frame, over.value)
        else:
            block.body_failed(frame, over.failure)

    def back(self, number: int) -> Frame | None:
        """Take back a body that has not begun elsewhere, to run it here. None if it was cancelled in the meantime."""
        away = self._out.pop(number, None)
        if away is None:
            self._cancelled.discard(number)
            return None
        away.frame.blocks.clear()
        self._back.append(away.frame)
        return away.frame

    def count_back(self) -> int:
        """Count the bodies that were taken back, and have not ended."""
        self._back = [frame for frame in self._back if not frame.over]
        return len(self._back)

    def cancel(self, number: int, *, keep: bool) -> None:
        if self._out.pop(number, None) is not None:
            self._cancelled.add(number)
            self._decisions.append(CancelBody(number, keep))
