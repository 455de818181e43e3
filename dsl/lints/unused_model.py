"""A model is declared and nothing mentions it. An `ask` without a model uses the model of the command line. So another
model makes the calls that this model was meant for, at its own price. Write the model's name before the prompt, as in
`ask fast "…"`, or delete the declaration.

```flow bad
model fast = "openai:gpt-4o-mini"

flow reply(email: text) {
  answer = ask "Reply to this: {{ email }}"
  return answer
}
```

```flow good
model fast = "openai:gpt-4o-mini"

flow reply(email: text) {
  answer = ask fast "Reply to this: {{ email }}"
  return answer
}
```
"""

from __future__ import annotations

from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint
from .parts import mentions


def unused_model(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    # Only unused models are reported: an unused type may be there for the files that import this one.
    used = {one.name for flow in program.flows for one in mentions(flow) if one.symbol and one.symbol.kind == "model"}
    return [
        Diagnostic(
            "F0712",
            f"no call names the model `{model.name.text}`",
            model.name.span,
            note="an `ask` without a model goes to the model of the command line, at the price of that model",
            help=f'write `ask {model.name.text} "…"` in the step that should use the model, or delete the line',
        )
        for model in program.file.models
        if model.name.text not in used
    ]


LINT = Lint("F0712", unused_model)
