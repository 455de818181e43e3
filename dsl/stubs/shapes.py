"""The named types of a stub: each record and union gets one name, and each name one meaning."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from .. import types as t
from .names import Names, type_name


class Shapes(ABC):
    """The declared types of a stub. ``lines`` are their declarations, each after those that it mentions.

    An input may be given in more ways than an answer has. So a record that is both may have two types.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.lines: list[str] = []
        self._known: dict[tuple[str, ...], str] = {}

    def written(self, type_: t.Type, place: str, *, given: bool) -> str:
        """Write a type. ``place`` names it if it has no name of its own. ``given``: it is the type of an input."""
        match type_:
            case t.Record(fields, name):
                label = type_name(name or place)
                parts = [(one, self.written(one.type, f"{label}_{one.name}", given=given)) for one in fields]
                said = (*(f"{one.name}:{text}:{self.lacking(one, given=given)}" for one, text in parts), label)
                return self._named(
                    ("record", *said), label, given, lambda found: self.record(found, parts, given=given)
                )
            case t.Union(members, tag, name):
                label = type_name(name or place)
                options = [
                    self.written(one, one.name or f"{label}_{t.tag_word(one, tag)}", given=given) for one in members
                ]
                return self._named(("union", label, *options), label, given, lambda found: self.union(found, options))
            case t.ListOf(item):
                return self.many(self.written(item, f"{place}_item", given=given), given=given)
            case t.Optional(item):
                return self.maybe(self.written(item, place, given=given))
            case t.Choice(options):
                return self.words(options)
        return self.simple(type_, given=given)

    def lacking(self, field: t.Field, *, given: bool) -> bool:
        """Tell whether a record may lack a field: only one that a caller gives."""
        return given and isinstance(field.type, t.Optional)

    def _named(self, key: tuple[str, ...], label: str, given: bool, declare: Callable[[str], list[str]]) -> str:
        if key not in self._known:
            self._known[key] = name = self.names.free(label, sign="Input" if given else "")
            self.lines += declare(name)
        return self._known[key]

    @abstractmethod
    def record(self, name: str, parts: list[tuple[t.Field, str]], *, given: bool) -> list[str]:
        """Declare a record. ``parts`` are its fields with their written types."""

    @abstractmethod
    def union(self, name: str, options: list[str]) -> list[str]:
        """Declare a type that is one of several."""

    @abstractmethod
    def many(self, item: str, *, given: bool) -> str:
        """Write a list."""

    @abstractmethod
    def maybe(self, item: str) -> str:
        """Write a value that may be none."""

    @abstractmethod
    def words(self, options: tuple[str, ...]) -> str:
        """Write a choice."""

    @abstractmethod
    def simple(self, type_: t.Type, *, given: bool) -> str:
        """Write a type without parts."""
