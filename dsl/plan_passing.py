"""The condition of a search in a plan."""

from __future__ import annotations

from dataclasses import field

from .plan_expressions import Expr
from .records import dataclass


@dataclass(frozen=True, slots=True)
class Passing:
    """The condition of a search, which sees a result as `result`: an expression, or an extern with its arguments."""

    condition: Expr | None = None
    extern: str | None = None
    args: dict[str, Expr] = field(default_factory=dict)

    @property
    def exprs(self) -> tuple[Expr, ...]:
        """The expressions that are worked out for a result."""
        return (*self.args.values(),) if self.condition is None else (self.condition,)
