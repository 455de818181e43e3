"""An even number of votes can end in a tie. Then the answer that was asked for first wins, for no deeper reason: all
votes are paid and settle nothing. Take an odd number, or say what a tie means. `reduce majority(ties: first)` keeps
that rule on purpose, and `reduce majority(ties: error)` stops the flow. A fan-out of two branches and a map over a list
of two models vote as well. A vote with `stands` may be even: in a tie it fails.

```flow bad
flow is_spam(email: text) {
  verdict = repeat 4 {
    ask "Is this spam? {{ email }}" -> YES | NO
  } reduce majority
  return verdict
}
```

```flow good
flow is_spam(email: text) {
  verdict = repeat 5 {
    ask "Is this spam? {{ email }}" -> YES | NO
  } reduce majority
  return verdict
}
```
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Flow, Program, Step
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from ..source import Span
from .lint import Lint
from .parts import Block, argument, votes, walk


def even_vote(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    settled = {step for flow in program.flows for step in _settled(flow)}
    for step, node in votes(program, catalog):
        # With other rules, an odd number is as likely to end in a tie, or there are no ties.
        if node.reduce.rule.text != "majority" or step in settled:
            continue
        counted = _count(step, node, typed)
        if counted is None or argument(node.reduce, "ties") or _stands(step, node, typed):
            continue
        count, span = counted
        if count > 0 and count % 2 == 0:
            found.append(
                Diagnostic(
                    "F0705",
                    f"{count} votes can end in a tie",
                    span,
                    note="in a tie the answer of the earliest sample wins, and this choice is arbitrary",
                    help="write an odd number, or choose a rule for ties: "
                    f"`reduce {node.reduce.rule.text}(ties: first)`",
                )
            )
    return found


def _settled(flow: Flow) -> Iterator[Step]:
    """Yield the votes of cascades whose ties the next stage settles."""
    for step in walk(flow):
        if isinstance(step.line.node, s.Cascade):
            from ..checking.cascade_types import ties_go_up  # few flows have cascades

            for before, stage in pairwise(step.steps):
                if stage.line.when is not None and ties_go_up(stage.line.when.condition):
                    yield before


def _stands(step: Step, node: Block, typed: Typed) -> bool:
    """Tell whether the vote must stand against a changed ballot. A tie does not."""
    wanted = argument(node.reduce, "stands")
    return wanted is not None and typed.folding.known(wanted.value, step.argument_scope or step.scope) != 0


def _count(step: Step, node: Block, typed: Typed) -> tuple[int | float, Span] | None:
    """Return the number of votes and the span that gives it. None if the file does not decide the number."""
    match node:
        case s.Repeat(least, most) if least.value == most.value:
            return most.value, most.span
        case s.Fanout(_, reduce):
            return len(step.steps), reduce.rule.span
        case s.Map(source=source):
            fewest, count = typed.folding.elements(step)
            return (count, source.span) if count is not None and fewest == count else None
    return None


LINT = Lint("F0705", even_vote, near=True)
