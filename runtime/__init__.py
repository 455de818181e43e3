"""The runner: from a plan to events, an answer and a report.

The names in ``__all__`` are the public interface of the runner. docs/python.md describes each of them. The modules that
define them may change. Each name is loaded when it is first used, so that the command starts at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import replay
    from .api import RunError, resume, resume_async, run, run_async
    from .costs.written_budget import Budget
    from .engine.decisions import Failure
    from .files.urls import Url
    from .limits.retry import RetryPolicy
    from .providers import open_provider
    from .providers.protocol import Provider, Surroundings
    from .session.endpoints import OpenProvider
    from .session.hosts import Reach
    from .session.listeners import Listener
    from .session.loading import load, plan_of
    from .session.options import RunOptions
    from .session.result import Result
    from .session.run import Stop
    from .telemetry.listener import Telemetry
    from .vocabulary import events
    from .vocabulary.call import Answer, Message, Reply, Request
    from .vocabulary.errors import (
        AnswerError,
        BudgetError,
        CallError,
        DiskError,
        EndpointError,
        FlowrunError,
        InDoubtError,
        InputError,
        MalformedError,
        ModelError,
        PermanentError,
        PlanError,
        RefusedError,
        StoppedError,
        UsageError,
    )
    from .vocabulary.events import Event
    from .vocabulary.question import Question
    from .vocabulary.receipt import Receipt
    from .vocabulary.tally import Tally
    from .vocabulary.usage import Rate, Rates, TokenDetail, Usage

_HOMES = {
    "api": "RunError resume resume_async run run_async",
    "costs.written_budget": "Budget",
    "engine.decisions": "Failure",
    "files.urls": "Url",
    "limits.retry": "RetryPolicy",
    "providers": "open_provider",
    "providers.protocol": "Provider Surroundings",
    "session.endpoints": "OpenProvider",
    "session.hosts": "Reach",
    "session.loading": "load plan_of",
    "session.options": "RunOptions",
    "session.listeners": "Listener",
    "session.run": "Result Stop",
    "telemetry.listener": "Telemetry",
    "vocabulary.call": "Answer Message Reply Request",
    "vocabulary.errors": (
        "AnswerError BudgetError CallError DiskError EndpointError FlowrunError InDoubtError InputError MalformedError "
        "ModelError PermanentError PlanError RefusedError StoppedError UsageError"
    ),
    "vocabulary.events": "Event",
    "vocabulary.question": "Question",
    "vocabulary.receipt": "Receipt",
    "vocabulary.tally": "Tally",
    "vocabulary.usage": "Rate Rates TokenDetail Usage",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}
_MODULES = {"events": "vocabulary.events", "replay": "replay"}

__all__ = [
    "Answer",
    "AnswerError",
    "Budget",
    "BudgetError",
    "CallError",
    "DiskError",
    "EndpointError",
    "Event",
    "Failure",
    "FlowrunError",
    "InDoubtError",
    "InputError",
    "Listener",
    "MalformedError",
    "Message",
    "ModelError",
    "OpenProvider",
    "PermanentError",
    "PlanError",
    "Provider",
    "Question",
    "Rate",
    "Rates",
    "Reach",
    "Receipt",
    "RefusedError",
    "Reply",
    "Request",
    "Result",
    "RetryPolicy",
    "RunError",
    "RunOptions",
    "Stop",
    "StoppedError",
    "Surroundings",
    "Tally",
    "Telemetry",
    "TokenDetail",
    "Url",
    "Usage",
    "UsageError",
    "events",
    "load",
    "open_provider",
    "plan_of",
    "replay",
    "resume",
    "resume_async",
    "run",
    "run_async",
]


if not TYPE_CHECKING:
    # Type checkers read the imports above instead. So they report a misspelt name.

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return import_module(f".{_MODULES[name]}", __name__)
        if name in _HOME:
            value = getattr(import_module(f".{_HOME[name]}", __name__), name)
            globals()[name] = value
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
