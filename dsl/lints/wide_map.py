"""The `concurrency` of this map is greater than the number of requests that its models may have open together. An
element makes at most one call at a time for each place at a model. So the other open elements only wait, and the run
takes as long as with the smaller number. If the server takes more requests at once, raise `concurrency` on the model.
Otherwise delete it from the map. The warning needs a declared model with `concurrency`, or a provider that takes one
request at a time, such as local weights. A map that calls Python or a flow of another file is not looked at.

```flow bad
model fast = "openai:gpt-4o-mini" with concurrency: 16
flow label(mails: [text]) {
  labels = map mail in mails {
    ask fast "Is this spam? {{ mail }}" -> YES | NO
  } reduce collect with concurrency: 1000
  return labels
}
```

```flow good
model fast = "openai:gpt-4o-mini" with concurrency: 1000
flow label(mails: [text]) {
  labels = map mail in mails {
    ask fast "Is this spam? {{ mail }}" -> YES | NO
  } reduce collect
  return labels
}
```
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .. import syntax as s
from ..catalog import Catalog
from ..checking.origins import origins
from ..checking.program import Program, Scope, Step
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Label
from ..records import dataclass
from .lint import Lint
from .parts import asks, blocks, option, walk


def wide_map(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    wide = [
        (step, said.value)
        for step, node in blocks(program)
        if isinstance(node, s.Map) and (said := option(step.line.options, "concurrency"))
    ]
    if not wide:
        return []
    ceilings = _ceilings(program, typed, catalog)
    found = []
    for step, limit in wide:
        number = typed.folding.number(limit, step.scope)
        models = _Bodies(program, catalog).models(step.steps)
        places = None if models is None else _together(models, ceilings)
        most = typed.folding.elements(step)[1]
        if number is None or places is None or number <= places or (most is not None and most <= places):
            continue
        labels = (*_declared(models or (), ceilings), *origins(limit, step.scope, typed.folding))
        found.append(_finding(limit, number, places, labels))
    return found


@dataclass(frozen=True, slots=True)
class _Ceiling:
    """The most requests at once at the models of one provider. None if there is no fixed number."""

    places: int | None
    said: s.Option | None = None


def _ceilings(program: Program, typed: Typed, catalog: Catalog) -> dict[str, _Ceiling]:
    """Return the ceilings of the providers that the declared models name. Models of one provider share the greatest."""
    found: dict[str, _Ceiling] = {}
    for model in program.file.models:
        said = option(model.options, "concurrency")
        for provider in _providers(model):
            number = typed.folding.number(said.value, program.scope) if said else catalog.places(provider)
            here = _Ceiling(int(number) if number is not None else None, said)
            known = found.setdefault(provider, here)
            if known.places is not None and (here.places is None or here.places > known.places):
                found[provider] = here
    return found


def _providers(model: s.ModelDecl) -> list[str]:
    return [one.value.partition(":")[0] for one in (model.address, model.fallback) if one is not None]


def _together(models: Iterable[s.ModelDecl], ceilings: Mapping[str, _Ceiling]) -> int | None:
    places = [ceilings[one].places for one in {one for model in models for one in _providers(model)}]
    known = [one for one in places if one is not None]
    return sum(known) if known and len(known) == len(places) else None


def _declared(models: Iterable[s.ModelDecl], ceilings: Mapping[str, _Ceiling]) -> Iterator[Label]:
    said = {ceilings[one].said for model in models for one in _providers(model)}
    for one in sorted((one for one in said if one is not None), key=lambda one: one.value.span.start):
        yield Label(one.value.span, "the most requests at once")


class _Bodies:
    """The models that steps ask, together with the flows of the file that they call."""

    def __init__(self, program: Program, catalog: Catalog) -> None:
        self._models = {model.name.text: model for model in program.file.models}
        self._flows = {flow.decl.name.text: flow for flow in program.flows}
        self._free = catalog.functions
        self._seen: set[str] = set()

    def models(self, steps: Iterable[Step]) -> list[s.ModelDecl] | None:
        """Return the declared models of all asks in these steps. None if one of them may ask or do something else."""
        found: dict[str, s.ModelDecl] = {}
        todo = [one for step in steps for one in step.walk()]
        while todo:
            step = todo.pop()
            for ask, scope in _asks(step):
                symbol = scope.lookup(ask.model.word.text) if isinstance(ask.model, s.Name) else None
                if symbol is None or symbol.kind != "model":
                    return None
                found[symbol.name] = self._models[symbol.name]
            node = step.line.node
            if isinstance(node, s.Call) and not (node.prefix is None and node.function.text in self._free):
                flow = self._flows.get(node.function.text) if node.prefix is None else None
                if flow is None:
                    return None
                if node.function.text not in self._seen:
                    self._seen.add(node.function.text)
                    todo += walk(flow)
        return list(found.values())


def _asks(step: Step) -> Iterator[tuple[s.Ask, Scope]]:
    node = step.line.node
    if isinstance(node, s.Ask):
        yield node, step.scope
    elif isinstance(node, (s.Fanout, s.Map, s.Repeat)):
        for ask in asks(node.reduce):
            yield ask, step.reduce_scope or step.scope


def _finding(limit: s.Expr | s.Ask, number: float, places: int, labels: tuple[Label, ...]) -> Diagnostic:
    requests = f"{places:,} request" + ("s" if places != 1 else "")
    return Diagnostic(
        "F0730",
        f"this map opens {number:,.0f} elements at once, and its models take at most {requests} at once",
        limit.span,
        labels=labels,
        note="the other elements only wait, so the run is not faster than with the smaller number",
        help="raise `concurrency` on the model if its server takes more, or delete it from the map",
    )


LINT = Lint("F0730", wide_map)
