"""An answer with a record contains the names of its fields. Here these names alone take more tokens than `max_tokens`
allows. So every answer is cut off and is not a record. The call is repeated, each time is paid, and in the end the step
fails. Leave `max_tokens` out, or allow a few hundred.

```flow bad
flow facts(email: text) {
  found = ask "Who wants what? {{ email }}" -> { who: text, what: text } with max_tokens: 1
  return found
}
```

```flow good
flow facts(email: text) {
  found = ask "Who wants what? {{ email }}" -> { who: text, what: text } with max_tokens: 300
  return found
}
```
"""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog
from ..checking.origins import origins
from ..checking.program import Program, Scope
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Label
from ..source import Span
from .lint import Lint
from .parts import asked_with, option


def few_tokens(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    models = {model.name.text: model for model in program.file.models}
    found = []
    for ask, options, scope in asked_with(program):
        limit = option(options, "max_tokens") or _of_model(ask, scope, models)
        least = _fewest(typed.nodes.answers.get(ask.number, t.UNKNOWN))
        given = typed.folding.number(limit.value, scope) if limit else None
        if limit and given is not None and given < least:
            labels = origins(limit.value, scope, typed.folding)
            found.append(_finding(limit.value.span, given, labels, ask, least))
    return found


def _of_model(ask: s.Ask, scope: Scope, models: dict[str, s.ModelDecl]) -> s.Option | None:
    symbol = scope.lookup(ask.model.word.text) if isinstance(ask.model, s.Name) else None
    return option(models[symbol.name].options, "max_tokens") if symbol and symbol.kind == "model" else None


def _fewest(type_: t.Type) -> int:
    """Return the least number of tokens that an answer can have. No token covers both a field's name and its quotes."""
    if isinstance(type_, t.Union):
        return min(map(_fewest, type_.members))
    if isinstance(type_, t.Record):
        needed = [field for field in type_.fields if not isinstance(field.type, t.Optional)]
        return sum(2 + (_fewest(field.type) if isinstance(field.type, t.Record) else 0) for field in needed)
    return 0


def _finding(place: Span, limit: float, labels: tuple[Label, ...], ask: s.Ask, least: int) -> Diagnostic:
    takes = Label(ask.answer.span, f"the names of its fields alone take {least} tokens or more") if ask.answer else None
    return Diagnostic(
        "F0714",
        f"an answer of this type does not fit into {limit:g} token{'s' if limit != 1 else ''}",
        place,
        labels=(takes, *labels) if takes else labels,
        note="the model is asked again after an answer that is cut off, and each answer costs money",
        help="delete `max_tokens`, or allow a few hundred tokens",
    )


LINT = Lint("F0714", few_tokens, near=True)
