"""The person whom a run asks: a function of the caller, or a fake provider that stands for a person in tests."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..vocabulary.call import Message, Request
from ..vocabulary.errors import FlowrunError, PermanentError, mistake_in
from ..vocabulary.question import AskPerson, LeftOpenError, Question
from .option_readers import any_function

if TYPE_CHECKING:
    from ..providers.scripted import ScriptedProvider


def person_given(given: object, name: str) -> Callable[[Question], Any] | ScriptedProvider | None:
    """Return the value of the option that names a person. Raises UsageError."""
    if given is not None:
        from ..providers.scripted import ScriptedProvider

        if isinstance(given, ScriptedProvider):
            return given
    return any_function(given, name)


def asks_by(person: Callable[[Question], Any] | ScriptedProvider) -> AskPerson:
    """Make an AskPerson of a caller's function, which may be a coroutine function, or of a fake provider.

    Another function runs in a thread, because it may wait for a person. It returns the answer as a text or as JSON
    data. None leaves the question open.
    """
    from ..providers.scripted import ScriptedProvider

    if isinstance(person, ScriptedProvider):
        return _by_script(person)
    function = person

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


def either(one: AskPerson | None, other: AskPerson) -> AskPerson:
    """Ask at two places at once. The first answer counts, and the question is withdrawn at the other place."""
    if one is None:
        return other
    places = one, other

    async def put(question: Question) -> str:
        asked = [asyncio.ensure_future(ask(question)) for ask in places]
        try:
            await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            return next(task for task in asked if task.done()).result()
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    return put


def _by_script(provider: ScriptedProvider) -> AskPerson:
    async def put(question: Question) -> str:
        reply = await provider.complete(Request((Message("user", question.text),), choices=question.choices))
        return reply.answers[0].text

    return put
