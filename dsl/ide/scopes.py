"""The names that are known at a place of a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .. import syntax as s
from .. import types as t
from ..checking.cascade_names import is_stage
from ..checking.program import Flow, Scope, Step
from ..checking.reducer_arguments import condition_of
from ..source import Span
from ..tag_facts import told_apart
from .known_values import Known
from .view import View


def scope_at(view: View, at: int) -> Scope | None:
    """Return the innermost scope at an offset of the text. None if no text could be read yet."""
    if view.checked is None:
        return None
    program, back = view.checked.program, view.back(at)
    for flow in program.flows:
        if _in(flow.decl.span, back):
            return _of_flow(flow, back)
    return program.scope


def flow_at(view: View, at: int) -> Flow | None:
    """Return the flow at an offset."""
    if view.checked is None:
        return None
    back = view.back(at)
    return next((flow for flow in view.checked.program.flows if _in(flow.decl.span, back)), None)


def script_at(view: View, at: int) -> s.TestDecl | s.SetupDecl | None:
    """Return the test or setup at an offset."""
    if view.checked is None:
        return None
    back = view.back(at)
    return next((one for one in view.checked.file.scripts if _in(one.span, back)), None)


def _in(span: Span, at: int) -> bool:
    return span.start <= at <= span.end


def _near(span: Span, at: int) -> bool:
    """Tell whether an offset is in a span, or only blanks are between them: there a part of it is missing."""
    return span.start <= at and not span.source.text[span.end : at].strip()


def stage_at(view: View, at: int) -> Step | None:
    """Return the stage of a cascade at an offset."""
    flow, back = flow_at(view, at), view.back(at)
    steps = () if flow is None else [step for step in flow.walk() if is_stage(step) and _near(step.line.span, back)]
    return steps[-1] if steps else None


def _of_flow(flow: Flow, at: int) -> Scope:
    scope = flow.scope
    steps: Sequence[Step] = flow.steps
    while True:
        step = next((one for one in reversed(steps) if (_near if is_stage(one) else _in)(one.line.span, at)), None)
        if step is None:
            return scope
        inner = _inside(step, at)
        if inner is None:
            return _of_clause(step, at)
        scope, steps = inner, step.steps


def _inside(step: Step, at: int) -> Scope | None:
    """Return the scope of a block's body, if the offset is in it."""
    node = step.line.node
    if not isinstance(node, s.Fanout | s.Map | s.Repeat | s.Chain | s.Rounds | s.Match | s.Cascade):
        return None
    if not _in(node.body.span, at) or (isinstance(node, s.Map) and node.bare):
        return None
    # The scope of the steps knows what holds in the body.
    return step.steps[0].scope if step.steps and not step.steps[0].branch else step.inner or step.scope


def _of_clause(step: Step, at: int) -> Scope:
    node = step.line.node
    if isinstance(node, s.Fanout | s.Map | s.Repeat) and at >= node.reduce.span.start:
        reduce = node.reduce
        judge = condition_of(reduce)
        asks = [reduce.ask, *(one.value for one in reduce.args if isinstance(one.value, s.Ask))]
        judged = judge is not None and _near(judge.value.span, at)
        if judged or any(ask is not None and _in(ask.span, at) for ask in asks) or _in_check(reduce.ask, at):
            return _checked(step, reduce.ask, at) or step.reduce_scope or step.scope
        return (step.argument_scope if at <= reduce.span.end else None) or step.scope
    if isinstance(node, s.Map) and at >= node.source.span.end and step.inner is not None:
        return step.inner
    if isinstance(node, s.Rounds) and at >= node.body.span.end and step.until_scope is not None:
        return step.until_scope
    return _checked(step, node if isinstance(node, s.Ask) else None, at) or step.scope


def _in_check(ask: s.Ask | None, at: int) -> bool:
    return ask is not None and ask.check is not None and _in(ask.check.span, at)


def _checked(step: Step, ask: s.Ask | None, at: int) -> Scope | None:
    return step.check_scope if _in_check(ask, at) else None


def known_chain(view: View, scope: Scope, words: Sequence[str], first: Known | None = None) -> Known:
    """Return what is known of a name with its fields. ``first`` is the name itself, if a template sets it."""
    home = view.index.home
    if home is None or not words:
        return Known()
    value = first
    if value is None:
        symbol = scope.lookup(words[0])
        if symbol is None:
            return Known()
        value = home.known(symbol)
    facts, path = scope.known_facts, words[0]
    for number, word in enumerate(words):
        if number:
            value = home.field(value, word)
            path = f"{path}.{word}"
        if facts:
            type_ = t.unwrapped(value.type) if path in facts else value.type
            value = Known(told_apart(type_, path, facts), value.written, value.home, value.scope)
    return value


def fields_of(type_: t.Type) -> Iterator[t.Field]:
    """Yield the fields that a value of a type surely has."""
    inner = t.unwrapped(type_)
    if isinstance(inner, t.Record | t.Union):
        yield from inner.fields
    elif inner == t.MODEL:
        yield t.Field("name", t.TEXT, "the name that the file gives to the model")
