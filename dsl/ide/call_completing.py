"""The proposals inside the brackets of a call: the names of arguments and their values."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..path_names import SAME
from .context import Context
from .proposals import LAST, NEAR, Proposals
from .scopes import fields_of, flow_at, known_chain
from .signatures import CallAt, call_at, declared_at, specs_of
from .values import Completion
from .view import View
from .words import shown


def in_call(view: View, context: Context, proposals: Proposals) -> Iterator[Completion]:
    """Yield the arguments of a call, or the values of one."""
    call = call_at(context.pieces)
    if call is None:
        yield from proposals.values()
        return
    if context.last in ("LPAR", "COMMA"):
        yield from _arguments(view, call, proposals)
    if context.last == "COLON":
        name = context.pieces[-2].text if len(context.pieces) > 1 else ""
        yield from _argument_values(view, call, name, proposals)
        yield from proposals.names()
        yield from proposals.functions()
        yield from proposals.constants()
    elif context.ended:
        yield from proposals.words(("and", "or", "in"), LAST)
    else:
        specs, _ = specs_of(view, call)
        if specs and call.number < len(specs) and not call.named:
            yield from _argument_values(view, call, specs[call.number].name, proposals)
        if context.last in ("COMPARE", "IN") and context.left and proposals.scope is not None:
            yield from proposals.choices(known_chain(view, proposals.scope, context.left).type)
        yield from proposals.values()


def _arguments(view: View, call: CallAt, proposals: Proposals) -> Iterator[Completion]:
    if (declared := declared_at(view, call)) is not None:
        home, decl = declared
        for param in decl.params:
            if param.name.text not in call.given:
                type_ = shown(home.typed.nodes.params.get(param.number), 80)
                said = "A parameter." if param.default is None else "A parameter with a default."
                yield proposals.one(f"{param.name.text}:", "param", type_, said, text=f"{param.name.text}: ", rank=NEAR)
        return
    specs, _ = specs_of(view, call)
    for one in specs or ():
        if one.name not in call.given:
            said = "A required argument." if one.required else "An argument."
            yield proposals.one(f"{one.name}:", "param", shown(one.type, 80), said, text=f"{one.name}: ", rank=NEAR)


def _argument_values(view: View, call: CallAt, name: str, proposals: Proposals) -> Iterator[Completion]:
    if (declared := declared_at(view, call)) is not None:
        home, decl = declared
        param = next((one for one in decl.params if one.name.text == name), None)
        if param is not None:
            yield from proposals.choices(home.typed.nodes.params.get(param.number))
        return
    spec = next((one for one in specs_of(view, call)[0] or () if one.name == name), None)
    if spec is None:
        return
    for rule, params in spec.rules.items():
        text = f"{rule}(${{1:1}})$0" if any(one.required for one in params) else rule
        yield proposals.one(rule, "choice", "", "A rule.", text=text, snippet=text != rule, rank=NEAR)
    yield from proposals.choices(spec.type)
    if spec.asks is not None:
        yield from proposals.words(("ask",), NEAR)
    if name == SAME and proposals.home is not None:
        for extern in proposals.home.file.externs:
            if len(extern.params) == 2:
                said = "A Python function that compares two answers."
                yield proposals.one(extern.name.text, "extern", "", said, rank=NEAR)
    if spec.takes_type:
        yield from proposals.types()
    if spec.takes_field:
        yield from _fields_of_results(view, call, proposals)


def _fields_of_results(view: View, call: CallAt, proposals: Proposals) -> Iterator[Completion]:
    """Yield the fields of the results that a reducer gets."""
    flow = flow_at(view, call.start)
    home = proposals.home
    back = view.back(call.start)
    if flow is None or home is None:
        return
    found = [
        step
        for step in flow.walk()
        if isinstance(step.line.node, s.Map | s.Repeat | s.Fanout)
        and step.line.node.body.span.end <= back
        and step.line.span.end + 1 >= back
    ]
    if found:
        yield from proposals.fields(fields_of(home.body(found[-1]).type))
