"""A model that reasons chooses its words by itself. Most of them refuse a temperature, and the others ignore it.
flowrun goes on without it where a server refuses it, so the answers are not those of this temperature. Delete the
temperature, or write `reasoning: none` where the model can do without.

```flow bad
model deep = "openai:qwen3" with temperature: 0.2

flow judge(claim: text) {
  verdict = ask deep "Is this true? {{ claim }}" -> yes | no with reasoning: high
  return verdict
}
```

```flow good
model deep = "openai:qwen3"

flow judge(claim: text) {
  verdict = ask deep "Is this true? {{ claim }}" -> yes | no with reasoning: high
  return verdict
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


def warm_reasoning(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        Diagnostic(
            "F0760",
            "a model that reasons takes no temperature, or ignores it",
            one.options["temperature"].span,
            labels=(Label(one.options["reasoning"].span, "it reasons"),),
            note="the call is refused, or its answers vary as they would without the temperature",
            help="delete the temperature, or write `reasoning: none`",
        )
        for one in settings(program, typed, "reasoning", "temperature")
        if one.reasons() and one.tokens("temperature") != 1
    ]


LINT = Lint("F0760", warm_reasoning)
