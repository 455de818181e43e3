"""The scheduler of a process that shares the limits and the budget of a run with others."""

from __future__ import annotations

from ..dispatch.leases import Leases, share_closings
from ..dispatch.scheduler import Scheduler
from ..vocabulary.error_forms import error_json, error_of
from ..vocabulary.errors import CallError, PermanentError
from ..vocabulary.json_value import Json


class SharingScheduler(Scheduler):
    """The scheduler of one holder of leases."""

    def share(self, leases: Leases) -> None:
        """Let the leases tell when the budget has room, and which endpoints other processes have closed."""
        leases.granted = self.granted
        if leases.ledger is not None:
            leases.ledger.line = lambda: self.state.withheld.calls
        share_closings(leases, self._dispatcher, error_json, _call_error_of)

    def granted(self) -> None:
        """Send the calls for which the budget has room by now."""
        self.catch_up()
        self._act(self.state.granted())


def _call_error_of(form: Json) -> CallError:
    error = error_of(form)
    return error if isinstance(error, CallError) else PermanentError(str(error))
