"""How many calls stand one behind another: the longest way through steps, kept apart by what each way begins at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf

from .sizes import Bound

Ways = Mapping[str, float]
START = ""
"""Where a way begins that waits for no step outside the block."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """Calls in a row until the end of a step: from its beginning, and from the end of each step outside it.

    ``most`` is infinite where nothing bounds it, and ``why`` tells why.
    """

    least: Ways = field(default_factory=lambda: {START: 0})
    most: Ways = field(default_factory=lambda: {START: 0})
    why: str = ""

    @property
    def bound(self) -> Bound:
        most = max(self.most.values(), default=0)
        return Bound(max(self.least.values(), default=0), None if most == inf else most, self.why)

    @property
    def maybe(self) -> Rounds:
        """The same for a step that may be left out."""
        return Rounds({START: 0}, self.most, self.why)

    def waiting(self, needs: Iterable[str]) -> Rounds:
        """The same for a step that begins when these are finished."""
        needs = tuple(needs)
        return Rounds(
            _longest(self.least, dict.fromkeys(needs, self.least.get(START, 0))),
            _longest(self.most, dict.fromkeys(needs, self.most.get(START, 0))),
            self.why,
        )

    def then(self, calls: Bound, needs: Iterable[str] = ()) -> Rounds:
        """The same with so many calls behind it, which wait for these steps as well."""
        needs = tuple(needs)
        most = inf if calls.most is None else calls.most
        # A call that may be left out is not sure to wait for anything.
        sure = dict.fromkeys(needs, calls.least) if calls.least else {}
        return Rounds(
            _longest({key: way + calls.least for key, way in self.least.items()}, sure),
            _longest({key: way + most for key, way in self.most.items()}, dict.fromkeys(needs, most)),
            calls.why if calls.most is None else self.why,
        )

    def merged(self, soonest: Rounds, calls: Bound, needs: Iterable[str]) -> Rounds:
        """The same with a tree behind it, so many calls deep.

        A tree merges as results come: the last result may have one merge alone before it, and the first, which is
        there as ``soonest`` says, has all of them.
        """
        last = self.then(Bound(min(1, calls.least), calls.most, calls.why), needs)
        return Rounds(_longest(last.least, soonest.then(calls, needs).least), last.most, last.why)

    def in_waves(self, waves: Bound, soonest: Rounds) -> Rounds:
        """The same for bodies that run in so many waves, one behind the other; ``soonest`` is the shortest of them."""
        if waves.most == 0:
            return Rounds()
        least: Ways = {START: 0}
        if waves.least:
            least = _longest(self.least, {START: soonest.least.get(START, 0) * waves.least})
        each = self.most.get(START, 0)
        more = each * ((inf if waves.most is None else waves.most) - 1) if each else 0.0
        why = waves.why if waves.most is None and each else self.why
        return Rounds(least, {key: way + more for key, way in self.most.items()}, why)


def side_by_side(steps: Mapping[str, Rounds]) -> Rounds:
    """Steps of one block, in an order in which each stands behind those it waits for."""
    why = next((one.why for one in steps.values() if one.why), "")
    return Rounds(
        _through({name: one.least for name, one in steps.items()}),
        _through({name: one.most for name, one in steps.items()}),
        why,
    )


def all_of(bodies: Iterable[Rounds], *, certain: bool) -> Rounds:
    """Bodies that run at once; at least all of them, or only any one of them where not ``certain``."""
    bodies = tuple(bodies)
    if not bodies:
        return Rounds()
    most: Ways = {}
    for body in bodies:
        most = _longest(most, body.most)
    if certain:
        least: Ways = {}
        for body in bodies:
            least = _longest(least, body.least)
    else:
        shared = set(bodies[0].least).intersection(*(body.least for body in bodies))
        least = {START: 0, **{key: min(body.least[key] for body in bodies) for key in shared}}
    return Rounds(least, most, next((body.why for body in bodies if body.why), ""))


def _longest(a: Ways, b: Ways) -> Ways:
    if not b:
        return a
    found = dict(a)
    for key, way in b.items():
        found[key] = max(found.get(key, 0), way)
    return found


def _through(steps: Mapping[str, Ways]) -> Ways:
    """The ways through all the steps, those between them taken together."""
    done: dict[str, Ways] = {}
    whole: dict[str, float] = {START: 0}
    for name, ways in steps.items():
        found: dict[str, float] = {}
        for key, way in ways.items():
            for origin, before in done.get(key, {key: 0}).items():
                found[origin] = max(found.get(origin, 0), before + way)
        done[name] = found
        for origin, way in found.items():
            whole[origin] = max(whole.get(origin, 0), way)
    return whole
