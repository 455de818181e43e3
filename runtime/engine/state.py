"""The run as a state machine. An event goes in, decisions come out. It uses no clock, no network and no asyncio.

A step begins as soon as all steps that it mentions are finished. A block opens a frame for each body. The steps inside
wait only for the steps that they mention, in their own block or around it. So no block waits for another block as a
whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from flowrun.dsl import given_images, types
from flowrun.dsl import plan as p

from ..values.expressions import evaluate
from ..values.model_values import given_models
from ..vocabulary import events as e
from ..vocabulary.errors import FlowrunError
from ..vocabulary.json_value import Json
from ..vocabulary.tally import Tally
from .decisions import BodyOver, Decision, Failure, Finish, HandOn, Outcome
from .driven import Driven
from .frames import NO_STEPS, Frame
from .prepare import Preparation
from .scopes import Context, Defaults, Scope

NOTHING: Mapping[str, Tally] = {}


class State(Driven):
    """The state machine of one run of one plan.

    A map may have ``window`` bodies open at once if the flow sets no `concurrency`. The results of the step ``handed``
    go to the caller one by one, and its value is their number. Bodies that run elsewhere run in one of ``places``.
    """

    def __init__(
        self,
        plan: p.Plan,
        inputs: Mapping[str, Json],
        context: Context,
        window: int = 256,
        *,
        handed: p.Step | None = None,
        turn: int | None = None,
        places: int = 1,
    ) -> None:
        super().__init__(context, plan.externs, turn)
        self.plan = plan
        self._prepared = Preparation(self._machine, plan, window, handed, self._hand_on, places)
        self._root = Frame(NO_STEPS, None, given=dict(inputs))
        limited = context.calls_limit is not None or context.money_limit is not None
        if limited and context.ledger is None:
            self._spend_by_need(plan)
        self._ending = False

    def begin(self) -> list[Decision]:
        self.announce()
        self._machine.reads.attempt(self._root, self._open)
        return self._drain()

    def _spend_by_need(self, plan: p.Plan) -> None:
        """Spend the budget of the run where votes need it, if there are votes."""
        from ..plans.samples import has_votes  # few runs have a budget
        from .needs import Needs

        calls = self._machine.calls
        if has_votes(plan):
            calls.needs = Needs(calls, plan)
            calls.needs.busy = lambda: self._machine.externs.busy

    def announce(self) -> None:
        """Add the event that begins the run. A run that is stopped before its beginning has this event, too."""
        layout = self._root.layout = self._prepared.layout(self.plan.steps)
        self.events.append(e.RunStarted(self.plan.flow, layout.once, at=self._machine.context.now()))

    def body_over(self, over: BodyOver) -> list[Decision]:
        """Take the end of a body that ran elsewhere. Ignore a value or failure if it was cancelled in the meantime."""
        return self.bodies_over((over,))

    def bodies_over(self, overs: Iterable[BodyOver]) -> list[Decision]:
        """Take the ends of bodies that ran elsewhere, in their order."""
        self._arrivals.extend(partial(self._machine.elsewhere.over, over) for over in overs)
        return self._drain()

    def body_done(
        self, number: int, value: Json, tallies: Mapping[str, Tally] = NOTHING, losses: tuple[Failure, ...] = ()
    ) -> list[Decision]:
        """Take the value of a body that ran elsewhere, with the tallies and losses inside of it."""
        return self.body_over(BodyOver(number, value, None, tallies, losses))

    def body_failed(
        self, number: int, failure: Failure, tallies: Mapping[str, Tally] = NOTHING, losses: tuple[Failure, ...] = ()
    ) -> list[Decision]:
        """Take the failure of a body that ran elsewhere, with the tallies and losses inside of it."""
        return self.body_over(BodyOver(number, None, failure, tallies, losses))

    def bodies_here(self, numbers: Iterable[int]) -> list[Decision]:
        """Run bodies here after all, for example because the journal has their answers or no place is left.

        They begin together, so that their samples may share requests.
        """
        self._arrivals.extend(partial(self._bring_back, number) for number in numbers)
        return self._drain()

    def count_here(self) -> int:
        """Count the bodies that run here after all, and have not ended."""
        return self._machine.elsewhere.count_back()

    def abandoned(self) -> Outcome:
        """Return the outcome of a stopped run. It has no value, but it has the values of the finished steps."""
        self._machine.stopped(self._root)
        return self._outcome(None, complete=False)

    @property
    def values(self) -> dict[str, Json]:
        """The values of the flow's parameters and of its finished steps."""
        return {**self._root.given, **_named(self._root.values)}

    def failure(self, step: str) -> Failure | None:
        """Return the failure of a step of the flow itself; None if it has not failed."""
        return self._root.failure(step)

    def _open(self) -> None:
        machine, plan, root = self._machine, self.plan, self._root
        try:
            given = Defaults(machine.context).filled(plan.flow, plan.params, root.given)
            kinds = {param.name: param.type for param in plan.params if types.holds_model(param.type)}
            root.given = given | {name: given_models(given[name], type_) for name, type_ in kinds.items()}
            seen = {param.name: param.type for param in plan.params if types.holds_image(param.type)}
            root.given |= {name: given_images(given[name], type_) for name, type_ in seen.items()}
        except FlowrunError as error:
            machine.failures.append(Failure(plan.flow, str(error), error))
        else:
            machine.open(root)

    def _ended(self) -> bool:
        reads = self._machine.reads
        if not self._root.left and not self._ending:
            self._ending = True
            reads.attempt(self._root, self._finish)
        elif reads.beginning:
            self._begun()
        else:
            return False
        return True

    def _given_out(self) -> list[Decision]:
        """Take the decisions that may be seen. Before the run has begun, a pause gives out only results."""
        decisions, reads = self._machine.decisions, self._machine.reads
        if not (reads.beginning and self.paused):
            return super()._given_out()
        out: list[Decision] = [one for one in decisions if isinstance(one, HandOn)]
        decisions[:] = [one for one in decisions if not isinstance(one, HandOn)]
        return out

    def _begun(self) -> None:
        """End the start of the run, when everything that needs no answer is done."""
        if self._machine.failures and not self._ending:
            # A failure at the start, such as a row of the wrong type, costs nothing: no call is sent.
            self._machine.decisions.clear()
            self._root.left = 0
        self._machine.reads.beginning = False

    def _bring_back(self, number: int) -> None:
        frame = self._machine.elsewhere.back(number)
        if frame is not None:
            self._machine.open(frame)

    def _hand_on(self, value: Json) -> None:
        self._machine.decisions.append(HandOn(value))

    def _finish(self) -> None:
        failures = self._machine.failures
        value, complete = None, False
        try:
            value = evaluate(self.plan.result, Scope(self._machine.context, self._root))
            complete = True
        except FlowrunError as error:
            if not failures:
                failures.append(Failure(self.plan.flow, str(error), error))
        self._root.end()
        self._machine.decisions.append(Finish(self._outcome(value, complete)))

    def _outcome(self, value: Json, complete: bool) -> Outcome:
        return Outcome(
            value,
            complete,
            tuple(self._machine.failures),
            tuple(self._machine.losses),
            self._machine.tallies,
            steps={} if complete else _named(self._root.values),
            cascades=self._machine.cascades,
        )


def _named(values: Mapping[str, Json]) -> dict[str, Json]:
    """Return the values of the steps to which the author gave a name."""
    return {name: value for name, value in values.items() if not name.startswith("#")}
