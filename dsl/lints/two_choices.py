"""`temperature` and `top_p` both decide how freely a model chooses its words. Providers advise to set one of them, and
some models refuse both together. Delete one of the two.

```flow bad
model small = "openai:qwen3" with temperature: 0.2

flow name(thing: text) {
  names = ask small "A name for {{ thing }}" with top_p: 0.5
  return names
}
```

```flow good
model small = "openai:qwen3"

flow name(thing: text) {
  names = ask small "A name for {{ thing }}" with top_p: 0.5
  return names
}
```
"""

from __future__ import annotations

from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Label
from .lint import Lint
from .settings import settings


def two_choices(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        Diagnostic(
            "F0763",
            "`top_p` and `temperature` both decide how freely the model chooses its words",
            one.options["top_p"].span,
            labels=(Label(one.options["temperature"].span, "the other of the two"),),
            note="makers of models advise to change one of the two, and some models refuse both",
            help="delete one of the two",
        )
        for one in settings(program, typed, "top_p", "temperature")
        if one.tokens("top_p") != 1
    ]


LINT = Lint("F0763", two_choices)
