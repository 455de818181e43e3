"""The state machine of a place where bodies of a flow run, such as a worker process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, replace
from functools import partial

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ..costs.budget import Ledger
from ..vocabulary.json_value import Json
from .block_surroundings import Around, TokenCount
from .blocks.counted import CountedStep
from .body_terms import BodyScope, LaunchBody
from .decisions import BodyOver, Decision, Failure, Finish, Outcome
from .driven import Driven
from .frames import NO_STEPS, Frame, PreparedStep
from .prepare import Preparation
from .scopes import Context
from .streams import Feed, Key


@dataclass(eq=False, slots=True)
class Surrounding:
    """A block whose bodies run here, while the block itself runs elsewhere. ``open`` counts its bodies here."""

    step: CountedStep
    frame: Frame
    around: Around
    samples: int
    patient: bool
    items: int = 0
    open: int = 0


@dataclass(eq=False, slots=True)
class PlacedBody:
    """A body that runs here, in the place of its block. ``tokens`` counts those of a vote; None outside of votes."""

    bodies: Bodies
    launch: LaunchBody
    block: Surrounding
    around: Around
    tokens: TokenCount | None
    body: Frame = field(init=False)

    passes_on = False
    counts_rounds = False

    @property
    def step(self) -> PreparedStep:
        return self.block.step

    @property
    def frame(self) -> Frame:
        return self.block.frame

    @property
    def samples(self) -> int:
        return self.block.samples

    @property
    def items(self) -> int:
        return self.block.items

    @property
    def patient(self) -> bool:
        return self.block.patient

    @property
    def votes(self) -> bool:
        """True if the body is a sample of a vote."""
        return self.block.step.reduction.rule.spec.votes

    @property
    def longer(self) -> Feed | None:
        return None

    @property
    def to_come(self) -> int:
        return self.launch.coming

    def path_of(self, index: int) -> str:
        return self.launch.path

    def make_room(self) -> None:
        return

    def makes(self, name: str) -> bool:
        return self.block.step.layout.result == name

    def place_in(self, frame: Frame, name: str) -> int:
        return frame.index

    def key_of(self, place: int) -> Key:
        return place

    def step_done(self, frame: Frame, step: PreparedStep, value: Json) -> None:
        return

    def body_done(self, frame: Frame, value: Json) -> None:
        self.bodies.over(self, value, None)

    def body_failed(self, frame: Frame, failure: Failure) -> None:
        self.bodies.over(self, None, failure)

    def dropped(self, *, keep: bool) -> Iterable[Frame]:
        return ()


class Bodies(Driven):
    """The bodies of one plan that run in one place. Each of them ends with one decision ``BodyOver``.

    A map inside a body may have ``window`` bodies open at once if the flow sets no `concurrency`. Calls have numbers
    after ``first``, so that the events of several places never mix them up. ``budget`` is the place's part in the
    budget of the run; None makes one from the limits of the context.
    """

    def __init__(
        self,
        plan: p.Plan,
        context: Context,
        window: int = 256,
        *,
        turn: int | None = None,
        first: int = 0,
        budget: Ledger | None = None,
    ) -> None:
        super().__init__(context, plan.externs, turn)
        self.plan = plan
        self._prepared = Preparation(self._machine, plan, window)
        self._machine.counts.blocks = first
        self._machine.calls.count = first
        if budget is not None:
            self._machine.calls.budget = budget
        self._machine.reads.beginning = False
        self._steps: dict[tuple[str, str], CountedStep] = {}
        self._blocks: dict[int, Surrounding] = {}
        self._bodies: dict[int, PlacedBody] = {}

    @property
    def open_bodies(self) -> int:
        """The number of the bodies that have begun and have not ended."""
        return len(self._bodies)

    def announce(self) -> None:
        """Do nothing: the run begins elsewhere."""

    def begin(self) -> list[Decision]:
        return self._drain()

    def end(self) -> list[Decision]:
        """End the place. All its bodies are over or are forgotten."""
        return [*self._drain(), Finish(Outcome(None, True))]

    def abandoned(self) -> Outcome:
        """Return the outcome of a place that is stopped."""
        return Outcome(None, False)

    def open(self, launches: Iterable[LaunchBody]) -> list[Decision]:
        """Begin bodies. Those of one call begin together, so their requests can be put together."""
        for launch in launches:
            self._arrivals.append(partial(self._open, launch))
        return self._drain()

    def cancel(self, number: int, *, keep: bool = False) -> list[Decision]:
        """Cancel a body. With ``keep``, its requests under way may finish. Do nothing if it has ended."""
        return self._take(partial(self._cancel, number, keep))

    def over(self, body: PlacedBody, value: Json, failure: Failure | None, *, keep: bool = True) -> None:
        """End a body. Whatever still runs in it is cancelled."""
        launch, machine, tokens = body.launch, self._machine, body.tokens
        if self._bodies.pop(launch.number, None) is None:
            return
        machine.drop(body.body, keep=keep)
        body.block.open -= 1
        if not body.block.open:
            del self._blocks[launch.scope.number]
        counted, calls = ({}, 0) if tokens is None else (dict(tokens), tokens.calls)
        over = BodyOver(launch.number, value, failure, tokens=counted, calls=calls)
        if machine.tallies or machine.losses or machine.cascades:
            over = self._with_accounts(over, f"{launch.path}.")
        machine.decisions.append(over)

    def _with_accounts(self, over: BodyOver, inside: str) -> BodyOver:
        """Move the tallies, losses and cascades whose paths begin with ``inside`` to the end of their body."""
        machine = self._machine
        tallies = {path: tally for path, tally in machine.tallies.items() if path.startswith(inside)}
        for path in tallies:
            del machine.tallies[path]
        losses = [loss for loss in machine.losses if loss.path.startswith(inside)]
        if losses:
            machine.losses[:] = [loss for loss in machine.losses if not loss.path.startswith(inside)]
        cascades = {path: one for path, one in machine.cascades.items() if path.startswith(inside)}
        for path in cascades:
            del machine.cascades[path]
        return replace(over, tallies=tallies, losses=tuple(losses), cascades=cascades)

    def _open(self, launch: LaunchBody) -> None:
        if launch.number in self._bodies:
            return
        block = self._blocks.get(launch.scope.number)
        if block is None:
            block = self._blocks[launch.scope.number] = self._surrounding(launch.scope)
        block.open += 1
        tokens = TokenCount() if block.around.votes else None
        around = block.around if tokens is None else replace(block.around, votes=(tokens,))
        body = self._bodies[launch.number] = PlacedBody(self, launch, block, around, tokens)
        body.body = Frame(block.step.layout, block.frame, body, launch.index, dict(launch.given))
        self._machine.open(body.body)

    def _cancel(self, number: int, keep: bool) -> None:
        body = self._bodies.get(number)
        if body is not None:
            self.over(body, None, None, keep=keep)

    def _surrounding(self, scope: BodyScope) -> Surrounding:
        step = self._step(scope.flow, scope.step)
        frame = Frame(NO_STEPS, None, given=dict(scope.values), tallies=dict(scope.tallies))
        around = step.around(frame, scope.path, votes=step.reduction.rule.spec.votes)
        samples = step.node.most if isinstance(step.node, p.Repeat) else 0
        return Surrounding(step, frame, around, samples, scope.patient, scope.items)

    def _step(self, flow: str, name: str) -> CountedStep:
        step = self._steps.get((flow, name))
        if step is None:
            steps = self.plan.flows[flow].steps if flow else self.plan.steps
            prepared = self._prepared.step(next(one for one in steps if one.name == name))
            assert isinstance(prepared, CountedStep)
            step = self._steps[flow, name] = prepared
        return step
