"""A text of `stop` ends the answer wherever the model writes it. An answer of a type is JSON, or one word of a
choice. If the text comes inside, the value is cut off and is not of its type. The call is repeated, and each time is
paid. Delete `stop`: an answer of a type ends where its value ends.

```flow bad
model small = "openai:qwen3"

flow read(scan: text) {
  found = ask small "Who wrote this? {{ scan }}" -> { name: text, city: text } with stop: ","
  return found
}
```

```flow good
model small = "openai:qwen3"

flow read(scan: text) {
  found = ask small "Who wrote this? {{ scan }}" -> { name: text, city: text }
  return found
}
```
"""

from __future__ import annotations

from .. import types as t
from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Label
from .lint import Lint
from .settings import settings


def stopped_value(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        Diagnostic(
            "F0762",
            "`stop` may cut off a value of this type",
            one.options["stop"].span,
            labels=(Label(one.ask.answer.span, "the answer ends where this ends"),),
            note="an answer that is cut off does not fit, and is asked for again",
            help="delete `stop`",
        )
        for one in settings(program, typed, "stop")
        if one.ask.answer is not None and typed.nodes.answers.get(one.ask.number, t.UNKNOWN) not in (t.UNKNOWN, t.TEXT)
    ]


LINT = Lint("F0762", stopped_value)
