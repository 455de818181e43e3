"""The person whom a run asks: a function of the caller, or a provider of tests that stands for a person."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

from flowrun.dsl import plan as p

from ..providers import open_provider, opened_by
from ..providers.protocol import Surroundings
from ..vocabulary.call import Message, Request
from ..vocabulary.errors import FlowrunError, PermanentError, mistake_in
from ..vocabulary.question import PERSON, AskPerson, LeftOpenError, Question
from .endpoints import OpenProvider, asks_of


def asks_people(plan: p.Plan) -> bool:
    """Tell whether a person may be asked in a run of this plan."""
    return any(ask.person for step in plan.walk() for ask in asks_of(step))


def person_asked(
    plan: p.Plan, ask: AskPerson | None, opener: OpenProvider, environ: Mapping[str, str]
) -> AskPerson | None:
    """Return the function that puts the questions of a run to a person; None if they are left open.

    The ``opener`` of a test is asked for a person as for a model: its provider answers.
    """
    if ask is not None or opener is open_provider or not asks_people(plan):
        return ask
    provider = opened_by(opener, PERSON, PERSON, Surroundings(environ), "the `opener`")

    async def answered(question: Question) -> str:
        reply = await provider.complete(Request((Message("user", question.text),), choices=question.choices))
        return reply.answers[0].text

    return answered


def asks_by(function: Callable[[Question], Any]) -> AskPerson:
    """Make an AskPerson of a caller's function, which may be a coroutine function.

    Another function runs in a thread, because it may wait for a person. It returns the answer as a text or as JSON
    data. None leaves the question open.
    """

    async def put(question: Question) -> str:
        try:
            if inspect.iscoroutinefunction(function):
                found = await function(question)
            else:
                found = await asyncio.to_thread(function, question)
                found = await found if inspect.isawaitable(found) else found
            if found is None:
                raise LeftOpenError
            return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
        except FlowrunError:
            raise
        except Exception as mistake:  # noqa: BLE001 (the function is the caller's)
            raise PermanentError(f"`ask_person` failed ({mistake_in(mistake)})") from None

    return put
