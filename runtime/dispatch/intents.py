"""The row of an intent: what is known of a request before it is sent."""

from __future__ import annotations

from collections.abc import Mapping

from ..engine.ceilings import size_of
from ..engine.decisions import Call
from ..vocabulary.json_value import Json
from ..vocabulary.waits import Cause
from .request_waits import with_budget


def intent_of(call: Call, key: str, of: int, at: int, waited: Mapping[Cause, int]) -> Json:
    """Return the body of the row. ``of`` is the number of calls in the request, ``at`` the run's time in ms."""
    request = call.request
    size = size_of(request)
    most = size if call.ceiling is None else call.ceiling.read
    body = {"model": call.model, "bytes": size, "max": request.max_tokens, "key": key, "of": of, "most": most, "at": at}
    if (each := call.ceiling) is not None and (each.tier or each.stores):
        body |= {"tier": each.tier, "stores": each.stores}
    if call.policy.batch:
        body["batch"] = True
    if call.withheld:
        waited = with_budget(waited, call.withheld)
    if waited:
        body["waited"] = waited
    return body
