"""A vote counts equal answers. A model hardly ever says the same thing twice in the same words, so each answer
gets one vote and the first of them wins. Give the answer a type, and the votes can meet: `-> YES | NO`. If the answer
has to be a text, let an ask tell which answers say the same:
`reduce majority(same: ask "…{{ a }}…{{ b }}" -> yes | no)`. One call can also read all answers and pick one:
`reduce consistent(judge: ask "…{{ results }}…")`. To combine texts, let one more call do it:
`reduce ask "…{{ results }}…"`.

```flow bad
flow mood(review: text) {
  verdict = repeat 3 {
    ask "Is this review positive or negative? {{ review }}"
  } reduce majority
  return verdict
}
```

```flow good
flow mood(review: text) {
  verdict = repeat 3 {
    ask "Is this review positive or negative? {{ review }}" -> positive | negative
  } reduce majority
  return verdict
}
```
"""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog
from ..checking.program import Program
from ..checking.reducer_arguments import is_same
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint
from .parts import votes

_EXAMPLE = 'same: ask "Do these say the same? {{ a }} {{ b }}" -> yes | no'


def free_text_vote(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        Diagnostic(
            "F0704",
            "this vote counts free texts, and two free texts are almost never equal",
            value.line.span,
            note="each answer then has a single vote, and only the first answer is used",
            help="give the answer a type, `-> YES | NO`, or let an ask tell which answers say the same, "
            f"`reduce {node.reduce.rule.text}({_EXAMPLE})`",
        )
        for step, node in votes(program, catalog)
        if not any(map(is_same, node.reduce.args))
        for value in (step.steps if isinstance(node, s.Fanout) else step.steps[-1:])
        if t.plain(t.unwrapped(typed.steps.get(value, t.UNKNOWN))) in (t.TEXT, t.DOCUMENT)
    ]


LINT = Lint("F0704", free_text_vote, near=True)
