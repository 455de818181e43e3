"""The lint for a divisor whose type is a range that includes 0: with 0 the step fails after all the calls before it."""

from __future__ import annotations

from ..catalog import Catalog
from ..checking.calculations import calculations
from ..checking.intervals import Intervals
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic


def zero_division(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    intervals = Intervals(typed.folding, typed.type_of)
    found = []
    for one in calculations(program, typed.folding):
        divisor = one.expr.right
        if one.expr.operator != "/" or typed.folding.number(divisor, one.scope) is not None:
            continue
        bounds = intervals.of(divisor, one.scope, one.facts)
        if bounds is not None and bounds.holds_zero:
            found.append(
                Diagnostic(
                    "F0728",
                    f"this division may be by zero: `{divisor.span.text}` is from {bounds.low:g} to {bounds.high:g}",
                    divisor.span,
                    note="if the value is 0 the step fails, and the earlier calls are paid for",
                    help=f"give the value a range without 0, or divide only if it is not 0: "
                    f"`when {divisor.span.text} != 0`",
                )
            )
    return found
