"""The tokens of the reasoning count as tokens of the answer, and `max_tokens` bounds both together. Here the
reasoning may take all of them. The answer is then cut off or empty, and it is paid. Allow more tokens, or fewer for
the reasoning.

```flow bad
model deep = "openai:qwen3"

flow judge(claim: text) {
  verdict = ask deep "Is this true? {{ claim }}" -> yes | no with reasoning: tokens(2000), max_tokens: 2000
  return verdict
}
```

```flow good
model deep = "openai:qwen3"

flow judge(claim: text) {
  verdict = ask deep "Is this true? {{ claim }}" -> yes | no with reasoning: tokens(2000), max_tokens: 2500
  return verdict
}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Label
from .lint import Lint
from .settings import settings


def long_reasoning(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return list(_found(program, typed))


def _found(program: Program, typed: Typed) -> Iterator[Diagnostic]:
    for one in settings(program, typed, "reasoning", "max_tokens"):
        if one.value("reasoning") != "tokens":
            continue
        thought, whole = one.tokens("reasoning"), one.tokens("max_tokens")
        if thought is not None and whole is not None and thought >= whole:
            yield Diagnostic(
                "F0761",
                f"the reasoning may take all of the {whole:,} tokens",
                one.options["reasoning"].value.span,
                labels=(Label(one.options["max_tokens"].span, "this bounds the reasoning and the answer together"),),
                note="the answer is then cut off or empty, and it is paid",
                help=f"write `max_tokens` with more than {thought:,}",
            )


LINT = Lint("F0761", long_reasoning)
