"""The dispatcher of a process that shares endpoints with others: they tell each other when one is closed."""

from __future__ import annotations

from typing import Any

from ..dispatch.dispatcher import Dispatcher
from ..dispatch.endpoint import Endpoint
from ..limits.leased import LeasedLimiter
from ..vocabulary.error_forms import error_json, error_of
from ..vocabulary.errors import CallError


class SharingDispatcher(Dispatcher):
    """The dispatcher of one holder of leases."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        for one in self.endpoints.values():
            if isinstance(one.limiter, LeasedLimiter):
                one.limiter.on_closed = self._closed_elsewhere

    def _close(self, endpoint: Endpoint, error: CallError) -> None:
        super()._close(endpoint, error)
        if isinstance(endpoint.limiter, LeasedLimiter):
            model = next(name for name, one in self.endpoints.items() if one is endpoint)
            endpoint.limiter.shut({"model": model, "error": error_json(error)})

    def _closed_elsewhere(self, told: Any) -> None:
        endpoint, error = self.endpoints.get(told["model"]), error_of(told["error"])
        if endpoint is not None and endpoint.closed is None and isinstance(error, CallError):
            super()._close(endpoint, error)
