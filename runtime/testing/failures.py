"""The failures of calls that a test can script: ``error("429")``, ``error("timeout")`` and the like."""

from __future__ import annotations

from flowrun.runtime.vocabulary.errors import (
    AnswerError,
    CallError,
    EndpointError,
    InDoubtError,
    ModelError,
    PermanentError,
    RefusedError,
)

_REFUSED = frozenset({408, 409, 425, 429, 503, 529})
"""A status with which a server refuses a request for now (``providers/failures.py`` has the same)."""


def call_error(kind: str, model: str, timeout: float) -> CallError:
    """Make the failure of a call to a model. ``kind`` is a status of HTTP or a word of ``ERROR_KINDS``."""
    named = f"{model}: " if model else ""
    if kind.isdecimal():
        return _of_status(int(kind), f"{named}the server answered {kind}")
    match kind:
        case "timeout":
            return InDoubtError(f"{named}timeout: the server did not answer within {timeout:g} s")
        case "refused":
            return RefusedError(f"{named}the server refused the connection")
        case "network":
            return InDoubtError(f"{named}the network failed: the connection broke after the request was sent")
        case "auth":
            return EndpointError(f"{named}auth: the server does not accept the key", status=401)
        case "quota":
            return EndpointError(f"{named}the quota or credit of the account is used up", status=429)
        case "model":
            return ModelError(f"{named}the server does not have this model", status=404)
        case "empty":
            return AnswerError("the answer is empty")
        case "filtered":
            return AnswerError("the answer was filtered: the provider's filter held it back", final=True)
    return PermanentError(f"{named}{kind}")


def _of_status(status: int, said: str) -> CallError:
    if status in _REFUSED:
        return RefusedError(said, status=status)
    if status >= 500:
        return InDoubtError(said, status=status)
    if status == 401:
        return EndpointError(f"{said}: the server does not accept the key", status=status)
    if status == 402:
        return EndpointError(f"{said}: the quota or credit of the account is used up", status=status)
    if status == 404:
        return ModelError(f"{said}: the server does not have this model", status=status)
    return PermanentError(said, status=status)
