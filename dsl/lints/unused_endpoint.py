"""An endpoint is declared and no model of the file names it, so nothing is sent there. Write a model of it, as in
`model big = "lab:llama-3"`, or delete the declaration.

```flow bad
endpoint lab = "http://gpu:8000/v1"
model big = "openai:llama-3"

flow reply(email: text) {
  answer = ask big "Reply to this: {{ email }}"
  return answer
}
```

```flow good
endpoint lab = "http://gpu:8000/v1"
model big = "lab:llama-3"

flow reply(email: text) {
  answer = ask big "Reply to this: {{ email }}"
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


def unused_endpoint(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    addresses = [one for model in program.file.models for one in (model.address, model.fallback) if one is not None]
    named = {one.value.partition(":")[0] for one in addresses}
    return [
        Diagnostic(
            "F0771",
            f"no model names the endpoint `{decl.name.text}`",
            decl.name.span,
            note="nothing is sent to it",
            help=f'write `model NAME = "{decl.name.text}:MODEL"`, or delete the line',
        )
        for decl in program.file.endpoints
        if decl.name.text not in named
    ]


LINT = Lint("F0771", unused_endpoint)
