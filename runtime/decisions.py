"""What the state machine wants done: the whole vocabulary between deciding and acting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import FlowrunError
from .providers.protocol import Request
from .reducers import Tally

Json = Any


@dataclass(frozen=True, slots=True)
class Call:
    """One answer to be had. ``number`` is unique in the run; ``path`` names the step for people.

    Calls of one ``group`` that ask the same may go out as one request. ``retries`` is how often a request that
    failed on the way may be sent again, None for the usual number.
    """

    number: int
    path: str
    model: str
    request: Request
    group: tuple[int, str] | None = None
    retries: int | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    call: Call


@dataclass(frozen=True, slots=True)
class Cancel:
    number: int


@dataclass(frozen=True, slots=True)
class LaunchExtern:
    """An extern is to be called with these arguments. Numbers of externs are their own."""

    number: int
    path: str
    extern: str
    args: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class CancelExtern:
    number: int


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, and at which step or element."""

    path: str
    reason: str
    error: FlowrunError | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a flow ended.

    ``value`` is what it returns, and None where that could not be made. ``failures`` ended steps; ``losses`` are
    elements and samples that the flow did without. ``tallies`` are the votes by the path of their step.
    """

    value: Json
    complete: bool
    failures: tuple[Failure, ...] = ()
    losses: tuple[Failure, ...] = ()
    tallies: dict[str, Tally] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finish:
    outcome: Outcome


Decision = Launch | Cancel | LaunchExtern | CancelExtern | Finish
