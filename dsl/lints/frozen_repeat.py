"""At temperature 0 a model takes the likeliest word each time, so the same prompt gets the same answer. A repeat then
pays for the same answer several times, and the vote learns nothing. The `ask` may set the temperature, or the
declaration of the model that it names. Leave it out, or set a temperature above 0. At temperature 0 a repeat is useful
if its prompt mentions a value that differs from sample to sample, such as an idea that each sample has anew.

```flow bad
model judge = "openai:gpt-4o-mini" with temperature: 0

flow is_spam(email: text) {
  verdict = repeat 3 {
    ask judge "Is this spam? {{ email }}" -> YES | NO
  } reduce majority
  return verdict
}
```

```flow good
model judge = "openai:gpt-4o-mini" with temperature: 0

flow is_spam(email: text) {
  verdict = repeat 3 {
    ask judge "Is this spam? {{ email }}" -> YES | NO with temperature: 0.7
  } reduce majority
  return verdict
}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..catalog import Catalog
from ..checking.origins import origins
from ..checking.program import Program, Step
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Label
from .lint import Lint
from .parts import blocks, followers, option


def frozen_repeat(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    models = {model.name.text: model for model in program.file.models}
    return [
        found
        for step, node in blocks(program)
        if isinstance(node, s.Repeat) and node.most.value != 1
        for found in _frozen(step, models, typed, catalog)
    ]


def _frozen(repeat: Step, models: dict[str, s.ModelDecl], typed: Typed, catalog: Catalog) -> Iterator[Diagnostic]:
    inside = [step for inner in repeat.steps for step in inner.walk()]
    zeros = {step: zero for step in inside if (zero := _zero(step, models, typed))}
    if not zeros:
        return
    # If a value in the prompt differs from sample to sample, each sample gets an answer of its own.
    differs = [step for step in inside if step not in zeros and _may_differ(step, catalog)]
    varied = followers(repeat, [*differs, *_users(repeat, inside)])
    for step, zero in zeros.items():
        if step not in varied:
            yield _finding(step, zero, typed)


def _users(repeat: Step, inside: list[Step]) -> list[Step]:
    """Return the steps that mention the item of a panel. Each item has an answer of its own."""
    symbols = (mention.symbol for step in inside for mention in step.mentions if mention.symbol is not None)
    items = {symbol for symbol in symbols if symbol.kind == "element" and symbol.step is repeat}
    return [step for step in inside if any(mention.symbol in items for mention in step.mentions)] if items else []


def _may_differ(step: Step, catalog: Catalog) -> bool:
    """Tell whether a step may have another value in each sample, even if the values that it mentions do not change."""
    match step.line.node:
        case s.Ask():
            return True
        case s.Fanout() | s.Map() | s.Repeat() as node:
            return node.reduce.ask is not None
        case s.Call(function):
            return function.text not in catalog.functions
    return False


def _zero(step: Step, models: dict[str, s.ModelDecl], typed: Typed) -> s.Option | None:
    """Return the option that sets an ask's temperature to 0: its own or its model's. None if no option does."""
    ask = step.line.node
    if not isinstance(ask, s.Ask):
        return None
    found = option(step.line.options, "temperature")
    if found is None and isinstance(ask.model, s.Name):
        symbol = step.scope.lookup(ask.model.word.text)
        if symbol is not None and symbol.kind == "model" and symbol.name in models:
            found = option(models[symbol.name].options, "temperature")
    return found if found is not None and typed.folding.number(found.value, step.scope) == 0 else None


def _finding(step: Step, zero: s.Option, typed: Typed) -> Diagnostic:
    line = step.line
    own = zero in line.options
    model = line.node.model if isinstance(line.node, s.Ask) else None
    place = zero.value.span
    labels = origins(zero.value, step.scope, typed.folding)
    help = "delete the temperature, or set a temperature above 0"
    if not own and model is not None:
        place, labels = model.span, (Label(place, "its temperature is 0"),)
        help = "set another temperature for this `ask`, `with temperature: 0.7`"
    return Diagnostic(
        "F0707",
        "at temperature 0 all samples give the same answer",
        place,
        labels=labels,
        note="the flow pays for the same prompt again and again, and the answers say no more than a single answer",
        help=help,
    )


LINT = Lint("F0707", frozen_repeat, near=True)
