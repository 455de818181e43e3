"""Count the answers that a run would find in the journal and the calls that it would make, before anything is sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from pathlib import Path

from flowrun.dsl import Foreseen
from flowrun.dsl import plan as p

from ..dispatch.cache import Recall
from ..dispatch.endpoint import identities_of
from ..engine.decisions import Launch, Read
from ..engine.scopes import Context
from ..engine.state import State
from ..files.files import Files
from ..journal.reading import JournalReader
from ..journal.survey import read_answers
from ..limits.retry import RetryPolicy
from ..plans.models import declared_models
from ..plans.wanted_models import default_model
from ..providers import open_provider
from ..providers.declared_endpoints import endpoints_of
from ..providers.protocol import Surroundings
from ..reads.reading import reading
from ..values.functions import call_function
from ..vocabulary import events as e
from ..vocabulary.errors import FlowrunError
from ..vocabulary.json_value import Json
from .endpoints import open_endpoints

_WINDOW = 100_000
"""The most bodies of a map that are looked at; calls of further bodies are not counted."""
_TURN = 500
"""The most answers that are counted before their events are dropped."""
_AFTER_ALL = 2**62
"""The number of a run that has not begun: higher than that of any run in the journal."""


def foresee(
    plan: p.Plan, values: Mapping[str, Json], model: str, files: Files, environ: Mapping[str, str], journal: Path
) -> Foreseen | None:
    """Count the answers that a run with these inputs would take from the journal, and the calls that it would begin.

    Return None if the journal has no answers. ``model`` is for asks that name none. Nothing is written or sent, and no
    extern is called. Raises UsageError if a model cannot be opened, DiskError.
    """
    with JournalReader(journal, read_answers) as reader:
        if not reader.index.paid:
            return None
        declared = declared_models(plan)
        default = default_model(model, declared)
        named = endpoints_of(plan, environ)
        silent = Surroundings(environ, lambda line: None, endpoints=named)
        endpoints = open_endpoints(plan, values, declared, default, silent, open_provider, RetryPolicy())
        places = {address: one.provider.endpoint for address, one in endpoints.items()}
        recall = Recall(reader, _AFTER_ALL, places, models=identities_of(endpoints))
        context = Context(declared, default, call_function, known=recall.find)
        return _counted(State(plan, values, context, window=_WINDOW, turn=_TURN), files)


def _counted(state: State, files: Files) -> Foreseen:
    """Begin a run, and do its reads until it needs an answer. Count the answers and the calls."""
    read = reading(files)
    recalled = calls = questions = 0
    todo = deque(state.begin())
    while todo or state.paused:
        # The events of a turn are dropped, because a journal may have an answer for each of a million rows.
        recalled += sum(isinstance(event, e.AnswerRecalled) for event in state.events)
        state.events.clear()
        if not todo:
            todo.extend(state.go_on())
            continue
        decision = todo.popleft()
        if isinstance(decision, Read):
            value: Json
            try:
                value = read(decision.function, decision.args)
            except FlowrunError as error:
                value = error
            todo.extend(state.read(decision.number, value))
        elif isinstance(decision, Launch):
            person = decision.call.question is not None
            calls, questions = calls + (not person), questions + person
    recalled += sum(isinstance(event, e.AnswerRecalled) for event in state.events)
    return Foreseen(recalled, calls, questions)
