"""The calls of flows and externs behind `return`. Such a call is a step of its own, as on a line with a name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from .. import syntax as s


def with_returned_calls(file: s.File, functions: Collection[str]) -> s.File:
    """Return the file with a step for each returned call. A call of a built-in function stays an expression."""
    if not any(_calls(one, functions) for flow in file.flows for one in flow.returns):
        return file
    items = tuple(_flow(item, functions) if isinstance(item, s.FlowDecl) else item for item in file.items)
    return replace(file, items=items)


def _flow(flow: s.FlowDecl, functions: Collection[str]) -> s.FlowDecl:
    first, *more = flow.returns or (None,)
    if first is None or not _calls(first, functions):
        return flow
    assert first.step is not None and first.name is not None
    lines = tuple(sorted([*flow.body.lines, first.step], key=lambda line: line.span.start))
    returned = replace(first, value=first.name)
    return replace(flow, body=replace(flow.body, lines=lines), returns=(returned, *more))


def _calls(returned: s.Return, functions: Collection[str]) -> bool:
    call = returned.value
    return isinstance(call, s.Call) and (call.prefix is not None or call.function.text not in functions)
