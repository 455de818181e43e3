"""Each vote is a call and is paid for. Three to five mostly tell as much as twenty, since further votes seldom
change the winner. Where a few questions are hard and most are easy, `repeat 3..9` asks three times and goes
on only while the answers disagree.

```flow bad
flow is_spam(email: text) {
  verdict = repeat 21 {
    ask "Is this spam? {{ email }}" -> YES | NO
  } reduce majority
  return verdict
}
```

```flow good
flow is_spam(email: text) {
  verdict = repeat 3..9 {
    ask "Is this spam? {{ email }}" -> YES | NO
  } reduce majority
  return verdict
}
```
"""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program, Step
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint
from .parts import argument, votes

MANY = 9
VERY_MANY = 40
"""The number of votes at which the papers on adaptive voting stop. Few votes ever come to it."""


def _of_people(step: Step, typed: Typed) -> bool:
    """Tell whether people alone give the ballots. Their errors differ, and they cost no money."""
    return all(one.line.node.number in typed.nodes.people for one in step.steps)


def many_votes(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        Diagnostic(
            "F0708",
            f"this vote makes up to {node.most.digits} calls, and each call costs money",
            node.most.span,
            note=f"samples of the same {'model share its' if node.over is None else 'item share their'} errors: "
            "more samples agree more, but are seldom more correct",
            help=_help(node),
        )
        for step, node in votes(program, catalog)
        if not _of_people(step, typed)
        and isinstance(node, s.Repeat)
        # A vote with a risk stops when it is sure enough, and a close one needs that many.
        and argument(node.reduce, "risk") is None
        and node.most.value > max(MANY if node.least.value == node.most.value else VERY_MANY, _items(node))
    ]


def _items(node: s.Repeat) -> int:
    """Count the items of a panel whose list is written. One sample of each is no repetition."""
    return len(node.over.items) if isinstance(node.over, s.ListExpr) else 0


def _help(node: s.Repeat) -> str:
    if node.least.value != node.most.value:
        return "further samples seldom change the winner: `repeat 3..9` is mostly enough"
    return "3 to 5 samples are mostly enough; to add samples only while they disagree, write `repeat 3..9`"


LINT = Lint("F0708", many_votes, near=True)
