"""A text with a name or a prompt in a file is declared, and nothing mentions it. Mostly a prompt was meant to write it.
Mention the text, as in `{{ persona }}`, use the prompt, as in `ask note(…)`, or delete the declaration. A file without
flows is there for other files, and gets no warning.

```flow bad
text persona = "You are a careful lawyer."

flow weigh(contract: text) {
  answer = ask "Is this fair? {{ contract }}"
  return answer
}
```

```flow good
text persona = "You are a careful lawyer."

flow weigh(contract: text) {
  answer = ask system "{{ persona }}" user "Is this fair? {{ contract }}"
  return answer
}
```
"""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from ..templates.read import template_pieces
from .lint import Lint
from .parts import asks, mentions, walk


def unused_text(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    if not program.flows:
        return []
    everywhere = [*program.outside, *(one for flow in program.flows for one in mentions(flow))]
    texts = {one.name for one in everywhere if one.symbol and one.symbol.kind == "text"}
    texts |= {name for one in program.file.texts for name in _written(one)}
    used = {ask.prompt.name.text for ask in _asks(program) if ask.prompt is not None and ask.prompt.prefix is None}
    unused = [
        *(
            ("text", one.name, f"`{{{{ {one.name.text} }}}}`")
            for one in program.file.texts
            if one.name.text not in texts
        ),
        *(
            ("prompt", one.name, f"`ask {one.name.text}(…)`")
            for one in program.file.prompts
            if one.name.text not in used
        ),
    ]
    return [
        Diagnostic(
            "F0756",
            f"nothing mentions the {what} `{name.text}`",
            name.span,
            note="it is in no prompt, so it changes no answer",
            help=f"write {form} where it is needed, or delete the line",
        )
        for what, name, form in unused
    ]


def _written(decl: s.TextDecl) -> set[str]:
    """Return the other texts that a text writes."""
    pieces = template_pieces(decl.string.value) or ()
    return {piece[0] for piece in pieces if not isinstance(piece, str)}


def _asks(program: Program) -> list[s.Ask]:
    found: list[s.Ask] = []
    for flow in program.flows:
        for step in walk(flow):
            node = step.line.node
            if isinstance(node, s.Ask):
                found.append(node)
            elif isinstance(node, (s.Fanout, s.Map, s.Repeat)):
                found += asks(node.reduce)
    return found


LINT = Lint("F0756", unused_text)
