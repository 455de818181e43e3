"""The options that asks take from their flow, and from ``model default``.

A copy of the tree gives them to the asks. So later passes meet no other options than those of asks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .. import syntax as s
from ..catalog import Catalog

_INHERITED = "retries"
"""The option that asks take from the innermost block around them, before they take it from their flow."""


def with_defaults(file: s.File, catalog: Catalog) -> s.File:
    """Return a file whose asks have the options of their flow, and of ``model default`` if they name no model.

    The planner adds the `retries` of ``model default``: those of a block or of a call win over them. It also leaves out
    the options that people do not take, because only the names in scope tell who answers.
    """
    unnamed = tuple(one for decl in file.defaults[:1] for one in _of_asks(decl.options, catalog))
    unnamed = tuple(one for one in unnamed if one.name.text != _INHERITED)
    if not unnamed and not any(flow.options for flow in file.flows):
        return file
    items: list[s.Declaration] = []
    for item in file.items:
        if isinstance(item, s.FlowDecl):
            giver = _Giver(_of_asks(item.options, catalog), unnamed)
            items.append(replace(item, body=giver.body(item.body, inherits=False)))
        else:
            items.append(item)
    return replace(file, items=tuple(items))


def _of_asks(options: tuple[s.Option, ...], catalog: Catalog) -> tuple[s.Option, ...]:
    """Return the options that an ask can have, each once."""
    found = {one.name.text: one for one in reversed(options)}
    specs = catalog.options
    return tuple(one for name, one in reversed(found.items()) if name in specs and "ask" in specs[name].on)


class _Giver:
    """The giver of options to the asks of one flow."""

    def __init__(self, own: tuple[s.Option, ...], unnamed: tuple[s.Option, ...]) -> None:
        self.own, self.unnamed = own, unnamed

    def body(self, body: s.Body, *, inherits: bool) -> s.Body:
        return replace(body, lines=tuple(self.line(line, inherits=inherits) for line in body.lines))

    def line(self, line: s.Line, *, inherits: bool) -> s.Line:
        node = line.node
        if isinstance(node, s.Ask):
            return replace(line, options=self.options(line.options, (node,), inherits=inherits))
        inner, reduce = getattr(node, "body", None), getattr(node, "reduce", None)
        if not isinstance(inner, s.Body):
            return line
        inherits = inherits or any(one.name.text == _INHERITED for one in line.options)
        block: Any = node
        block = replace(block, body=self.body(inner, inherits=inherits))
        if isinstance(reduce, s.Reduce):
            block = replace(block, reduce=self.reduce(reduce, inherits=inherits))
        return replace(line, node=block)

    def reduce(self, reduce: s.Reduce, *, inherits: bool) -> s.Reduce:
        asks = [*([reduce.ask] if reduce.ask is not None else []), *(arg.value for arg in reduce.args)]
        found = tuple(ask for ask in asks if isinstance(ask, s.Ask))
        return replace(reduce, options=self.options(reduce.options, found, inherits=inherits)) if found else reduce

    def options(self, own: tuple[s.Option, ...], asks: tuple[s.Ask, ...], *, inherits: bool) -> tuple[s.Option, ...]:
        """Return the options of asks with those that they do not set."""
        found = {one.name.text: one for one in own}
        for one in self.own:
            if not (inherits and one.name.text == _INHERITED):
                found.setdefault(one.name.text, one)
        for one in self.unnamed if all(ask.model is None for ask in asks) else ():
            found.setdefault(one.name.text, one)
        return (*own, *(one for one in found.values() if one not in own))
