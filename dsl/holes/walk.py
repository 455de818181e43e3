"""The way to each hole of a tree, and a tree with values in its holes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from .. import syntax as s
from ..records import dataclass
from ..source import Span


@dataclass(frozen=True, slots=True)
class Found:
    """A hole of a tree, with the nodes around it from the outermost to the innermost."""

    hole: s.Hole
    around: tuple[Any, ...]

    def inner(self, kind: type[Any]) -> Any:
        """Return the innermost node of a kind around the hole. None if there is none."""
        return next((one for one in reversed(self.around) if isinstance(one, kind)), None)


def holes_of(file: s.File) -> list[Found]:
    """Return the holes of a tree in the order of the text."""
    # A returned step stands in its body and behind its `return`.
    found = {one.hole.number: one for one in _inside(file.items, ())}
    return sorted(found.values(), key=lambda one: one.hole.span.start)


def _inside(part: Any, around: tuple[Any, ...]) -> Iterator[Found]:
    if isinstance(part, s.Hole):
        yield Found(part, around)
    if isinstance(part, tuple):
        for one in part:
            yield from _inside(one, around)
    elif is_dataclass(part) and not isinstance(part, Span):
        inside = (*around, part)
        for field in fields(part):
            yield from _inside(getattr(part, field.name), inside)


def filled(file: s.File, values: Mapping[int, s.Expr]) -> s.File:
    """Return a tree with values in the places of its holes. ``values`` has them by the numbers of the holes."""
    items = _Filler(values).made(file.items)
    return replace(file, items=items, holes=())


class _Filler:
    """The making of a tree with values in its holes. A node that stands in two places is made once."""

    def __init__(self, values: Mapping[int, s.Expr]) -> None:
        self.values = values
        self.done: dict[int, Any] = {}

    def made(self, part: Any) -> Any:
        if isinstance(part, s.Hole):
            return self.values.get(part.number, part)
        if isinstance(part, tuple):
            parts = tuple(map(self.made, part))
            return parts if any(new is not old for new, old in zip(parts, part, strict=True)) else part
        if not is_dataclass(part) or isinstance(part, Span):
            return part
        number = getattr(part, "number", s.UNNUMBERED)
        if number not in self.done:
            made = self._node(part)
            if number == s.UNNUMBERED:
                return made
            self.done[number] = made
        return self.done[number]

    def _node(self, part: Any) -> Any:
        changed = {}
        for field in fields(part):
            old = getattr(part, field.name)
            new = self.made(old)
            if new is not old:
                changed[field.name] = new
        if isinstance(part, s.ModelDecl) and isinstance(chosen := changed.pop("hole", None), s.Text):
            changed |= {"address": chosen.string, "hole": None}
        return replace(part, **changed) if changed else part
