"""The progress of the blocks of a run: maps, repeats and called flows, counted from events."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import field

from flowrun.dsl import dataclass

from ..vocabulary import events as e
from ..vocabulary.partial_listener import PartialListener

WINDOW = 30.0
"""The seconds over which the rate of a block is measured."""
_SETTLED = 2.0
"""A rate that was measured over fewer seconds tells nothing about the time that is left."""
_NUMBERS = re.compile(r"\[[^\]]*\]")
_ENDS = (e.RequestFinished, e.RequestFailed, e.RequestCancelled, e.RequestRetried)


@dataclass(eq=False, slots=True)
class Bar:
    """The progress of one block of the flow, with all its runs: `notes.votes` stands for `notes[3].votes` too.

    It counts elements or samples, or with ``by_steps`` the steps of blocks with a single body. ``place`` sorts it
    behind the block around it. ``runs`` counts the runs of the block that are open. ``flying`` counts calls under way.
    ``exact`` is True while the total can only shrink. ``past`` has earlier times with what was done then.
    """

    name: str
    place: tuple[int, ...]
    by_steps: bool
    total: int = 0
    done: int = 0
    failed: int = 0
    flying: int = 0
    runs: int = 0
    exact: bool = True
    past: deque[tuple[float, int]] = field(default_factory=deque)

    @property
    def depth(self) -> int:
        """The number of blocks around it."""
        return len(self.place) - 1

    @property
    def left(self) -> int:
        return max(0, self.total - self.done - self.failed)

    def look(self, now: float) -> None:
        """Remember what is done at a time in seconds, for the rate."""
        self.past.append((now, self.done + self.failed))
        while len(self.past) > 2 and now - self.past[1][0] >= WINDOW:
            self.past.popleft()

    @property
    def rate(self) -> float | None:
        """The bodies that end in a second, measured over the last ``WINDOW`` seconds. None if that is not known yet."""
        if len(self.past) < 2:
            return None
        (since, before), (now, after) = self.past[0], self.past[-1]
        return (after - before) / (now - since) if now - since >= _SETTLED else None

    @property
    def seconds_left(self) -> float | None:
        """The seconds until the block has ended, None if they cannot be known."""
        rate = self.rate
        return self.left / rate if rate and self.exact and not self.depth else None


@dataclass(eq=False, slots=True)
class _Run:
    """A run of a block."""

    bar: Bar
    total: int
    done: int = 0
    failed: int = 0
    by_steps: bool = False


class Blocks(PartialListener):
    """The blocks of a run. ``running`` are those that run, the outer ones before the inner ones."""

    def __init__(self) -> None:
        self._bars: dict[str, Bar] = {}
        self._runs: dict[str, _Run] = {}
        self._bodies: dict[str, _Run] = {}
        self._around: dict[str, tuple[Bar, ...]] = {}
        self._flying: dict[int, tuple[tuple[Bar, ...], int]] = {}

    def hears(self, kind: type) -> bool:
        return kind in _HEARD

    @property
    def running(self) -> list[Bar]:
        found = (bar for bar in self._bars.values() if bar.runs and (bar.left or bar.flying or not bar.exact))
        return sorted(found, key=lambda bar: bar.place)

    def __call__(self, event: e.Event) -> None:
        match event:
            case e.StepFinished(path):
                if self._bodies:
                    self._stepped(path)
            case e.ElementFinished(path):
                run = self._runs.get(path[: path.rfind("[")])
                if run is not None and not run.by_steps:
                    run.done += 1
                    run.bar.done += 1
            case e.RequestStarted(number, path, _, calls):
                around = self._blocks_around(path)
                self._flying[number] = around, calls
                for bar in around:
                    bar.flying += calls
            case e.RequestFinished() | e.RequestFailed() | e.RequestCancelled() | e.RequestRetried():
                around, calls = self._flying.pop(event.number, ((), 0))
                for bar in around:
                    bar.flying -= calls
            case _:
                self._rarer(event)

    def _rarer(self, event: e.Event) -> None:
        match event:
            case e.BlockOpened(path, elements, steps):
                self._open(path, elements, steps)
            case e.BlockGrew(path, elements):
                if (run := self._runs.get(path)) is not None:
                    run.total += elements
                    run.bar.total += elements
                    run.bar.exact = False
            case e.BlockClosed(path):
                self._close(path)
            case e.ElementLost():
                run = self._runs.get(event.element[: event.element.rfind("[")])
                if run is not None and not run.by_steps:
                    run.failed += 1
                    run.bar.failed += 1

    def _open(self, path: str, elements: int, steps: int) -> None:
        if path in self._runs:
            self._close(path)
        name = _NUMBERS.sub("", path)
        bar = self._bars.get(name)
        if bar is None:
            around = self._blocks_around(path)
            place = around[-1].place if around else ()
            bar = self._bars[name] = Bar(name, (*place, len(self._bars)), by_steps=elements == 1 and steps > 0)
            self._around.clear()
        by_steps = bar.by_steps and elements == 1
        run = self._runs[path] = _Run(bar, steps if by_steps else elements, by_steps=by_steps)
        bar.total += run.total
        bar.runs += 1
        if by_steps:
            self._bodies[path] = self._bodies[f"{path}[0]"] = run

    def _close(self, path: str) -> None:
        run = self._runs.pop(path, None)
        if run is None:
            return
        run.bar.runs -= 1
        # What need not run any more was never a part of the whole.
        run.bar.total -= run.total - run.done - run.failed
        if run.by_steps:
            del self._bodies[path], self._bodies[f"{path}[0]"]

    def _stepped(self, path: str) -> None:
        """Count a finished step for the block with a single body in which it lies. A fan-out between them is passed."""
        while path := path.rpartition(".")[0]:
            run = self._bodies.get(path)
            if run is not None:
                if run.done < run.total:
                    run.done += 1
                    run.bar.done += 1
                return
            if path.endswith("]"):
                return

    def _blocks_around(self, path: str) -> tuple[Bar, ...]:
        """Return the blocks in which a step lies, from the outside inwards."""
        name = _NUMBERS.sub("", path)
        found = self._around.get(name)
        if found is None:
            parts = name.split(".")
            names = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
            found = self._around[name] = tuple(self._bars[one] for one in names if one in self._bars)
        return found


_HEARD = frozenset(
    (
        e.StepFinished,
        e.ElementFinished,
        e.RequestStarted,
        *_ENDS,
        e.BlockOpened,
        e.BlockGrew,
        e.BlockClosed,
        e.ElementLost,
    )
)
