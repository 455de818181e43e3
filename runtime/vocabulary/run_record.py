"""The record of a run: its calls, votes, losses and figures, as its journal tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from .call_record import CallRecord, total_cost
from .json_value import Json
from .tally import Tally

if TYPE_CHECKING:
    from .cascade_tally import CascadeCount


@dataclass(frozen=True, slots=True)
class EndpointRecord:
    """The place of a model, without key, user, password and query. ``name`` is the name in the keys of the journal.

    ``model`` is the name of the model in these keys, "" if that is its address.
    """

    name: str
    url: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class LossRecord:
    """A failure: the path of its step, element or sample, and its reason.

    ``fatal`` says that it ended a step; otherwise the flow went on without the element or sample.
    """

    path: str
    reason: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class StretchRecord:
    """A part of a run, from its beginning or a resume to its end.

    ``began`` and ``ended`` are in milliseconds since the run began; ``ended`` is None if the part was killed or still
    goes on.
    """

    began: int
    ended: int | None = None


@dataclass(frozen=True, slots=True)
class ExternRecord:
    """The result of a Python function at the path of its call: a ``value``, or an ``error`` if it failed.

    The journal does not keep a value of more than 1 MiB, or one with a key of the environment: then ``size`` and
    ``sha256`` are those of its JSON text, and ``sha256`` is "" otherwise. The times are in milliseconds since the run
    began, None if the journal does not have them.
    """

    path: str
    function: str
    value: Json = None
    error: str = ""
    size: int = 0
    sha256: str = ""
    began: int | None = None
    ended: int | None = None


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file that a run read. ``path`` is as the flow named it; with ``pattern`` it is a pattern of names.

    ``content`` is the text that the run read, or the names that fit the pattern, one a line. It is None if the journal
    has only the digest, if the bytes are no text, or if the record would grow too large. ``error`` tells why the file
    could not be read.
    """

    path: str
    size: int = 0
    sha256: str = ""
    content: str | None = None
    pattern: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class OutsideRecord:
    """The inputs of a run from outside of its models: the values of Python functions, and the files that it read."""

    externs: tuple[ExternRecord, ...] = ()
    files: tuple[FileRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class EndRecord:
    """The end of a run as its replay shows it, and what the run took from ``outside`` on the way.

    ``value`` is its result, None if it has none. ``votes`` are by the path of their step, ``cascades`` are
    the sums of each cascade of the plan, and ``overruled`` the votes whose stage has not the value of its cascade.
    ``complete`` is True if the replay reached the end of the flow.
    """

    value: Json = None
    complete: bool = False
    votes: Mapping[str, Tally] = field(default_factory=dict)
    losses: tuple[LossRecord, ...] = ()
    outside: OutsideRecord = OutsideRecord()
    cascades: tuple[CascadeCount, ...] = ()
    overruled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run. ``began`` and ``ended`` are in seconds of the epoch; ``ended`` is None if it was killed or still goes on.

    ``status`` is that of the journal, or ``killed`` or ``running``. ``account`` has the figures of the run, as `runs
    --json` prints them. ``text`` is the flow file, "" if it cannot be found as it was. ``notes`` are remarks on the
    record, for example that a prompt differs from the one that was sent.
    """

    id: str
    plan: p.Plan
    began: float
    ended: float | None
    status: str
    calls: tuple[CallRecord, ...] = ()
    end: EndRecord = EndRecord()
    stretches: tuple[StretchRecord, ...] = ()
    endpoints: Mapping[str, EndpointRecord] = field(default_factory=dict)
    account: Mapping[str, Json] = field(default_factory=dict)
    text: str = ""
    notes: tuple[str, ...] = ()

    @property
    def cost(self) -> float | None:
        """The dollars of the run by its account, or else by its calls; None if a cost is not known."""
        told = self.account.get("cost")
        return float(told) if isinstance(told, int | float) else total_cost(self.calls)
