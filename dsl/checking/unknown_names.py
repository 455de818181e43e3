"""Names that stand for nothing, and what was meant by them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from .. import types as t
from ..diagnostics import did_you_mean
from ..parsing.tables import KEYWORDS
from ..source import Span
from ..spelling import MOST_GUESSED
from .arguments import Calls
from .names import Scope, visible_block

CONSTANTS: dict[str, t.Type] = {"true": t.BOOL, "false": t.BOOL, "none": t.NONE}


@dataclass(eq=False, slots=True)
class UnknownNames(Calls):
    """Tells of a name that is not known where it stands."""

    def unknown_name(self, name: str, span: Span, scope: Scope, wanted: t.Type | None = None) -> None:
        if (hidden := self.hidden.get(name)) and (block := visible_block(hidden, scope)):
            inside = f"`{block.title}`" if block.symbol else f"the block of {block.title}"
            out = f"mention `{block.title}`" if block.symbol else "give the block a name and mention that"
            self.report(
                "F0205",
                f"`{name}` is known only inside {inside}",
                span,
                note="the names of a block are its own: outside there is only the block's value",
                help=f"{out}, or move the step out of the block",
            )
            return
        if path := self.imported.paths.get(name):
            self.report(
                "F0201",
                f"`{name}` stands for the file `{path}`, not for a value",
                span,
                help=f"its flows are called on lines of their own: `x = {name}.FLOW(…)`",
            )
            return
        if name in ("null", "nil", "undefined", "None"):
            self.report("F0201", f"nothing is called `{name}`", span, help="a missing value is written `none`")
            return
        if name in KEYWORDS:
            help = "it is a word of the language: what is missing before it?"
            self.report("F0201", f"nothing is called `{name}`", span, help=help)
            return
        if len(self.problems) >= MOST_GUESSED:
            self.report("F0201", f"nothing is called `{name}`", span)
            return
        if wanted == t.MODEL:
            self._unknown_model(name, span, scope)
            return
        words = [*scope.known(), *CONSTANTS]
        guess = did_you_mean(name, words)
        known = dict.fromkeys(islice((word for word in words if word not in CONSTANTS), 8))
        near = guess or ("known here: " + ", ".join(f"`{word}`" for word in known) if known else "")
        if scope.parent is None:
            near = guess or "a default and an option of a model see the models alone, no parameters and no steps"
        self.report("F0201", f"nothing is called `{name}`", span, help=near)

    def _unknown_model(self, name: str, span: Span, scope: Scope) -> None:
        models = self._models(scope)
        declare = f'declare it at the top of the file, `model {name} = "provider:name"`'
        there = ", ".join(f"`{word}`" for word in models[:8])
        self.report(
            "F0201",
            f"nothing is called `{name}`: no model of that name is declared",
            span,
            help=did_you_mean(name, models) or declare + (f"; the models here are {there}" if there else ""),
        )

    def _models(self, scope: Scope) -> list[str]:
        """The names in sight that stand for a model."""
        found = ((word, scope.lookup(word)) for word in scope.known())
        return [word for word, one in found if one and one.kind in ("model", "param") and self.type_of(one) == t.MODEL]
