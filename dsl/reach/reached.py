"""The reach of untrusted sources as plain data: what one element can change and cause, and what it cannot."""

from __future__ import annotations

from typing import Literal

from ..bounds.bound import Bound
from ..records import dataclass
from ..source import Span

ReachedKind = Literal[
    "ballot",
    "ballots",
    "answer",
    "request",
    "extern",
    "file",
    "host",
    "system",
    "control",
    "number",
    "early",
    "failures",
    "budget",
    "time",
    "result",
]
"""The kinds of what is reached.

- ``ballot``: the element's own ballot of a vote. ``ballots``: several ballots of one vote.
- ``answer``: a request of the element's own. ``request``: a request that is not its own alone.
- ``extern``: the arguments of a Python function. ``file``: the name of a file. ``host``: the choice of a model.
- ``system``: words of a system part. ``control``: whether steps run. ``number``: how many requests they send.
- ``early``: how early a vote or a race ends. ``failures``: the failures that a map tolerates. ``budget``: what is left
  of a budget that may not last.
- ``time``: when steps begin. ``result``: the flow's result.
"""


@dataclass(frozen=True, slots=True)
class Reached:
    """A thing that one element of a source can change.

    ``text`` tells it in words, and ``width`` how much the element can write there. ``places`` has the titles of the
    steps. ``way`` has the names from the source to the place. ``bits`` is the most that one element can write, in
    bits; None if it is unbounded. ``free`` says that it can write words of its own. ``calls`` bounds the calls of the
    requests that it changes or brings about, and ``others`` those of other elements that may be sent or not. ``stands``
    is the number of changed ballots that the vote survives, if it says so.
    """

    kind: ReachedKind
    text: str
    places: tuple[str, ...]
    way: tuple[str, ...]
    width: str = ""
    bits: float | None = 0.0
    free: bool = False
    calls: Bound | None = None
    cost: Bound | None = None
    others: Bound | None = None
    stands: int | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """The parts of a flow that one element cannot change.

    ``others``: the requests of other elements. ``params``: parameters. ``externs``: functions that a flow may call.
    ``files``: the names of files. ``hosts``: the models and their addresses. ``system``: the system parts. A part is
    None if the flow has no such thing to reach.
    """

    others: bool | None
    params: tuple[str, ...]
    externs: tuple[str, ...]
    every_extern: bool
    files: bool
    hosts: bool
    system: bool | None


@dataclass(frozen=True, slots=True)
class SourceReach:
    """The reach of one element of a source.

    ``flow`` is the called flow that has the source, empty for the audited flow. If the source is not ``apart``, it is
    one element. ``cost`` is None if no prices are known.
    """

    name: str
    kind: Literal["parameter", "extern", "file"]
    flow: str
    apart: bool
    reached: tuple[Reached, ...]
    kept: Kept
    calls: Bound
    cost: Bound | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """A change of a line that would narrow the reach of a source."""

    kind: Literal["type", "vote", "quote", "together", "apart"]
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class FlowReach:
    """The reach of all untrusted sources of one flow, and of the flows that it calls. ``file`` is the flow's file."""

    file: str
    flow: str
    line: int
    sources: tuple[SourceReach, ...]
    advice: tuple[Advice, ...] = ()
