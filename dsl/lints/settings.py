"""The options of asks together with those of their models, for the lints that compare options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .. import syntax as s
from ..checking.program import Program, Scope
from ..checking.typed import Typed
from ..plain_data import Json
from ..records import dataclass
from .parts import asked_with


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of one ask by name: its own, and those of its model that it does not set. ``own`` are its own."""

    ask: s.Ask
    options: Mapping[str, s.Option]
    own: Mapping[str, s.Option]
    scope: Scope
    outer: Scope
    typed: Typed

    def value(self, name: str) -> Json:
        """Return the constant value of an option; None if it has none. A rule is its word."""
        value = self.options[name].value
        if isinstance(value, s.Call) and value.prefix is None and value.number not in self.typed.nodes.callees:
            return value.function.text
        if isinstance(value, s.Name) and value.number in self.typed.nodes.words:
            return value.word.text
        return self.typed.folding.known(value, self.scope if name in self.own else self.outer)

    def tokens(self, name: str) -> int | float | None:
        """Return the number in `tokens(n)`, or a plain number; None if the file does not tell it."""
        value = self.options[name].value
        inner = value.args[0].value if isinstance(value, s.Call) and value.args else value
        return self.typed.folding.number(inner, self.scope if name in self.own else self.outer)

    def reasons(self) -> bool:
        """Tell whether the model certainly reasons."""
        return "reasoning" in self.options and self.value("reasoning") not in (None, "none")


def settings(program: Program, typed: Typed, *names: str) -> Iterator[Settings]:
    """Yield the settings of the asks that have all of these options."""
    models = {model.name.text: model for model in program.file.models}
    for ask, options, scope in asked_with(program):
        symbol = scope.lookup(ask.model.word.text) if isinstance(ask.model, s.Name) else None
        model = models.get(symbol.name) if symbol is not None and symbol.kind == "model" else None
        own = {one.name.text: one for one in options}
        found = {**{one.name.text: one for one in (model.options if model else ())}, **own}
        if all(name in found for name in names) and ask.number not in typed.nodes.people:
            yield Settings(ask, found, own, scope, program.scope, typed)
