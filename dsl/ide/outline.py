"""The outline of a file."""

from __future__ import annotations

from .. import syntax as s
from ..checking.program import Step
from ..source import Span
from .targets import Decl
from .values import NameKind, Outline
from .view import View
from .words import shown

_MOST = 60


def symbols(view: View) -> tuple[Outline, ...]:
    """Return the declarations of a file with their steps, as a tree."""
    if view.checked is None:
        return ()
    return tuple(found for item in view.checked.file.items if (found := _item(view, item)) is not None)


def _made(
    view: View, name: str, kind: NameKind, detail: str, whole: Span, own: Span, children: tuple[Outline, ...] = ()
) -> Outline | None:
    span, name_span = view.around(whole), view.around(own)
    if not name:
        return None
    if not span.start <= name_span.start <= name_span.end <= span.end:
        span = view.source.span(min(span.start, name_span.start), max(span.end, name_span.end))
    return Outline(name, kind, detail, span, name_span, children)


def _item(view: View, item: s.Declaration) -> Outline | None:
    match item:
        case s.FlowDecl():
            return _flow(view, item)
        case s.TestDecl():
            return _made(view, item.title.value, "test", item.flow.text, item.span, item.title.span)
        case s.SetupDecl():
            return _made(view, item.name.text, "setup", item.flow.text, item.span, item.name.span)
        case s.ImportDecl():
            return _made(view, item.path.value, "import", "", item.span, item.path.span)
        case s.DefaultsDecl():
            return _made(view, "default", "model", "", item.span, item.span)
        case s.ModelDecl():
            return _made(view, item.name.text, "model", item.address.value, item.span, item.name.span)
        case s.EndpointDecl():
            detail = item.addresses[0].value if item.addresses else ""
            return _made(view, item.name.text, "endpoint", detail, item.span, item.name.span)
    return _decl(view, item)


def _decl(view: View, item: Decl) -> Outline | None:
    name = item.name
    match item:
        case s.TypeDecl(_, written):
            fields = written.fields if isinstance(written, s.TypeRecord) else ()
            inner = [_made(view, one.name.text, "field", one.type.span.text, one.span, one.name.span) for one in fields]
            children = tuple(one for one in inner if one is not None)
            return _made(view, name.text, "type", "", item.span, name.span, children)
        case s.ExternDecl():
            return _made(view, name.text, "extern", item.target.value, item.span, name.span)
        case s.PromptDecl():
            return _made(view, name.text, "prompt", item.path.value, item.span, name.span)
    return _made(view, name.text, "text", "", item.span, name.span)


def _flow(view: View, decl: s.FlowDecl) -> Outline | None:
    assert view.checked is not None
    flow = next((one for one in view.checked.program.flows if one.decl is decl), None)
    steps = [] if flow is None else flow.steps
    params = [
        _made(view, one.name.text, "param", one.type.span.text[:_MOST], one.span, one.name.span) for one in decl.params
    ]
    inner = [*params, *(_step(view, step) for step in steps)]
    children = tuple(one for one in inner if one is not None)
    result = shown(view.checked.typed.nodes.results.get(decl.number), _MOST)
    return _made(view, decl.name.text, "flow", f"-> {result}" if result else "", decl.span, decl.name.span, children)


def _step(view: View, step: Step) -> Outline | None:
    assert view.checked is not None
    children = tuple(one for inner in step.steps if (one := _step(view, inner)) is not None)
    line = step.line
    kind: NameKind = "branch" if step.branch or (step.symbol is not None and step.symbol.kind == "branch") else "step"
    detail = shown(view.checked.typed.steps.get(step), _MOST)
    if isinstance(line.node, s.Map) and line.node.bare:
        children = ()
    name = line.name.text if line.name is not None else _word(step)
    own = line.name.span if line.name is not None else line.span
    return _made(view, name, kind, detail, line.span, own, children)


def _word(step: Step) -> str:
    """Return a name for a step without one: the word with which it begins."""
    match step.line.node:
        case s.Ask() | s.Map() | s.Repeat() | s.Fanout() | s.Chain() | s.Match() | s.Cascade():
            return type(step.line.node).__name__.lower()
        case s.Rounds():
            return "chain"
        case s.Call(function):
            return function.text
    return step.line.span.text.split("\n")[0][:_MOST] or "value"
