"""`confidence` says how sure a vote must be before it asks no more. A vote of a fixed number cannot stop early, so it
pays for all its samples. With `repeat 3..9` it asks three times, and then goes on to at most nine as long as it is less
sure than that. Write such a range, or leave the confidence out.

```flow bad
flow is_spam(email: text) {
  verdict = repeat 9 {
    ask "Is this spam? {{ email }}" -> YES | NO
  } reduce majority(confidence: 0.95)
  return verdict
}
```

```flow good
flow is_spam(email: text) {
  verdict = repeat 3..9 {
    ask "Is this spam? {{ email }}" -> YES | NO
  } reduce majority(confidence: 0.95)
  return verdict
}
```
"""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint
from .parts import argument, blocks, rule_of


def idle_confidence(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    for _, node in blocks(program):
        rule = rule_of(node, catalog)
        confidence = argument(node.reduce, "confidence")
        if rule is None or not rule.adaptive or confidence is None:
            continue
        repeat = isinstance(node, s.Repeat)
        if isinstance(node, s.Repeat) and node.least.value != node.most.value:
            continue
        found.append(
            Diagnostic(
                "F0717",
                "`confidence` has no effect on a fixed number of votes",
                confidence.span,
                note="`confidence` decides after how many votes to stop, and the number of these votes is fixed",
                help="write the least and the greatest number of votes, `repeat 3..9`, or delete `confidence`"
                if repeat
                else "delete `confidence`",
            )
        )
    return found


LINT = Lint("F0717", idle_confidence, near=True)
