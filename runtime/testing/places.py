"""The places of asks and externs in a flow: the path of their step as tests write it, with its elements and samples."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from flowrun.dsl import REDUCE, dataclass, test_plan
from flowrun.dsl import plan as p
from flowrun.runtime.plans.step_paths import Naming, StepNode

_PLACE = re.compile(r"\[([\d.,]+)\]")
_NAME = re.compile(r"\.?([^.\[\]]+)")


@dataclass(frozen=True, slots=True)
class Shape:
    """The part of a place that all elements and samples share.

    ``names`` are the steps from the outside inwards. ``samples`` has the greatest number of samples of each step that
    is a repeat or has rounds, 0 for any other step. If all of them are rounds, ``follows`` is True. ``numbered`` says
    which steps have numbers. ``step`` is the path without numbers, ``nowhere`` has None for each name.
    """

    step: str
    names: tuple[str, ...]
    samples: tuple[int, ...]
    numbered: tuple[bool, ...]
    merges: bool
    follows: bool
    nowhere: tuple[None, ...]


Number: TypeAlias = int | str | None
"""The number of an element or a sample. A text such as ``1,0`` is element 0 of list 1 in a list of lists.

A map over such a list may take an element before all lists in front of it are there. Then its own number is not known.
"""


@dataclass(frozen=True, slots=True)
class Spot:
    """The place of one call. ``at`` has the number of the element or the sample behind each name, None without one.

    ``element`` has the numbers of the elements alone. ``merge`` has the level of a merge in a tree of asks and its
    number there, for a match of a tournament also the order of its candidates, and for a verdict the number of the
    result; it is empty for any other call.
    """

    shape: Shape
    at: tuple[Number, ...]
    element: tuple[Number, ...]
    merge: tuple[int, ...] = ()

    @property
    def path(self) -> str:
        """The path as a test can write it."""
        numbers = ("" if number is None else f"[{number}]" for number in self.at)
        parts = map("".join, zip(self.shape.names, numbers, strict=True))
        return ".".join(parts) + (f"[{'.'.join(map(str, self.merge))}]" if self.merge else "")

    def fits(self, path: Sequence[test_plan.PathPart]) -> bool:
        """Tell whether the numbers in the path of a test are those of this place."""
        wanted = [part.index for part in path]
        if not self.merge:
            return _fit(wanted, self.at)
        return _fit(wanted[:-1], self.at[:-1]) and _fit((path[-1].index, path[-1].merge), self.merge)

    def sample(self, fixed: Sequence[int | None]) -> tuple[int, int]:
        """Return the number of the call among the samples around it, and how many samples there can be.

        A number in ``fixed`` leaves a single sample of its step.
        """
        number, of = 0, 1
        for at, most, one in zip(self.at, self.shape.samples, fixed, strict=True):
            if most and isinstance(at, int) and one is None:
                number, of = number * most + at, of * most
        return number, of


def _fit(wanted: Sequence[int | None], at: Sequence[Number]) -> bool:
    return all(want is None or want == number for want, number in zip(wanted, at, strict=False))


class Places:
    """The places in one plan. Each shape is worked out once."""

    def __init__(self, plan: p.Plan) -> None:
        self._naming = Naming(plan)
        self._shapes: dict[tuple[str, int], Shape] = {}
        self._callers: dict[str, dict[str, int]] = {}

    def spot(self, path: str, ask: p.Ask | None = None) -> Spot:
        """Find the place of a path of the engine. ``ask`` tells unnamed asks of one line apart."""
        bare = _PLACE.sub("[]", path) if "[" in path else path
        shape = self._shapes.get((bare, id(ask)))
        if shape is None:
            shape = self._shapes[bare, id(ask)] = self._shape(bare, ask)
        if "[" not in path:
            return Spot(shape, shape.nowhere, shape.nowhere)
        found = _PLACE.findall(path)
        merge = tuple(map(int, found.pop().split("."))) if shape.merges else ()
        numbers = iter(found)
        at = tuple(_number(next(numbers)) if numbered else None for numbered in shape.numbered)
        element = tuple(None if most else number for number, most in zip(at, shape.samples, strict=True))
        return Spot(shape, at, element, merge)

    def callers(self, extern: str) -> dict[str, int]:
        """Return the paths of the steps that call an extern, numbered in the order of the file."""
        if extern not in self._callers:
            found = [".".join(names) for names, key in self._extern_steps(()) if key == extern]
            self._callers[extern] = {path: number for number, path in enumerate(found)}
        return self._callers[extern]

    def _extern_steps(
        self, above: tuple[str, ...], around: StepNode | None = None
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        for node in self._naming.inside(above):
            names = (*above, node.name)
            own = node.step.node if node.step is not None else None
            if isinstance(own, p.ExternCall):
                yield names, own.extern
            elif node.step is None and around is not None and around.step is not None:
                reduce = getattr(around.step.node, "reduce", None)
                if isinstance(reduce, p.Reduce) and reduce.called is not None:
                    yield names, reduce.called
            yield from self._extern_steps(names, node)

    def _shape(self, bare: str, ask: p.Ask | None) -> Shape:
        names: list[str] = []
        nodes: list[StepNode | None] = []
        words = _NAME.findall(bare)
        for number, word in enumerate(words):
            alike = [one for one in self._naming.inside(tuple(names)) if word in (one.name, one.alias)]
            last = number == len(words) - 1
            mine = [one for one in alike if last and one.step is not None and one.step.node is ask]
            node = next(iter(mine or alike), None)
            names.append(node.name if node is not None else word)
            nodes.append(node)
        own = [node.step.node if node is not None and node.step is not None else None for node in nodes]
        repeats = [node if isinstance(node, p.Repeat | p.Rounds) else None for node in own]
        text = bare.replace("[]", "\0")
        marks = [part.endswith("\0") for part in text.split(".")]
        merges = names[-1] == REDUCE and marks[-1]
        numbered = (*marks[:-1], marks[-1] and not merges)
        return Shape(
            ".".join(names),
            tuple(names),
            tuple(0 if one is None else one.most for one in repeats),
            numbered,
            merges,
            {type(one) for one in repeats if one is not None} == {p.Rounds},
            (None,) * len(names),
        )


def _number(written: str) -> Number:
    return int(written) if written.isdigit() else written
