"""The search for the first result that passes: how many samples to launch, and when it is known which one it is.

A search takes the first result that passes in the order of the input, and not in the order of arrival. With `cost`,
samples run one after another, so no sample is paid that the search does not need. With `latency`, they run in widening
waves: 1, 1, 2, 4, 8 and so on. If the first result that passes is number t, waves launch fewer than 2t samples in at
most 1 + log2(t) + 1 waves. With `together`, all samples run at once, and none is cancelled.
"""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import dataclass

from ..vocabulary.json_value import Json
from ..vocabulary.tally import Contest, Tally

ALONE, WAVES, ALL = "cost", "latency", "together"


@dataclass(eq=False)
class Search:
    """The verdicts of a search by place. ``known`` is the number of places before which all verdicts are there."""

    least: int
    most: int
    launch: str
    verdicts: dict[int, bool]
    known: int = 0
    target: int = 0
    found: int | None = None

    @classmethod
    def of(cls, least: int, most: int, launch: str) -> Search:
        """Return a search that has no verdicts yet. A fixed number of samples begins with one."""
        return cls(least, most, launch, {}, target=most if launch == ALL else fewest(least, most))

    def tell(self, place: int, *, passes: bool) -> None:
        """Take the verdict about the result of a place. A missing result does not pass."""
        self.verdicts[place] = passes
        while self.found is None and self.known in self.verdicts:
            if self.verdicts[self.known]:
                self.found = self.known
            self.known += 1
        if self.found is None and self.known >= self.target:
            widened = self.known + (1 if self.launch == ALONE else self.known)
            self.target = min(self.most, widened)

    @property
    def decided(self) -> bool:
        """True if no further result can change the value. With `together`, the other samples count, too."""
        return self.found is not None and self.launch != ALL

    def wanted(self, launched: int) -> int:
        """Return the number of samples to launch after those that are launched."""
        return 0 if self.decided else max(0, self.target - launched)


def fewest(least: int, most: int) -> int:
    """Return the smallest number of samples with which a search may end."""
    return min(most, max(1, least) if least < most else 1)


def expected(least: int, most: int, args: Mapping[str, object], right: float) -> float:
    """Return the average number of samples that a search launches. ``launch`` among the arguments is the way."""
    return mean_samples(least, most, right, str(args.get("launch", ALONE)))


def mean_samples(least: int, most: int, right: float, launch: str = ALONE) -> float:
    """Return the average number of launched samples, if each passes by itself with the given probability."""
    mean, search, launched = 0.0, Search.of(least, most, launch), 0
    while launched < most:
        mean += (1 - right) ** launched * (search.target - launched)
        launched = search.target
        for place in range(search.known, launched):
            search.tell(place, passes=False)
    return mean


def searched(account: Contest, value: Json, launched: int) -> Tally:
    """Return the tally of a search. Its ballots are the verdicts about its results."""
    passed = 0 if account.place is None else 1
    words = ("enough", "not enough") if account.method == "enough" else ("passed", "did not pass")
    counts = {words[0]: passed, words[1]: account.tried - passed}
    ballots = tuple((word, count) for word, count in counts.items() if count)
    return Tally(
        winner=value,
        ballots=ballots,
        planned=account.of,
        adaptive=True,
        asked=launched or account.tried,
        counted=account.tried,
        settled=bool(passed),
        first=words[not passed],
        of=account.tried,
        values=(value,) * len(ballots),
        unit=account.unit,
        contest=account,
    )
