"""The things that names mean, and the places where they are declared."""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..checking.program import Step
from ..records import dataclass
from ..source import Span
from .values import NameKind

Key = tuple[str, int]
"""The file and the offset at which a thing is declared."""
Decl = s.FlowDecl | s.ExternDecl | s.PromptDecl | s.TypeDecl | s.TextDecl
Written = s.TypeExpr | s.RecordExpr | s.Fanout
"""The part of a file that declares the fields of a record."""


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """The thing that a name means. ``span`` is the name where it is declared, None for a thing of the language.

    ``type`` is the type of its value, if that is known. ``node`` is its declaration in the tree.
    """

    kind: NameKind
    name: str
    span: Span | None = None
    type: t.Type | None = None
    node: object = None
    step: Step | None = None

    @property
    def key(self) -> Key | None:
        return None if self.span is None else (self.span.source.name, self.span.start)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A name in a text. ``entry`` marks a name in a record that is both the name of the field and its value.

    ``value`` marks the place of a value whose type ``type`` holds there, such as behind a guard.
    """

    span: Span
    target: Target
    declared: bool = False
    entry: bool = False
