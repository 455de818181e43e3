"""The calls of externs: their arguments, and the functions that take their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ..vocabulary.errors import FlowrunError
from ..vocabulary.json_value import Json
from .decisions import CancelExtern, Decision, Failure, LaunchExtern
from .frames import Enclosing, Frame
from .scopes import Context, Defaults


@dataclass(frozen=True, slots=True)
class _Pending:
    owner: Frame | Enclosing
    path: str
    on_value: Callable[[Json], None]
    on_failure: Callable[[Failure], None]


class ExternCalls:
    """The calls of externs of one run. They add their decisions to ``decisions``."""

    def __init__(self, context: Context, externs: Mapping[str, p.Extern], decisions: list[Decision]) -> None:
        self.externs = externs
        self.decisions = decisions
        self._defaults = Defaults(context)
        self._pending: dict[int, _Pending] = {}
        self._out: dict[Frame | Enclosing, set[int]] = {}
        self._count = 0

    @property
    def busy(self) -> bool:
        """True if an extern is under way."""
        return bool(self._pending)

    def launch(
        self,
        owner: Frame | Enclosing,
        extern: str,
        args: Mapping[str, Json],
        path: str,
        on_value: Callable[[Json], None],
        on_failure: Callable[[Failure], None],
    ) -> None:
        """Call an extern. Raises FlowrunError if the default value of a missing argument cannot be worked out."""
        given = self._defaults.filled(extern, self.externs[extern].params, args)
        self._count += 1
        self._pending[self._count] = _Pending(owner, path, on_value, on_failure)
        self._out.setdefault(owner, set()).add(self._count)
        self.decisions.append(LaunchExtern(self._count, path, extern, given))

    def returned(self, number: int, value: Json) -> None:
        """Take the value of a call. Ignore it if the call was cancelled in the meantime."""
        if pending := self._take(number):
            pending.on_value(value)

    def failed(self, number: int, error: FlowrunError) -> None:
        if pending := self._take(number):
            pending.on_failure(Failure(pending.path, str(error), error))

    def cancel(self, owner: Frame | Enclosing) -> None:
        for number in sorted(self._out.pop(owner, ())):
            del self._pending[number]
            self.decisions.append(CancelExtern(number))

    def _take(self, number: int) -> _Pending | None:
        pending = self._pending.pop(number, None)
        if pending is not None:
            out = self._out[pending.owner]
            out.discard(number)
            if not out:
                del self._out[pending.owner]
        return pending
