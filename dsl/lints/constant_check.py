"""This check holds for each answer that has its type, so no answer is ever asked for again. The type says the same, or
the condition compares with a number that no answer comes near. Delete the check, or compare with a value that some
answers miss.

```flow bad
flow post(story: text) {
  tweet = ask "Write a post about this story: {{ story }}" -> text(max: 140) check length(tweet) <= 280
  return tweet
}
```

```flow good
flow post(story: text) {
  tweet = ask "Write a post about this story: {{ story }}" -> text(max: 280) check length(tweet) >= 40
  return tweet
}
```
"""

from __future__ import annotations

from ..catalog import Catalog
from ..checking.checks import checks
from ..checking.origins import origins
from ..checking.program import Program
from ..checking.typed import Typed
from ..checking.verdicts import Verdicts
from ..diagnostics import Diagnostic
from .lint import Lint


def constant_check(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    verdicts = Verdicts(typed)
    return [
        Diagnostic(
            "F0754",
            "this check holds for every answer",
            check.condition.span,
            labels=origins(check.condition, scope, typed.folding),
            note="the type of the answer decides it, so no answer is asked for again",
            help="delete the check, or compare with a value that some answers miss",
        )
        for _, check, scope in checks(program)
        if verdicts.of(check.condition, scope) is True
    ]


LINT = Lint("F0754", constant_check)
