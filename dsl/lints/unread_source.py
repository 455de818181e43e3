"""A model copies words only from a text that it sees. Here the prompt shows answers of other asks, and not the text
that they have read. So a quote that occurs in the text is luck: the ask is repeated until its `retries` are used up.
Show the text itself, or take the quote in the ask that reads it.

```flow bad
flow check(contract: document) {
  summary = ask "Summarise this contract {{ contract }}"
  risk = ask "Which risk does this summary name? {{ summary }}" -> { risk: text, words: quote of contract }
  return risk
}
```

```flow good
flow check(contract: document) {
  risk = ask "Which risk is in this contract? {{ contract }}" -> { risk: text, words: quote of contract }
  return risk
}
```
"""

from __future__ import annotations

from ..catalog import Catalog
from ..checking.program import Program
from ..checking.quotes import quoting, sight
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint


def unread_source(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        Diagnostic(
            "F0534",
            f"this prompt shows answers about `{source}`, and not its own words",
            one.place(source),
            note="a quote must occur in its source word for word, and a model copies only what it sees",
            help=f"put the text into the prompt, `{{{{ {source} }}}}`, or quote in the ask that reads it",
        )
        for one in quoting(program, typed)
        for source in one.sources
        if (symbol := one.scope.lookup(source.split(".")[0])) is not None
        and sight(program, typed, one, symbol) == "answers"
    ]


LINT = Lint("F0534", unread_source)
