"""Names of types as values: the name of a choice stands for the list of its words."""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..records import dataclass
from .program import Scope
from .unknown_names import UnknownNames


@dataclass(eq=False, slots=True)
class TypeWords(UnknownNames):
    """The part of the type checker that reads names of types where values stand."""

    def listed(self, expr: s.Name | s.Get, scope: Scope) -> t.Type | None:
        """Return the type of the list that the name of a type stands for. None if no type has the name."""
        type_ = self._named(expr, scope)
        if isinstance(type_, t.Choice):
            self.typed.nodes.listed[expr.number] = type_
            return t.ListOf(type_)
        if type_ is None:
            return None
        if type_ != t.UNKNOWN:
            self.report(
                "F0201",
                f"`{expr.span.text}` is a type, and no value has this name",
                expr.span,
                help="only the name of a choice is a value: it is the list of its words",
            )
        return t.UNKNOWN

    def words_of(self, expr: s.Expr, scope: Scope) -> t.Choice | None:
        """Return the choice that an expression names. None for any other expression."""
        found = self._named(expr, scope)
        return found if isinstance(found, t.Choice) else None

    def _named(self, expr: s.Expr, scope: Scope) -> t.Type | None:
        match expr:
            case s.Name(word) if scope.lookup(word.text) is None:
                return self.typed.declared.get(word.text) or self.imported.types.get(("", word.text))
            case s.Get(s.Name(prefix), word) if scope.lookup(prefix.text) is None:
                return self.imported.types.get((prefix.text, word.text))
        return None
