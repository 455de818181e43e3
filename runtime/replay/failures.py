"""The failures of a replayed run's calls, made from the rows of their attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowrun.dsl import ATTEMPTS

from ..engine.decisions import Call
from ..journal.attempts import RunRow
from ..journal.records import Kind
from ..vocabulary.errors import CallError, InDoubtError, PermanentError, RefusedError
from ..vocabulary.json_value import Json
from .cursor import CallId

_TRANSIENT = frozenset({408, 409, 425, 429})
"""The statuses below 500 after which the same request may succeed."""


class AttemptsMade:
    """The attempts at the calls: how many are under way, and how they failed.

    ``failing`` are calls whose last attempt failed, although they might have made another one. ``closed`` has the
    failure after which a model served no more calls.
    """

    def __init__(self) -> None:
        self._under_way: dict[CallId, int] = {}
        self._failures: dict[CallId, list[RunRow]] = {}
        self.failing: dict[CallId, CallError] = {}
        self.closed: dict[str, CallError] = {}
        self._unanswered: dict[str, CallError | None] = {}

    def send(self, name: CallId) -> bool:
        """Count an attempt as sent. Return True if another attempt at the call is under way."""
        before = self._under_way.get(name, 0)
        self._under_way[name] = before + 1
        self.failing.pop(name, None)
        return before > 0

    def end(self, name: CallId) -> int:
        """Count an attempt as ended. Return the number of attempts that are still under way."""
        left = self._under_way.get(name, 0) - 1
        if left > 0:
            self._under_way[name] = left
        else:
            self._under_way.pop(name, None)
        return left

    def fail(self, name: CallId, call: Call, row: RunRow, body: Mapping[str, Json]) -> tuple[CallError, bool]:
        """Add a failed attempt. Return the failure of its call, and True if the call surely made no attempt after it.

        A row with times is ``final`` if its attempt was the last. Older rows do not tell it, so this judges them by the
        status and the number of attempts. Their number alone proves nothing: a call that waits for a server which
        serves nobody makes more of them.
        """
        failures = self._failures.setdefault(name, [])
        failures.append(row)
        error, surely = _failure(call, body, failures)
        self._unanswered.pop(call.model, None)
        self._unanswered[call.model] = RefusedError(f"{body.get('said', '')} (not sent: this server did not answer)")
        return error, surely and "to" not in body

    def lost(self, name: CallId, body: Mapping[str, Json]) -> CallError:
        """Make the failure of a call that made no further attempt, from the row about it."""
        status = body.get("status")
        kind = _kind(self._failures.get(name, ()))
        return kind(str(body.get("said", "")), status=status if isinstance(status, int) else None)

    def answered(self, model: str) -> None:
        """Record that a model has answered after its failures."""
        self._unanswered[model] = None

    def outage(self, model: str) -> CallError | None:
        """Return the failure of calls that were never sent, if the model answered nobody in the end.

        A model without any attempt shares the fate of the last one that failed.
        """
        if model in self._unanswered:
            return self._unanswered[model]
        return next((error for error in reversed(self._unanswered.values()) if error is not None), None)


def _failure(call: Call, body: Mapping[str, Json], failures: Sequence[RunRow]) -> tuple[CallError, bool]:
    """Make the failure of a call from the rows of its attempts. Return it, and True if it surely ended the call.

    ``body`` is that of the last row. Rows of older journals do not have the sentence with which their call failed.
    """
    said, status = str(body.get("said", "")), body.get("status")
    code = status if isinstance(status, int) else None
    doubtful = failures[-1].kind == Kind.DOUBT
    if not doubtful and code is not None and 400 <= code < 500 and code not in _TRANSIENT:
        return PermanentError(said, status=code), True
    made = len(failures)
    why = str(body.get("failed") or f"{said} (gave up after {made} attempt{'s' * (made > 1)})")
    error = _kind(failures)(why, status=code)
    error.doubtful = doubtful
    retries = call.policy.retries
    return error, made >= (ATTEMPTS if retries is None else retries + 1)


def _kind(failures: Sequence[RunRow]) -> type[InDoubtError | RefusedError]:
    """Return the kind of a failure: in doubt, if any attempt at the call may have been paid."""
    return InDoubtError if any(one.kind == Kind.DOUBT for one in failures) else RefusedError
