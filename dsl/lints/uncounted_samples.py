"""A vote that chooses its number of samples counts them in their order and stops at its decision. With
`launch: together` all samples are sent and paid, but those behind the decision are not counted: the value, `agreement`
and `votes` are the same as with `launch: cost`. Repeat a fixed number to count all, or leave `launch` out. For speed
write `launch: latency`.

```flow bad
flow is_spam(mail: text) {
  verdict = repeat 3..9 {
    ask "Is this spam? {{ mail }}" -> YES | NO
  } reduce ahead(2) with launch: together
  return verdict
}
```

```flow good
flow is_spam(mail: text) {
  verdict = repeat 9 {
    ask "Is this spam? {{ mail }}" -> YES | NO
  } reduce majority with launch: together
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
from .parts import option, votes


def uncounted_samples(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    for step, node in votes(program, catalog):
        launch = option(step.line.options, "launch")
        chooses = isinstance(node, s.Repeat) and node.least.value != node.most.value
        if (
            launch is None
            or not chooses
            or not isinstance(launch.value, s.Name)
            or launch.value.word.text != "together"
        ):
            continue
        found.append(
            Diagnostic(
                "F0776",
                "this vote does not count the samples behind its decision, and pays for all",
                launch.span,
                note="a vote that chooses its number of samples counts them in order, until it is decided",
                help="write a fixed number, `repeat 9`, or `launch: latency`, or delete `launch`",
            )
        )
    return found


LINT = Lint("F0776", uncounted_samples, near=True)
