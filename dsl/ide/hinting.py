"""The notes that an editor shows inside a text, and the commands above its declarations."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from .. import types as t
from ..bounds.model_facts import World
from ..checking.program import Flow, Step
from .figures import Figures, calls, figures, product, words
from .values import Hint, Lens
from .view import View
from .words import shown

LONGEST = 60
"""The most characters of a type in a hint."""


def hints(view: View, world: World | None = None) -> tuple[Hint, ...]:
    """Return the types of steps that write none, and the calls of blocks and flows."""
    if view.checked is None:
        return ()
    figure = figures(view, world)
    found = [hint for flow in view.checked.program.flows for hint in _flow(view, flow, figure)]
    return tuple(sorted(found, key=lambda one: one.at))


def _flow(view: View, flow: Flow, figure: Figures) -> Iterator[Hint]:
    whole = figure.flow(flow)
    if whole is not None and whole.calls.most != 0:
        brace = view.here(flow.decl.body.span)
        if brace is not None:
            at = _line_end(view, brace.start)
            yield Hint(at, calls(whole.calls), "calls", "\n".join(words(whole, priced=figure.priced)))
    for step in flow.walk():
        yield from _step(view, flow, step, figure)


def _step(view: View, flow: Flow, step: Step, figure: Figures) -> Iterator[Hint]:
    assert view.checked is not None
    line, node = step.line, step.line.node
    if isinstance(node, s.Map) and node.bare and step.parent is not None and step.line is step.parent.line:
        return
    if line.name is not None and not step.branch and line.name.text != "return" and not _written(node):
        here = view.here(line.name.span)
        type_ = shown(view.checked.typed.steps.get(step), LONGEST)
        if here is not None and type_ and here.end > here.start:
            yield Hint(here.end, f": {type_}", "type", shown(view.checked.typed.steps.get(step)))
    element_word = node.element if isinstance(node, s.Map | s.Repeat) else None
    if element_word is not None:
        here = view.here(element_word.span)
        element = view.checked.typed.elements.get(step, t.UNKNOWN)
        if here is not None and shown(element):
            yield Hint(here.end, f": {shown(element, LONGEST)}", "type", shown(element))
    if isinstance(node, s.Map | s.Repeat | s.Fanout | s.Rounds | s.Match | s.Cascade):
        found = figure.step(flow, step)
        here = view.here(line.span)
        if found is not None and here is not None and found.calls.most != 0:
            yield Hint(
                _line_end(view, here.start), product(found), "calls", "\n".join(words(found, priced=figure.priced))
            )


def _written(node: s.Node) -> bool:
    """Return True if the line of a step shows its type."""
    match node:
        case s.Ask():
            return node.answer is not None
        case s.Text() | s.Template() | s.Number():
            return True
    return False


def _line_end(view: View, at: int) -> int:
    text = view.source.text
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    return at + len(text[at:end].rstrip())


def lenses(view: View) -> tuple[Lens, ...]:
    """Return the commands of flows and tests."""
    if view.checked is None:
        return ()
    found: list[Lens] = []
    for flow in view.checked.file.flows:
        here = view.here(flow.name.span)
        if here is not None:
            name = flow.name.text
            found += [
                Lens(here, "run", "run", name),
                Lens(here, "plan", "plan", name),
                Lens(here, "graph", "graph", name),
            ]
    for test in view.checked.file.tests:
        here = view.here(test.title.span)
        if here is not None:
            found.append(Lens(here, "test", "test", test.title.value))
    return tuple(sorted(found, key=lambda one: one.span.start))
