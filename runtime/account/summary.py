"""The progress and the account of a run, counted from its events."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from flowrun.dsl import dataclass

from ..costs.prices import CostOf, Prices
from ..vocabulary import events as e
from ..vocabulary.account import Account, Ceiling
from ..vocabulary.partial_listener import PartialListener
from ..vocabulary.usage import Usage
from .traffic import TrafficCounts

if TYPE_CHECKING:
    from .sums import Figures

_OF_PEOPLE = (e.RequestStarted, e.RequestFinished, e.RequestFailed, e.RequestCancelled, e.AttemptFailed)


@dataclass(slots=True)
class Summary(TrafficCounts, PartialListener):
    """The counts of a run so far.

    ``account`` is the account of the run since it began or was resumed, ``past`` the account before that. ``out`` has
    the requests that are under way. ``recalled`` counts answers from the journal, ``in_doubt`` calls that were sent
    again although they may have been paid, ``hedged`` calls that were sent a second time beside the first, and
    ``spared`` samples that votes did not need. Tokens are those that servers reported; ``uncounted`` counts calls
    without reported tokens. ``notices`` are lines for the user, such as the assumptions of a reader of files.
    ``limits`` are those of the run, None before it begins. ``questions`` counts the open questions to people.
    """

    recalled: int = 0
    in_doubt: int = 0
    hedged: int = 0
    prices: Prices = field(default_factory=Prices)
    account: Account = field(default_factory=Account)
    past: Account = field(default_factory=Account)
    out: dict[int, e.RequestStarted] = field(default_factory=dict)
    votes: dict[str, e.VoteCounted] = field(default_factory=dict)
    losses: list[e.ElementLost] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    limits: e.LimitsSet | None = None
    questions: int = 0

    def hears(self, kind: type) -> bool:
        return kind is not e.StepStarted and kind is not e.ElementFinished

    def __call__(self, event: e.Event) -> None:
        # The event of every step comes first: a run may have millions of steps.
        if type(event) is e.StepFinished:
            self.finished += 1
            return
        if isinstance(event, _OF_PEOPLE) and event.number < 0:
            self._of_person(event)
            return
        self.count(event)
        if isinstance(event, e.RequestStarted):
            self.out[event.number] = event
            self.account.requests += 1
            self.account.use(event.model).launch(event.calls, event.each)
        elif isinstance(event, e.RequestFinished):
            self._answered(event)
        else:
            self._note(event)

    def _of_person(self, event: e.Event) -> None:
        """Count a question to a person. It is no call."""
        if isinstance(event, e.RequestStarted):
            self.questions += 1
            self.account.use(event.model).sent += 1
        elif isinstance(event, e.RequestFinished):
            self.questions -= 1
            self.account.use(event.model).answered += 1
        elif isinstance(event, e.RequestFailed | e.RequestCancelled):
            self.questions -= 1

    def _answered(self, event: e.RequestFinished) -> None:
        calls = event.calls if event.answers is None else event.answers
        started = self.out.pop(event.number, None)
        each = Ceiling(0) if started is None else started.each
        use = self.account.use(event.model)
        use.answered += calls
        self.account.pay(event.model, event.usage.parts(calls), each)
        if calls < event.calls and not event.doubtful:
            use.retract(event.calls - calls, each)

    def _failed(self, event: e.AttemptFailed) -> None:
        started = self.out.pop(event.number)
        use = self.account.use(started.model)
        if event.how == "refused":
            use.refuse(event.calls, started.each)
        elif event.how == "spoilt":
            use.spoilt += event.calls
            self.account.pay(started.model, event.usage.parts(event.calls), started.each)

    def _note(self, event: e.Event) -> None:
        match event:
            case e.AttemptFailed():
                self._failed(event)
            case e.RequestCancelled(number):
                started = self.out.pop(number, None)
                if started is not None and not event.open:
                    self.account.use(started.model).cancelled += started.calls
            case e.AnswerRecalled():
                self.recalled += 1
            case e.CallHedged():
                self.hedged += 1
            case e.CallInDoubt():
                self.in_doubt += 1
            case e.PricesDeclared(prices):
                self.prices = Prices(self.prices.environ, prices)
            case e.LimitsSet():
                self.limits = event
                if event.dollars is not None and self.account.price is None:
                    self.account.price = self.prices
            case e.PastCounted(account):
                self.past = account
            case e.VoteCounted(path):
                self.votes[path] = event
            case e.ElementLost():
                self.losses.append(event)
            case e.Notice(text):
                self.notices.append(text)

    def add_figures(self, figures: Figures) -> None:
        """Take the sums of events that were counted elsewhere."""
        for name, count in figures.named():
            setattr(self, name, getattr(self, name) + count)
        self.busy += figures.busy
        if figures.growing:
            self.growing[figures.source] = figures.growing
        else:
            self.growing.pop(figures.source, None)
        self.account.requests += figures.account.requests
        for model, use in figures.account.models.items():
            self.account.use(model).add(use)

    @property
    def calls(self) -> int:
        """The number of answers that arrived since the run began or was resumed."""
        return self.account.answered

    @property
    def requests(self) -> int:
        """The number of requests that were sent since the run began or was resumed."""
        return self.account.requests

    @property
    def uncounted(self) -> int:
        """The number of paid calls whose server reported no tokens."""
        return self.account.uncounted

    @property
    def input_tokens(self) -> int:
        return self.account.input_tokens

    @property
    def output_tokens(self) -> int:
        return self.account.output_tokens

    @property
    def cost(self) -> float | None:
        """The dollars for the tokens reported since the run began or was resumed. None if a price is not known."""
        return self.prices.of(self.account)

    @property
    def whole(self) -> Account:
        """The account of the whole run, including the time before it was resumed."""
        return self.past + self.account

    def saved_cost(self, vote: e.VoteCounted) -> float | None:
        """Estimate the dollars that a vote or a search saved.

        Its spared samples are assumed to cost as much as its others. None if a cost is not known.
        """
        # A search may have paid for samples behind the one that passed.
        seen = vote.tally.counted + vote.tally.discarded if vote.tally.contest is None else vote.tally.asked
        costs = [None if use is None else self.cost_of(model, Usage(*use)) for model, use in vote.used.items()]
        known = [cost for cost in costs if cost is not None]
        if not vote.tally.saved:
            return 0.0
        return sum(known) / seen * vote.tally.saved if seen and known and len(known) == len(costs) else None

    @property
    def cost_of(self) -> CostOf:
        """The function that estimates the dollars for a part of the tokens of this run, before a resume and after."""
        return self.prices.usual(self.past, self.account)

    @property
    def saved(self) -> float | None:
        """The dollars that all votes saved; None if the saving of a vote is not known."""
        costs = [self.saved_cost(vote) for vote in self.votes.values()]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if len(known) == len(costs) else None

    @property
    def spared(self) -> int:
        return sum(vote.tally.saved for vote in self.votes.values())
