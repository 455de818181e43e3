"""A batch API takes many requests at once and answers within 24 hours. It sends no answer piece by piece, and nobody
sends a line a second time because it is slow. So `hedge` and `stream` do nothing for a model with `batch: true`. Delete
the option, or ask the live API with `batch: false`.

```flow bad
model cheap = "openai:gpt-5.4-mini" with batch: true

flow sort(mails: [text]) {
  kinds = map mail in mails {
    ask cheap "Is this spam? {{ mail }}" -> yes | no with hedge: p95
  } reduce collect
  return kinds
}
```

```flow good
model cheap = "openai:gpt-5.4-mini" with batch: true

flow sort(mails: [text]) {
  kinds = map mail in mails {
    ask cheap "Is this spam? {{ mail }}" -> yes | no
  } reduce collect
  return kinds
}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program, Scope
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Label
from .lint import Lint
from .parts import option, walk

_IDLE = ("hedge", "stream")


def idle_batch_option(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    models = batch_models(program)
    found = [
        _finding(one, models[model.name.text])
        for model in program.file.models
        if model.name.text in models
        for one in _idle(model.options)
    ]
    for flow in program.flows:
        for step in walk(flow):
            batch = batch_of(step.line.node, step.line.options, step.scope, models)
            if batch is not None:
                found += [_finding(one, batch) for one in _idle(step.line.options)]
    return found


def batch_models(program: Program) -> dict[str, s.Option]:
    """Return the options `batch: true` of a file's models, by the name of the model."""
    found = {model.name.text: option(model.options, "batch") for model in program.file.models}
    return {name: one for name, one in found.items() if one is not None and _is_true(one.value)}


def _is_true(value: object) -> bool:
    return isinstance(value, s.Name) and value.word.text == "true"


def batch_of(node: object, options: tuple[s.Option, ...], scope: Scope, models: dict[str, s.Option]) -> s.Option | None:
    """Return the option `batch: true` of an ask or of its model. None if the ask goes to a live API."""
    own = option(options, "batch") if isinstance(node, s.Ask) else None
    if own is not None:
        return own if _is_true(own.value) else None
    if not isinstance(node, s.Ask) or not isinstance(node.model, s.Name):
        return None
    symbol = scope.lookup(node.model.word.text)
    return models.get(symbol.name) if symbol is not None and symbol.kind == "model" else None


def _idle(options: tuple[s.Option, ...]) -> Iterator[s.Option]:
    return (one for name in _IDLE if (one := option(options, name)) is not None and not _is_false(one.value))


def _is_false(value: object) -> bool:
    return isinstance(value, s.Name) and value.word.text == "false"


def _finding(one: s.Option, batch: s.Option) -> Diagnostic:
    name = one.name.text
    return Diagnostic(
        "F0773",
        f"`{name}` does nothing for a call to a batch API",
        one.name.span,
        labels=(Label(batch.name.span, "the model is asked through its batch API"),),
        note="a batch API sends no answer piece by piece, and no line is sent a second time because it is slow",
        help=f"delete `{name}`, or ask the live API with `batch: false`",
    )


LINT = Lint("F0773", idle_batch_option)
