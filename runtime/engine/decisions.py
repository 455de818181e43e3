"""The decisions of the state machine. The engine tells the dispatcher in these terms alone what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from flowrun.dsl import dataclass

from ..journal.answers import Paid
from ..journal.index import OpenAttempt
from ..reducers import ReduceError, UndecidedError
from ..vocabulary.account import Ceiling
from ..vocabulary.call import Answer, Message, Request
from ..vocabulary.errors import (
    AnswerError,
    BudgetError,
    DiskError,
    EndpointError,
    FlowrunError,
    InDoubtError,
    ModelError,
    RefusedError,
)
from ..vocabulary.json_value import Json
from ..vocabulary.question import OpenQuestionsError, Question
from ..vocabulary.receipt import Receipt
from ..vocabulary.submission import SubmittedError
from ..vocabulary.tally import Tally
from ..vocabulary.usage import NO_USAGE, Usage
from .body_terms import CancelBody, LaunchBody

if TYPE_CHECKING:
    from ..vocabulary.cascade_tally import CascadeTally


class Group(NamedTuple):
    """The calls that the samples of one repeat make for the same step: the block's serial number and the step.

    ``patient`` calls may wait for the first call of their group, if that makes the others cheaper.
    """

    block: int
    step: str
    patient: bool


class Sample(NamedTuple):
    """The place of an answer among all answers to one question.

    ``number`` is its place among the samples, and ``again`` counts the answers before it that did not fit.
    """

    number: int = 0
    again: int = 0


class Policy(NamedTuple):
    """The rules for sending a call.

    A request that failed on the way may be sent again at most ``retries`` times; None is the usual number. ``hedge`` is
    a share of similar requests: a request that takes longer than that share of them may be sent a second time.
    ``budgeted`` is True if the call counts in the budget of a called flow. ``lane`` is the number of the outermost
    block; calls of different lanes take turns. ``question`` is set if a person is asked. ``batch`` is True if the call
    goes to the batch API of its endpoint. ``expected`` counts the calls that are sure to come with each head of the
    prompt.
    """

    retries: int | None = None
    hedge: float | None = None
    budgeted: bool = False
    lane: int = 0
    question: Question | None = None
    batch: bool = False
    expected: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """The record of a call in the journal. ``answer`` is its paid answer or its error, None if no answer came.

    ``key`` is the call's key in the journal. ``open`` are attempts that were under way when an earlier run ended.
    ``receipt`` has the model that answered, the id of the request, and the cost. ``paid`` tells the row of the answer.
    ``lines`` are attempts by a batch API that are in no doubt. ``unsent``: in a replay, the budget had no room for it.
    """

    key: bytes = b""
    answer: Answer | AnswerError | None = None
    usage: Usage = NO_USAGE
    open: tuple[OpenAttempt, ...] = ()
    receipt: Receipt | None = None
    paid: Paid | None = None
    lines: tuple[OpenAttempt, ...] = ()
    unsent: bool = False


NOTHING = Known()


@dataclass(eq=False, slots=True)
class Call:
    """A question to a model that gets one answer. ``number`` is unique in the run. ``path`` names the step for people.

    Calls of the same ``group`` may go out as one request. ``place`` tells the call from every other call of the flow.
    ``ceiling`` holds the most tokens that the call can take, None until it is worked out. ``tries`` counts the failed
    attempts of a call that is sent again. ``withheld`` is the time in seconds for which budgets have kept the call back
    since its last attempt.
    """

    number: int
    path: str
    model: str
    request: Request
    group: Group | None = None
    sample: Sample = Sample()
    place: str = ""
    policy: Policy = Policy()
    known: Known = NOTHING
    ceiling: Ceiling | None = None
    tries: int = 0
    withheld: float = field(default=0.0, compare=False)

    @property
    def question(self) -> Question | None:
        """The question, if a person is asked."""
        return self.policy.question

    @property
    def messages(self) -> tuple[Message, ...]:
        return self.request.messages


@dataclass(frozen=True, slots=True)
class Launch:
    call: Call


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel a call. With ``keep``, a request under way may finish: it is paid, and the journal keeps its answer."""

    number: int
    keep: bool = False


@dataclass(frozen=True, slots=True)
class LaunchExtern:
    """Call an extern with these arguments. Calls of externs have numbers of their own."""

    number: int
    path: str
    extern: str
    args: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class CancelExtern:
    number: int


@dataclass(frozen=True, slots=True)
class Read:
    """Call a function that reads files or cuts a long text. Reads have numbers of their own."""

    number: int
    function: str
    args: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class CancelRead:
    number: int


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Start a timer. The dispatcher reports when its seconds have passed. Timers have numbers of their own."""

    number: int
    seconds: float


@dataclass(frozen=True, slots=True)
class StopTimer:
    number: int


@dataclass(frozen=True, slots=True)
class HandOn:
    """Give the caller the next result of the list that the flow returns. The caller takes them one by one."""

    value: Json


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure: its reason, and the path of the step or element. ``ballot`` says that a vote lost a ballot by it."""

    path: str
    reason: str
    error: FlowrunError | None = None
    ballot: bool = False

    @property
    def abstains(self) -> bool:
        """True if the failure counts as an abstention in a vote: an answer came, but it does not fit.

        After any other failure another try may bring a ballot, so the vote counts the ballot as missing.
        """
        unsettled = isinstance(self.error, UndecidedError)
        return isinstance(self.error, AnswerError | ReduceError) and not unsettled

    @property
    def sent(self) -> bool:
        """True if a request was sent before the failure. A budget stops a call before anything is sent."""
        return not isinstance(self.error, BudgetError)


@dataclass(frozen=True, slots=True)
class BodyOver:
    """Report the end of a body that ran elsewhere: its value, or its failure. A cancelled body has neither.

    ``tallies``, ``losses`` and ``cascades`` are those inside of it. ``tokens`` has the tokens of its ``calls`` by
    model, for a vote.
    """

    number: int
    value: Json = None
    failure: Failure | None = None
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    losses: tuple[Failure, ...] = ()
    tokens: Mapping[str, tuple[int, int] | None] = field(default_factory=dict)
    calls: int = 0
    cascades: Mapping[str, CascadeTally] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a flow.

    ``value`` is the flow's result, None if it could not be made. ``failures`` are the failures that ended steps.
    ``losses`` are the failures of elements and samples that the flow went on without. ``tallies`` are the votes by the
    path of their step. ``stopped`` is the reason if the run was stopped before its end. If the flow is not complete,
    ``steps`` are the values of its finished steps. ``cascades`` are the accounts of cascades by their paths.
    """

    value: Json
    complete: bool
    failures: tuple[Failure, ...] = ()
    losses: tuple[Failure, ...] = ()
    tallies: dict[str, Tally] = field(default_factory=dict)
    stopped: FlowrunError | None = None
    steps: dict[str, Json] = field(default_factory=dict)
    cascades: dict[str, CascadeTally] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """``done``, ``partial``, ``failed``, ``budget``, ``open``, ``submitted``, ``stopped`` or ``disk``.

        ``partial``: parts of the answer are missing. ``open``: a person has not answered. ``submitted``: the answers of
        a batch API were not waited for.
        """
        if isinstance(self.stopped, DiskError):
            return "disk"
        if isinstance(self.stopped, OpenQuestionsError):
            return "open"
        if isinstance(self.stopped, SubmittedError):
            return "submitted"
        if self.stopped is not None:
            return "stopped"
        missing = [*self.failures, *(loss for loss in self.losses if not loss.ballot)]
        if any(isinstance(one.error, BudgetError) for one in (*self.failures, *self.losses)):
            return "budget"
        if not self.complete:
            return "failed"
        return "partial" if missing else "done"

    @property
    def resumable(self) -> bool:
        """True if a resumed run may find the missing parts.

        This holds for every status but ``done`` and ``partial``. It also holds for ``partial`` if a server gave no
        answer.
        """
        if self.status != "partial":
            return self.status != "done"
        return any(isinstance(one.error, _OUTSIDE) for one in (*self.failures, *self.losses) if not one.ballot)


_OUTSIDE = (RefusedError, InDoubtError, EndpointError, ModelError)


@dataclass(frozen=True, slots=True)
class Finish:
    outcome: Outcome


_Local = Launch | Cancel | LaunchExtern | CancelExtern | Read | CancelRead | StartTimer | StopTimer | HandOn
Decision = _Local | LaunchBody | CancelBody | BodyOver | Finish
