"""The places of a name: its declaration and its mentions, in all files."""

from __future__ import annotations

from collections.abc import Iterable

from .. import syntax as s
from ..source import Span
from .homes import Home
from .targets import Place
from .view import View


def place_at(view: View, at: int, file: str = "") -> Place | None:
    """Return the name at an offset of the text, or of the prompt file with a name."""
    if file and file != view.source.name:
        return view.index.at(file, at)
    found = view.index.at(view.known.name, view.back(at))
    here = view.here(found.span) if found is not None else None
    return found if here is not None and here.start <= at <= here.end else None


def definition(view: View, at: int, *, file: str = "") -> tuple[Span, ...]:
    """Return the place where the name at an offset is declared. Nothing if there is no name.

    The path of an import, or of a prompt's file, leads to that file. ``file`` names a prompt file that has the offset.
    """
    if not file and (led := _file_at(view, at)) is not None:
        return (led,)
    found = place_at(view, at, file)
    if found is None or found.target.span is None:
        return ()
    here = view.here(found.target.span)
    return () if here is None else (here,)


def references(
    view: View, at: int, others: Iterable[View] = (), *, declared: bool = True, file: str = ""
) -> tuple[Span, ...]:
    """Return all places of the name at an offset. ``declared`` includes its declaration.

    ``others`` are views of further files, which may import this one. ``file`` names a prompt file that has the offset.
    """
    found = place_at(view, at, file)
    key = found.target.key if found is not None else None
    if key is None:
        return ()
    spans = [
        here
        for one in (view, *others)
        for place in one.index.of(key)
        if (declared or not place.declared) and (here := one.here(place.span)) is not None
    ]
    return tuple({(one.source.name, one.start, one.end): one for one in spans}.values())


def _file_at(view: View, at: int) -> Span | None:
    """Return the beginning of the file to which the path at an offset leads."""
    home = view.index.home
    if home is None:
        return None
    back = view.back(at)
    for decl, led in home.imports:
        if led is not None and decl.path.span.start <= back <= decl.path.span.end:
            return led.file.span.source.span(0, 0)
    for prompt in home.program.prompts:
        if prompt.decl.path.span.start <= back <= prompt.decl.path.span.end:
            return prompt.string.span.source.span(0, 0)
    return None


def decl_of(place: Place) -> tuple[Home, s.FlowDecl | s.ExternDecl | s.PromptDecl] | None:
    """Return the declaration with parameters that a name means, with its file."""
    node = place.target.node
    if isinstance(node, tuple) and isinstance(node[1], s.FlowDecl | s.ExternDecl | s.PromptDecl):
        return node
    return None
