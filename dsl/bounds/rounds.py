"""Rounds: the number of calls in a row on the longest path through steps. Each start of a path has its own number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from math import inf

from ..records import dataclass
from .bound import Bound
from .loads import Load, Loads, greatest, queued, so_often, together

__all__ = ["START", "Load", "Rounds", "all_of", "first_of", "side_by_side"]

Ways = Mapping[str, float]
START = ""
"""The start of a path that waits for no step outside the block."""


def first_of(name: str) -> str:
    """Return the start of a path that waits for the first element of this step's list."""
    return f"{name}[0]"


@dataclass(frozen=True, slots=True)
class Rounds:
    """The number of calls in a row until the end of a step, for each start of a path.

    A path starts at the step's beginning, or at the end of a step outside it. ``most`` is infinite if nothing limits
    it; ``why`` gives the reason. ``loads`` has the calls to each endpoint in that time, because a call that waits for a
    place makes the path longer (see ``queued``).
    """

    least: Ways = field(default_factory=lambda: {START: 0})
    most: Ways = field(default_factory=lambda: {START: 0})
    why: str = ""
    loads: Loads = field(default_factory=dict)

    @property
    def bound(self) -> Bound:
        most = max(self.most.values(), default=0)
        return Bound(max(self.least.values(), default=0), None if most == inf else most, self.why)

    def queued(self, calls: Bound) -> Bound:
        """Return the rounds of these calls, including the rounds in which a call waits for a place."""
        return queued(self.bound.capped(calls.most), self.loads, calls)

    @property
    def maybe(self) -> Rounds:
        """Return the rounds of a step that may be skipped."""
        return Rounds({START: 0}, self.most, self.why, self.loads)

    @property
    def shortest(self) -> float:
        """The least rounds from the beginning of the step."""
        return self.least.get(START, 0)

    def loaded(self, loads: Loads) -> Rounds:
        if not loads:
            return self
        return Rounds(self.least, self.most, self.why, together([self.loads, loads]) if self.loads else loads)

    def so_often(self, times: float | None) -> Rounds:
        """Return the same rounds with the loads of this many bodies."""
        return Rounds(self.least, self.most, self.why, so_often(self.loads, times))

    def at_least(self, other: Rounds) -> Rounds:
        """Return these rounds. Their least is raised to that of the other rounds if it is smaller."""
        return Rounds(_longest(self.least, other.least), self.most, self.why, self.loads)

    def waiting(self, needs: Iterable[str], taken: str | None = None) -> Rounds:
        """Return the rounds of a step that begins when its needs are finished.

        ``taken`` is the need whose list the step takes element by element, before that need is finished.
        """
        needs = tuple(needs)
        sure = [need for need in needs if need != taken]
        return Rounds(
            _longest(self.least, dict.fromkeys(sure, self.shortest)),
            _longest(self.most, dict.fromkeys(needs, self.most.get(START, 0))),
            self.why,
            self.loads,
        )

    def taking(self, source: str | None, behind: float | None = None) -> Rounds:
        """Return the rounds of bodies that begin with the first element of ``source``.

        ``behind`` is the least number of rounds from the end of ``source`` to the end of the bodies. None if the bodies
        need not wait for the end of ``source``.
        """
        if source is None:
            return self
        ends = {} if behind is None else {source: behind}
        return replace(self, least=_longest(self.least, {first_of(source): self.shortest, **ends}))

    def then(self, calls: Bound, needs: Iterable[str] = ()) -> Rounds:
        """Return these rounds followed by this many calls. The calls also wait for ``needs``."""
        needs = tuple(needs)
        most = inf if calls.most is None else calls.most
        # A call that may be skipped may wait for nothing.
        sure = dict.fromkeys(needs, calls.least) if calls.least else {}
        return Rounds(
            _longest({key: way + calls.least for key, way in self.least.items()}, sure),
            _longest({key: way + most for key, way in self.most.items()}, dict.fromkeys(needs, most)),
            calls.why if calls.most is None else self.why,
            self.loads,
        )

    def behind(self, needs: Iterable[str]) -> Rounds:
        """Return these rounds up to an end that also waits for ``needs``."""
        ends = dict.fromkeys(needs, 0.0)
        return replace(self, least=_longest(self.least, ends), most=_longest(self.most, ends))

    def merged(self, soonest: Rounds, calls: Bound, needs: Iterable[str], *, loses: bool = False) -> Rounds:
        """Return these rounds followed by a tree or a fold with ``calls`` calls in a row.

        Both ask as results arrive. All asks of the longest path may follow the first result, which may arrive as early
        as ``soonest``. Only one ask may follow the last result, or none if that result may be lost (``loses``).
        """
        last = self.then(Bound(0 if loses else min(1, calls.least), calls.most, calls.why), needs)
        return last.at_least(soonest.then(calls, needs))

    def in_waves(self, waves: Bound, soonest: Rounds) -> Rounds:
        """Return the rounds of bodies that run in this many waves, one wave after the other.

        ``soonest`` has the rounds of the shortest body.
        """
        if waves.most == 0:
            return Rounds()
        least: Ways = {START: 0}
        if waves.least:
            least = _longest(self.least, {START: soonest.shortest * waves.least})
        each = self.most.get(START, 0)
        behind = (inf if waves.most is None else waves.most) - 1
        more = each * behind if each and behind else 0.0
        why = waves.why if waves.most is None and each else self.why
        return Rounds(least, {key: way + more for key, way in self.most.items()}, why, self.loads)


def side_by_side(steps: Mapping[str, Rounds], end: str = "") -> tuple[Rounds, Rounds | None]:
    """Join the rounds of the steps of one block. Each step comes after the steps that it waits for.

    Return the rounds of all steps, and the rounds until the step ``end``.
    """
    why = next((one.why for one in steps.values() if one.why), "")
    least, until = _through({name: one.least for name, one in steps.items()})
    most, _ = _through({name: one.most for name, one in steps.items()})
    whole = Rounds(least, most, why, together(one.loads for one in steps.values()))
    return whole, Rounds({START: 0, **until[end]}) if end in until else None


def one_of(bodies: Iterable[Rounds]) -> Rounds:
    """Join the rounds of bodies of which exactly one runs."""
    bodies = tuple(bodies)
    return replace(all_of(bodies, certain=False), loads=greatest(body.loads for body in bodies))


def all_of(bodies: Iterable[Rounds], *, certain: bool) -> Rounds:
    """Join the rounds of bodies that run at once. If not ``certain``, perhaps only one of them runs."""
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
    why = next((body.why for body in bodies if body.why), "")
    return Rounds(least, most, why, together(body.loads for body in bodies))


def _longest(a: Ways, b: Ways) -> Ways:
    if not b:
        return a
    found = dict(a)
    for key, way in b.items():
        found[key] = max(found.get(key, 0), way)
    return found


def _through(steps: Mapping[str, Ways]) -> tuple[Ways, Mapping[str, Ways]]:
    """Return the longest paths through all the steps, and the longest paths to the end of each step."""
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
    return whole, done
