"""The options of asks against the APIs of their models, where the file declares the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .. import syntax as s
from ..catalog import LATER, Catalog
from ..diagnostics import Diagnostic, Label
from ..plain_data import Json
from .option_values import refused_object
from .program import Program, Scope
from .typed import Typed

_BESIDE = ("temperature", "max_tokens")
"""Options of every API that another option may exclude."""


def refused_by_models(program: Program, typed: Typed, catalog: Catalog) -> Iterator[Diagnostic]:
    """Report the options that the API of an ask's model does not take. The model's own are reported at the model."""
    sent = {name for name, spec in catalog.options.items() if spec.sent}
    models = {model.name.text: model for model in program.file.models}
    used: set[str] = set()
    each = [(*one, model) for one in asked(program) for model in _models(one[0].model, one[2], models)]
    for ask, options, scope, model in each:
        own = {one.name.text: one for one in options}
        given = {**{one.name.text: one for one in model.options}, **own}
        if given.keys().isdisjoint({*sent, *_BESIDE}) or (not own and model.name.text in used):
            continue
        used.add(model.name.text)
        values = {
            name: _value(option, typed, scope if name in own else program.scope)
            for name, option in given.items()
            if name in sent or name in _BESIDE
        }
        yield from _refused(ask, model, given, own, values, catalog)


def _models(expr: s.Expr | None, scope: Scope, models: Mapping[str, s.ModelDecl]) -> Iterator[s.ModelDecl]:
    """Yield the declared models that an expression names: itself, or as the element of a list of them."""
    symbol = scope.lookup(expr.word.text) if isinstance(expr, s.Name) else None
    if symbol is None:
        return
    if symbol.kind == "model" and symbol.name in models:
        yield models[symbol.name]
    elif symbol.kind == "element" and symbol.step is not None:
        source = s.source_of(symbol.step.line.node)
        if isinstance(source, s.ListExpr):
            for item in source.items:
                if isinstance(item, s.Name):
                    yield from _models(item, symbol.step.scope, models)


def asked(program: Program) -> Iterator[tuple[s.Ask, tuple[s.Option, ...], Scope]]:
    """Yield the asks of a file with their options: those of steps and those of reducers."""
    for flow in program.flows:
        todo = list(flow.steps)
        while todo:
            step = todo.pop()
            todo += step.steps
            node = step.line.node
            if isinstance(node, s.Ask):
                yield node, step.line.options, step.scope
            elif isinstance(node, (s.Fanout, s.Map, s.Repeat)):
                scope = step.reduce_scope or step.scope
                inside = [node.reduce.ask, *(arg.value for arg in node.reduce.args)]
                yield from ((one, node.reduce.options, scope) for one in inside if isinstance(one, s.Ask))


def _value(option: s.Option, typed: Typed, scope: Scope) -> Json:
    """Return the value of an option as plain JSON, `tokens(n)` as an object; LATER if only the run knows it."""
    value = option.value
    if isinstance(value, s.Call) and value.prefix is None and value.function.text == "tokens":
        known = typed.folding.number(value.args[0].value, scope) if value.args else None
        return {"tokens": LATER if known is None else known}
    if isinstance(value, s.Name) and value.number in typed.nodes.words:
        return value.word.text
    known = typed.folding.known(value, scope)
    return LATER if known is None else known


def _refused(
    ask: s.Ask,
    model: s.ModelDecl,
    given: dict[str, s.Option],
    own: dict[str, s.Option],
    values: dict[str, Json],
    catalog: Catalog,
) -> Iterator[Diagnostic]:
    for address in (model.address, model.fallback):
        found = catalog.refused(address.value, values) if address is not None else {}
        for name, why in found.items():
            if address is None:
                continue
            option = given[name]
            spec = catalog.options[name]
            if spec.reserved and any(refused_object(option.value, spec)):
                continue  # reported at the value
            label = Label(address.span, "the model") if name in own else Label(ask.span, "asked here")
            yield Diagnostic(
                "F0690",
                f"`{address.value}` does not take this `{name}`: {why}",
                option.span if name in own else option.name.span,
                labels=(label,) if name in own or len(given) != len(model.options) else (),
                help=f"delete `{name}`, or ask a model that takes it",
            )
