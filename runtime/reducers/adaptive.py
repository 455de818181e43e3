"""Votes that choose their own number of samples.

Samples are counted in the order of their places. At the end of each batch the vote checks whether they are enough. It
does not count samples as they arrive, because short answers arrive first and differ from long ones. A batch is the
fewest samples that could decide, so the vote takes no more samples than it would one by one.

A lost sample leaves a gap in that order. The vote continues behind the gap. It has a value only if every possible
answer of the lost samples would give the same value. To find out, the vote counts the lost samples as votes against the
leader. It also remembers for which answers they could have ended the vote.

Such a vote stands against f samples if both of these hold:

- No other answer could have ended it, after any number of samples from the least on. At each of these places the f
  samples are given to another answer, and taken from the most frequent of the others. If the rule then holds, the vote
  does not stand. An answer that no sample gave is tried too. So f samples alone must not be enough to end the vote.
- The leader wins even so: the rule still holds with f votes less for the leader and f more for the runner-up, so the
  vote ends here at the latest. Or the lead is larger than 2f + R, where R is the number of samples that may still
  come, so no answer can overtake the leader up to the greatest number of samples.

Then each world in which f samples differ has the same winner. The vote finds a number f that is sure, which need not be
the greatest. With ``stands: f`` the vote goes on until both hold for f. If the greatest number of samples is taken, a
lead larger than 2f is enough. The vote fails as soon as other answers could have ended it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..vocabulary.amounts import count_text
from ..vocabulary.json_value import Json
from .protocol import Question, ReduceError, Setting
from .reach import LEAD, Args, number
from .voting import LOST, Vote

if TYPE_CHECKING:
    from fractions import Fraction


class Adaptive(Vote):
    """The base of adaptive votes.

    A rule defines ``holds``. ``holes`` are the places of lost samples, and ``taken`` are all samples in
    order.
    """

    adaptive = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.holes: set[int] = set()
        self._ordered = True
        self._sure = False
        self.taken: list[Json] = []
        # The answers for which the vote could have ended earlier. None stands for an answer that no sample gave.
        self._rivals: set[str | None] = set()
        self._border = self._first = min(setting.most, max(setting.least, self.further(), self.lacking))

    def holds(self, first: Fraction | int, second: Fraction | int) -> bool:
        """Tell whether a leader with ``first`` votes has won over a runner-up with ``second`` votes."""
        raise NotImplementedError

    def further(self) -> int:
        first, second = map(int, self.ballots.leaders)
        first, second = first - self.against, second + self.lost + self.against
        most = self.setting.most
        return bisect_left(range(1, most), True, key=lambda more: self.holds(first + more, second)) + 1

    def could_end(self, key: str | None) -> bool:
        """Tell whether an answer could have won here, with all the lost samples and those that could be changed."""
        first, second = self.at_best(key, self.against)
        return self.holds(first + self.lost, second) and (not self.against or first + self.lost >= second)

    def at_best(self, key: str | None, changed: int) -> tuple[int, int]:
        """Return the most votes of an answer, and the least of the next answer, if samples are changed for it."""
        own = int(self.ballots.votes(key))
        given = min(changed, self.ballots.seen - own)
        others = [int(self.ballots.votes(other)) for other in self.ballots.ranked() if other != key]
        return own + given, lowered(others, given)

    @property
    def place(self) -> int:
        """The number of samples looked at so far, in the order of their places."""
        return self.ballots.seen + self.lost

    def _count(self, index: int, value: Json) -> None:
        if value is LOST:
            self.holes.add(index)
        self.taken.append(value)
        super()._count(index, value)
        if self.lost or self.against:
            self._remember()
        if self.place < self._border:
            return
        if self.lacking <= 0 and self.settled() and not self._others():
            self._sure = True
        elif self._border < self.setting.most:
            more = max(1, self.further(), self.lacking)
            self._border = min(self.setting.most, self._border + more)

    def _remember(self) -> None:
        abstained = min(self.against, self.ballots.discarded)
        if self.place < self.setting.least or self.ballots.counted + self.lost + abstained < self.enough:
            return
        for key in (*self.ballots.ranked(), None):
            if key not in self._rivals and self.could_end(key):
                self._rivals.add(key)

    def _others(self) -> set[str | None]:
        """Return the answers other than the leader for which the vote could have ended earlier."""
        return self._rivals - set(self.ballots.ranked()[:1])

    # Deciding

    def settled(self) -> bool:
        return self._wins(self.against)

    def _wins(self, changed: int) -> bool:
        """Tell whether the leader wins here, even if so many samples are changed."""
        swayed = self.lost + 2 * changed
        return self.holds_without(changed) and (not swayed or self.ballots.lead > swayed)

    def holds_without(self, changed: int) -> bool:
        """Tell whether the rule holds for the leader, if so many of its votes and all lost samples are against it."""
        first, second = self.ballots.leaders
        return self.holds(first - changed, second + self.lost + changed)

    def _over(self) -> bool:
        return self._sure

    @property
    def doubtful(self) -> bool:
        if not self.lost or self._sure or self.ended:
            return False
        if self.ballots.counted < self.enough:
            return super().doubtful
        # Lost samples could have decided a vote that has no winner without them.
        return not self.named or bool(self._others()) or self.ballots.lead <= self.lost

    @property
    def may_end(self) -> bool:
        return self.place + 1 >= self._border

    @property
    def hopeless(self) -> bool:
        standing = self.against > 0 and self.setting.launch != "together" and self.place >= self._first
        if self._sure or not (self.lost or standing):
            return False
        coming = self.setting.most - self.place
        if None in self._rivals or len(self._rivals) > 1 or self.lacking > coming:
            return True
        winner = next(iter(self._rivals or self.ballots.ranked()[:1]), None)
        lead = self.ballots.votes(winner) + coming - self.ballots.votes_beside(winner)
        return lead <= self.lost + 2 * self.against

    @property
    def named(self) -> bool:
        """True if the vote names its leader."""
        return self.undecided in (None, "first") or self._sure

    def lacks(self) -> str:
        """Say by how much the rule does not hold."""
        return "its rule does not hold"

    def questions(self) -> Sequence[Question]:
        return super().questions() if self.named else ()

    @property
    def silent(self) -> bool:
        open_ = not self.named and self.ballots.counted >= self.enough and not self.doubtful
        return super().silent or (open_ and self.undecided == "none")

    def value(self) -> Json:
        if self.named or self.silent or self.ballots.counted < self.enough or self.doubtful:
            return super().value()
        if self.fallen:
            from .vote_words import fell

            raise ReduceError(fell(self))
        taken = count_text(self.place, "sample")
        raise ReduceError(f"the vote is undecided after {taken}: {self.ballots.text()}; {self.lacks()}")

    @property
    def decided(self) -> bool:
        return self.setting.launch != "together" and (self._over() or self.fallen)

    def wanted(self, launched: int) -> int:
        if self.ended:
            return 0
        if self.setting.launch != "cost":
            return self.setting.most - launched
        return self.to_decide(launched)

    def to_decide(self, launched: int) -> int:
        return 0 if self.hopeless else max(0, self._border - launched)

    def succeeded(self) -> bool:
        return self._sure

    # Standing

    def standing(self) -> int:
        found = 0 if not self.named or (self.ended and not self._sure) else self._standing()
        # A vote that names no undecided leader has no winner in another world unless its rule holds there too.
        while found and self.undecided in ("fail", "none") and not self.holds_without(found):
            found -= 1
        return found

    def _standing(self) -> int:
        if self.ballots.counted < self.enough or self.doubtful:
            return 0
        left = self.setting.most - self.place
        lead = int(self.ballots.lead) - self.lost
        found = max(0, min((lead - 1) // 2, self.spare))
        while found and not (self._wins(found) or lead > 2 * found + left):
            found -= 1
        return bisect_left(range(1, found + 1), True, key=self._challenged)

    def _challenged(self, changed: int) -> bool:
        """Tell whether another answer could have ended the vote, if so many samples had been changed."""
        other = type(self)(replace(self.setting, args={**self.setting.args, "stands": changed}))
        for index, value in enumerate(self.taken):
            other._count(index, value)
        return bool(other._others())


def lowered(counts: Sequence[int], taken: int) -> int:
    """Return the least that the greatest of some counts can become, if so many votes are taken away."""
    ordered = sorted(counts, reverse=True)
    total = -taken
    for place, count in enumerate(ordered, 1):
        total += count
        if place == len(ordered) or total > place * ordered[place]:
            return max(0, -(-total // place))
    return 0


def reach_of(least: int, most: int, args: Args, holds: Callable[[int, int], bool]) -> int:
    """Return the greatest number of samples against which a vote can stand. It is reached if all ballots are alike.

    ``holds`` is the rule for the votes of two answers.
    """
    begins = max(1, least, number(args, "at_least", 1))

    def challenged(changed: int) -> bool:
        # From the place where the changed samples are all there, more samples only help the others.
        place = max(begins, changed)
        return any(holds(min(changed, at), at - min(changed, at)) for at in {begins, place})

    top = max(0, min((most - 1) // 2, most - number(args, "at_least", 1)))
    return bisect_left(range(1, top + 1), True, key=challenged)


def way_of(least: int, most: int) -> str:
    """Return the way out for a vote that too few samples can end, or that has too few."""
    return "raise the least number of samples" if least < most else "use more samples"


def why_not(wanted: int, least: int, most: int, args: Args, reach: Callable[[int, int, Args], int]) -> str:
    """Say why an adaptive vote can never stand against so many samples."""
    if 2 * wanted >= most or most - number(args, "at_least", 1) < wanted:
        return LEAD.why(wanted, least, most, args)
    return (
        f"{count_text(wanted, 'sample')} alone could end it with another answer; with {least} to {most} samples "
        f"it can stand against {reach(least, most, args)}"
    )
