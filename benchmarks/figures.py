"""The figures of the table, and the rounds that they come from."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mock_server import Running

HAND = "by hand"
DEFAULT, TUNED = "default", "tuned"
"""The two columns of the table: as a user gets it, and with what tuning adds."""
PATIENCE = 3
"""With --check, a figure that misses its bound gets up to so many times the rounds, so that chance does not decide."""
NEAR = 1.3
"""A figure that misses its bound by more than this factor does not get more rounds."""

Round = Mapping[str, Mapping[str, float]]
"""The seconds and other figures of each side of one round."""


@dataclass(frozen=True)
class Figure:
    """One line of the table. ``bound`` is the most that ``value`` may be; the least, where ``more`` is better.

    Where there is a ratio, the bound is one of the ratio.
    """

    part: str
    what: str
    side: str
    value: float
    unit: str
    ratio: float | None = None
    bound: float | None = None
    more: bool = False
    column: str = DEFAULT

    @property
    def found(self) -> float:
        """The number that the bound is for."""
        return self.value if self.ratio is None else self.ratio

    @property
    def missed(self) -> bool:
        return self.bound is not None and (self.found < self.bound if self.more else self.found > self.bound)

    @property
    def nearly(self) -> bool:
        """True if the bound is missed by so little that it may be chance."""
        return (
            self.bound is not None and self.missed and max(self.found, self.bound) < NEAR * min(self.found, self.bound)
        )

    def line(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:6.2f} ×"
        sign = "≥" if self.more else "≤"
        bound = "" if self.bound is None else f"{sign} {self.bound:g}{' MISSED' if self.missed else ''}"
        name = f"{self.column:<8}{self.part:<8} {self.what:<40} {self.side:<30}"
        return f"{name} {self.value:9.3f} {self.unit:<3} {ratio:<9} {bound}"


@dataclass(frozen=True)
class Line:
    """A figure that is to be made of rounds: the median of a side's values, times ``scale``.

    ``over`` is the side that its values are divided by, round by round: what slows a whole round down does not count. A
    figure without such a side may be the ``least`` of its values: CPU time that others disturb is only ever longer.
    """

    what: str
    side: str
    key: str = "own"
    unit: str = "s"
    over: str | None = HAND
    bound: float | None = None
    scale: float = 1.0
    least: bool = False
    more: bool = False
    column: str = DEFAULT

    def figure(self, part: str, rounds: Sequence[Round]) -> Figure:
        taken = min if self.least else statistics.median
        value = taken([one[self.side][self.key] * self.scale for one in rounds])
        ratio = None
        if self.over is not None and self.over != self.side:
            ratio = statistics.median(one[self.side][self.key] / one[self.over][self.key] for one in rounds)
        return Figure(part, self.what, self.side, value, self.unit, ratio, self.bound, self.more, self.column)


@dataclass
class Bench:
    """The servers to measure against, and the figures so far.

    ``silent`` sends no rate headers and ``headers`` does. ``warm`` is for the runs before the clock starts. If
    ``patient`` is True, figures that nearly miss their bounds get more rounds.
    """

    silent: str
    headers: Running
    warm: str
    folder: Path
    rounds: int
    patient: bool = False
    figures: list[Figure] = field(default_factory=list)
    _folders: int = 0

    def add(self, figure: Figure) -> None:
        self.figures.append(figure)
        print(figure.line(), flush=True)

    def user(self) -> Path:
        """A folder for a user who has never run anything: no cache, no journal."""
        self._folders += 1
        folder = self.folder / f"user{self._folders}"
        folder.mkdir()
        return folder

    def take(self, part: str, one: Callable[[], Round], lines: Sequence[Line]) -> None:
        """Take the rounds, each of all sides in turn, and add the figures of the lines."""
        rounds = [one() for _ in range(self.rounds)]
        while self.patient and len(rounds) < PATIENCE * self.rounds:
            if not any(line.figure(part, rounds).nearly for line in lines):
                break
            rounds.append(one())
        for line in lines:
            self.add(line.figure(part, rounds))


def plot(figures: Sequence[Figure], path: Path) -> None:
    """Draw the ratios to the yardstick as bars."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = [one for one in figures if one.ratio is not None and not one.more]
    canvas, axes = pyplot.subplots(figsize=(11, 0.35 * len(shown) + 1.5))
    names = [f"{one.what} — {one.side} ({one.column})" for one in shown]
    colours = {DEFAULT: "#2a6f97", TUNED: "#8ab6d6"}
    ours = ("flowrun", "Python", "command", "program")
    axes.barh(
        range(len(shown)),
        [one.ratio for one in shown],
        color=[colours[one.column] if one.side.startswith(ours) else "#b0b7bd" for one in shown],
    )
    axes.set_yticks(range(len(shown)), names)
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.invert_yaxis()
    axes.set_xlabel("times the same work by hand")
    canvas.tight_layout()
    canvas.savefig(path, dpi=120)
