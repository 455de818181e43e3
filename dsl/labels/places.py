"""The results of the analysis: the sources, the places that they reach, and the breaches of trusted places."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import field
from typing import Literal

from ..records import dataclass
from .marks import Mark, Reach, widest

PlaceKind = Literal["ask", "reducer", "judge", "extern", "file", "flow", "value", "block", "result"]
"""The kind of a place: a request of a step, of a reducer or of a judge; a call; a file that is read; another value."""
BreachKind = Literal["parameter", "system", "path", "judge"]
WarningKind = Literal["ballots", "joined"]


@dataclass(frozen=True, slots=True)
class LabelSource:
    """An untrusted source.

    ``flow`` is the key of the flow that has it, empty for the flow of the plan, and ``step`` the step that reads it;
    empty for a parameter. ``apart`` says that it has several elements: the items of its list, or the iterations of the
    map around it.
    """

    key: str
    name: str
    kind: Literal["parameter", "extern", "file"]
    flow: str
    step: str
    line: int
    apart: bool


@dataclass(slots=True)
class Place:
    """A place of the flow, and the marks of the sources that reach it.

    ``flow`` is the key of a called flow, empty for the flow of the plan. ``request`` has the marks of a request: the
    bytes that are sent, or the arguments of an extern. ``presence`` has the marks of what decides whether and how often
    the step runs. ``ended`` has the marks of what can end it before it has sent all of its requests: another step of
    its body may fail, and the block around goes on without this body. ``value`` has the marks of the step's value.
    ``time`` has the sources that can delay the step. ``tolerance`` has the sources whose elements can use up the
    failures that the step tolerates.
    """

    flow: str
    step: str
    kind: PlaceKind
    line: int
    request: Reach = field(default_factory=dict)
    presence: Reach = field(default_factory=dict)
    ended: Reach = field(default_factory=dict)
    value: Reach = field(default_factory=dict)
    time: Set[str] = frozenset()
    tolerance: Set[str] = frozenset()

    def mark(self, source: str) -> Mark | None:
        """Return the mark of a source on the request, or on the value where there is no request."""
        return self.request.get(source) or self.value.get(source)

    def reached(self, source: str) -> bool:
        """Return True if a source can change the request, its presence, or the value."""
        return any(source in reach for reach in (*self.sending, self.value))

    @property
    def sending(self) -> tuple[Reach, Reach, Reach]:
        """The marks of a request, and of all that decides whether and how often it is sent."""
        return self.request, self.presence, self.ended

    @property
    def touched(self) -> bool:
        """True if a source can change, delay or fail anything here."""
        return any((*self.sending, self.value, self.time, self.tolerance))

    def merge(self, request: Reach, presence: Reach, value: Reach, time: Set[str]) -> None:
        self.request, self.presence = widest(self.request, request), widest(self.presence, presence)
        self.value, self.time = widest(self.value, value), self.time | time

    def end(self, ended: Reach) -> None:
        self.ended = widest(self.ended, ended)


@dataclass(frozen=True, slots=True)
class Breach:
    """Free text of a source in a trusted place.

    ``part`` is the parameter, the function, or the rule. ``trail`` has the names from the source to the place.
    """

    kind: BreachKind
    source: str
    flow: str
    step: str
    part: str
    trail: tuple[str, ...]
    callee: str = ""


@dataclass(frozen=True, slots=True)
class LabelWarning:
    """Several ballots of one vote from one source, or a prompt that joins the texts of several elements."""

    kind: WarningKind
    source: str
    flow: str
    step: str
    form: str
    trail: tuple[str, ...]


FenceKey = tuple[str, str, str]
"""The key of a flow, a step of it, and a template of the step."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The reach of the untrusted sources of a plan.

    ``places`` are in the order of the analysis; a place that no source reaches is not among them. A called flow has one
    place for each step, with the marks of all its calls. ``fenced`` has the places in templates that hold free text.
    ``scarce`` has the keys of the flows whose budget may not last.
    """

    sources: Mapping[str, LabelSource] = field(default_factory=dict)
    places: tuple[Place, ...] = ()
    breaches: tuple[Breach, ...] = ()
    warnings: tuple[LabelWarning, ...] = ()
    fenced: Mapping[FenceKey, tuple[int, ...]] = field(default_factory=dict)
    scarce: Set[str] = frozenset()

    def of(self, source: str) -> tuple[Place, ...]:
        """Return the places that one element of a source can change."""
        return tuple(place for place in self.places if place.reached(source))

    def place(self, step: str, kind: PlaceKind | None = None, flow: str = "") -> Place | None:
        """Return the place of a step. A block may have two: its reducer's request, and its value."""
        found = (one for one in self.places if (one.flow, one.step) == (flow, step) and kind in (None, one.kind))
        return next(found, None)
