"""The type of this divisor is a range that includes 0, and if it is 0 the step fails. Give it a range without 0, or
write a condition: `when count > 0`.

```flow bad
flow average(report: text) {
  found = ask "How many faults, and their points in all? {{ report }}" -> { count: 0..99, points: 0..999 }
  mean = found.points / found.count
  return mean
}
```

```flow good
flow average(report: text) {
  found = ask "How many faults, and their points in all? {{ report }}" -> { count: 0..99, points: 0..999 }
  mean = found.points / found.count when found.count > 0
  return mean
}
```
"""

from __future__ import annotations

from ..catalog import Catalog
from ..checking.calculations import calculations
from ..checking.intervals import Intervals
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint


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


LINT = Lint("F0728", zero_division, near=True)
