"""The recording of cassettes: the calls that they lack, as a plan that asks the models.

A test is played until only answers are missing. Its open calls become a plan, which runs like any other flow, with its
budget, its journal and its limits. With their answers the test is played again, until nothing is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import field, replace
from pathlib import Path

from flowrun.dsl import CORRECTIONS, dataclass, test_plan, types
from flowrun.dsl import plan as p
from flowrun.runtime.engine.asks import PreparedAsk
from flowrun.runtime.replay.driver import ReplayedCall
from flowrun.runtime.vocabulary.call_record import CallRecord
from flowrun.runtime.vocabulary.errors import FlowrunError, InputError, UsageError
from flowrun.runtime.vocabulary.json_value import Json

from .cassette import Cassette, Chain, Line, key_of
from .discovery import Cassettes, Found
from .places import Places, Spot
from .player import Player, sample_of
from .recorded_calls import lines_of
from .runner import play
from .secrets import secret_in

_FLOW, _ASK = "recording", "answer"


class RecordedCassettes(Cassettes):
    """The cassettes that are recorded. With ``missing`` the answers that they have are kept."""

    def __init__(self, folder: Path, *, missing: bool) -> None:
        super().__init__(folder)
        self.missing = missing
        self.fresh: dict[str, Cassette] = {}

    def player(self, test: test_plan.Test) -> Player | None:
        name = test.cassette
        if name is None:
            return None
        if name not in self.fresh:
            known = super().read(name) if self.path(name).exists() else Cassette(test.flow)
            self._known[name] = known
            self.fresh[name] = known if self.missing else Cassette(known.flow)
        return Player(self.fresh[name], name, test.given.places.get(test_plan.CASSETTE), waits=True)

    def whole(self, name: str) -> Cassette:
        """Return what is to be written: the recorded lines, and the others that the file has.

        Another recording may have written them meanwhile.
        """
        fresh, known = self.fresh[name], self._known[name]
        if self.path(name).exists():
            with suppress(InputError):
                known = self.reread(name)
        chains = {line.chain for line in fresh.lines.values()}
        kept = [line for line in known.lines.values() if line.chain not in chains]
        return Cassette(fresh.flow, [*kept, *fresh.lines.values()])


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call whose answer a cassette lacks."""

    cassette: Cassette
    call: ReplayedCall
    spot: Spot
    ballot: bool

    @property
    def chain(self) -> Chain:
        return self.spot.path, sample_of(self.spot), key_of(self.call.request)


@dataclass(eq=False, slots=True)
class Question:
    """A question to a model, and the calls that wait for an answer to it: each gets an answer of its own.

    An answer to a ``ballot`` that does not fit is not corrected.
    """

    ask: PreparedAsk
    model: p.Expr | None
    ballot: bool
    calls: list[Wanted] = field(default_factory=list)


def wanted_of(found: Found) -> list[Wanted]:
    """Play a test as far as its cassette goes, and return the calls that wait for an answer.

    Raises UsageError if a prompt has what looks like a secret: it is not sent then.
    """
    setting = found.setting
    if setting is None or not isinstance(setting.other, Player):
        return []
    player = Player(setting.other.cassette, setting.other.name, waits=True)
    try:
        ran = play(found.test, replace(setting, other=player))
    except FlowrunError:
        # The run of the test tells its error.
        return []
    wanted = []
    for call in ran.waiting:
        ask = getattr(call.read, "__self__", None)
        assert isinstance(ask, PreparedAsk)
        spot = ran.places.spot(call.call.place or call.call.path, ask.plan)
        if spot.path not in player.lacking:
            continue
        if secret := secret_in([one.text for one in call.call.messages]):
            raise UsageError(
                f"the call `{spot.path}` has what looks like a secret ({secret}) in its prompt, and a cassette is not "
                "secret: nothing of it is sent. Take it out of the prompt, or answer this call by a `reply`"
            )
        wanted.append(Wanted(player.cassette, call, spot, ran.source.is_ballot(call.call)))
    return wanted


@dataclass(frozen=True, slots=True)
class Wave:
    """A plan that asks the questions that wait for an answer, with its inputs: the texts of prompts and of sources.

    ``prefix`` begins the names of its steps and inputs. No source of a quote has such a name.
    """

    plan: p.Plan
    inputs: dict[str, Json]
    questions: Sequence[Question]
    prefix: str

    @property
    def calls(self) -> int:
        return sum(len(one.calls) for one in self.questions)

    def keep(self, records: Sequence[CallRecord]) -> Iterator[str]:
        """Put the answers into the cassettes. Yield why calls have none, and which are not kept."""
        places = Places(self.plan)
        by_place = {record.place: record for record in records}
        for number, question in enumerate(self.questions):
            for sample, wanted in enumerate(question.calls):
                record = by_place.get(f"{self.prefix}{number}[{sample}].{_ASK}")
                lines = [] if record is None else [*lines_of(record, places, {})]
                # A model that failed before its fallback answered fails in the test too. A failure that no answer
                # follows is no answer: the next recording asks again.
                ends = [at for at, one in enumerate(lines, 1) if one.answer is not None]
                whole = bool(ends) and ends[-1] == len(lines)
                try:
                    for line in lines[: ends[-1]] if ends else ():
                        wanted.cassette.add(_moved(line, wanted))
                except UsageError as error:
                    yield str(error)
                if not whole:
                    reason = record.reason if record is not None else ""
                    yield f"`{wanted.spot.path}` has no answer: {reason or 'it was not sent'}"


def _moved(line: Line, wanted: Wanted) -> Line:
    """Return a line with the place of the call that wanted it."""
    path, sample, key = wanted.chain
    first = wanted.call.call.sample.again
    return replace(line, path=path, sample=sample, key=key, again=first + line.again)


def wave_of(plan: p.Plan, calls: Sequence[Wanted]) -> Wave:
    """Make the plan of the calls of tests. ``plan`` is that of the tested flow: it has the models."""
    questions: dict[object, Question] = {}
    seen: set[object] = set()
    for one in calls:
        call = one.call.call
        ask = one.call.read.__self__  # type: ignore[attr-defined]
        sources = tuple((name, tuple(texts)) for name, texts in ask.sources.items())
        same = (key_of(call.request), call.model, call.request.timeout, ask.answer, one.ballot, sources)
        if (id(one.cassette), one.chain, call.model) in seen:
            continue
        seen.add((id(one.cassette), one.chain, call.model))
        questions.setdefault(same, Question(ask, _model(plan, call.model), one.ballot)).calls.append(one)
    asked = list(questions.values())
    inputs: dict[str, Json] = {}
    prefix = "q"
    while any(source.startswith(prefix) for one in asked for source in one.ask.sources):
        prefix += "_"
    steps = [_step(f"{prefix}{number}", one, inputs) for number, one in enumerate(asked)]
    results = p.Items(tuple(p.Ref(step.name) for step in steps))
    params = tuple(
        p.Param(name, types.TEXT if isinstance(value, str) else types.JSON, None, True)
        for name, value in inputs.items()
    )
    made = p.Plan(
        _FLOW,
        plan.source,
        params,
        plan.models,
        tuple(steps),
        results,
        types.ListOf(types.JSON),
        endpoints=plan.endpoints,
    )
    return Wave(made, inputs, asked, prefix)


def _model(plan: p.Plan, address: str) -> p.Expr | None:
    declared = next((one for one in plan.models if one.address == address), None)
    if declared is not None:
        return p.Ref(declared.name)
    return p.Constant(address) if address else None


def _step(name: str, question: Question, inputs: dict[str, Json]) -> p.Step:
    """Make a repeat that asks a question once for each call. A call that fails leaves a none."""
    request = question.calls[0].call.call.request
    messages = []
    for number, message in enumerate(request.messages):
        text = f"{name}_{number}"
        inputs[text] = message.text
        messages.append(p.Message(message.role, "{{ " + text + " }}"))
    person = question.ask.plan.person
    options: dict[str, Json] = {
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "seed": request.seed,
        "timeout": request.timeout or None,
    }
    given: dict[str, p.Expr] = {key: p.Constant(value) for key, value in options.items() if value is not None}
    given |= {key: _option(key, value) for key, value in request.options.items()}
    given |= {key: value for key, value in question.ask.options.items() if key in ("retries", "hedge", "stream")}
    if question.ballot:
        given[CORRECTIONS] = p.Constant(0)
    sources = _sources(name, question.ask, inputs)
    needs = tuple(step.name for step in sources)
    answer, value = question.ask.answer, types.without_quotes(question.ask.answer)
    model = None if person else question.model
    ask = p.Step(_ASK, needs, p.Ask(model, tuple(messages), answer, person=person), value, given)
    times = len(question.calls)
    repeat = p.Repeat(times, times, p.Block((*sources, ask), _ASK), p.Reduce("collect"))
    return p.Step(name, (), repeat, types.ListOf(types.optional(value)), {"errors": p.Constant("none")})


def _option(name: str, value: Json) -> p.Expr:
    """Write a further option of a request as the plan has it."""
    if name == "reasoning" and isinstance(value, dict):
        return p.RuleOf("tokens", {"count": p.Constant(value["tokens"])})
    return p.Constant(value)


def _sources(name: str, ask: PreparedAsk, inputs: dict[str, Json]) -> list[p.Step]:
    """Make the steps with the sources of an ask's quotes. They have the names that its answer's type uses."""
    values: dict[str, Json] = {}
    for source, texts in ask.sources.items():
        *outer, last = source.split(".")
        place = values
        for record in outer:
            place = place.setdefault(record, {})
        place[last] = list(texts)
    for root, value in values.items():
        inputs[f"{name}_{root}"] = value
    return [p.Step(root, (), p.Value(p.Ref(f"{name}_{root}")), types.JSON) for root in values]


def must_have_cassettes(found: Sequence[Found]) -> None:
    """Raise InputError if no test has a cassette."""
    if not any(one.test.cassette for one in found):
        raise InputError(
            'no chosen test has a cassette to record: write a line such as `cassette "flow.cassette.jsonl"` in one'
        )
