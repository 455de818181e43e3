"""Every caller of the flow must give this parameter, but nothing in the flow mentions it. The calls are made and paid
without it. Mostly a prompt should mention it and does not. A name in a prompt counts as a mention only between two
braces, `{{ tone }}`. Mention the parameter, or delete it.

```flow bad
flow reply(email: text, tone: text) {
  answer = ask "Write a friendly reply: {{ email }}"
  return answer
}
```

```flow good
flow reply(email: text, tone: text) {
  answer = ask "Write a {{ tone }} reply: {{ email }}"
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


def unused_parameter(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    for flow in program.flows:
        used = {mention.symbol.param.number for mention in mentions(flow) if mention.symbol and mention.symbol.param}
        for param in flow.decl.params:
            if param.number not in used:
                name = param.name.text
                found.append(
                    Diagnostic(
                        "F0711",
                        f"this flow never mentions its parameter `{name}`",
                        param.name.span,
                        note="the value of this parameter has no effect",
                        help=f"insert it in a prompt, `{{{{ {name} }}}}`, or delete the parameter",
                    )
                )
    used = {mention.symbol.param.number for mention in program.outside if mention.symbol and mention.symbol.param}
    for prompt in program.prompts:
        for param in prompt.decl.params:
            if param.number not in used:
                name = param.name.text
                message = f"the file of this prompt never mentions the parameter `{name}`"
                help = f"insert it there, `{{{{ {name} }}}}`, or delete the parameter"
                found.append(Diagnostic("F0711", message, param.name.span, help=help))
    return found


LINT = Lint("F0711", unused_parameter)
