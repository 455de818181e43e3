"""The options of steps: their names, their types, and where they may stand."""

from __future__ import annotations

from abc import ABC

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog, OptionSpec, Where
from ..diagnostics import did_you_mean
from .bodies import Bodies
from .program import Program, Scope

_OF_ASKS = '; an ask has it: write it behind the ask, or `reduce (ask "…" with {}: …)`'
_NO_OPTIONS = {"a call": "a call takes no options: set this option on the asks inside, or on the model"}


class OptionTypes(Bodies, ABC):
    """The part of the checker that handles options."""

    catalog: Catalog

    def __init__(self) -> None:
        super().__init__()
        self.inherited: set[int] = set()
        """The places of the options that asks take from their flow. They are checked there."""
        self._sends = False

    def options_of_models(self, program: Program) -> None:
        """Check the options that asks send against the APIs of their models."""
        if self._sends:
            from .model_options import refused_by_models  # most files have no such options

            self.typed.problems.extend(refused_by_models(program, self.typed, self.catalog))

    def options(self, options: tuple[s.Option, ...], kinds: tuple[Where, ...], scope: Scope, what: str) -> None:
        seen: set[str] = set()
        for option in options:
            if what == "an ask" and option.span.start in self.inherited:
                continue
            name = option.name.text
            spec = self.catalog.options.get(name)
            fitting = [known for known, one in self.catalog.options.items() if one.on & set(kinds)]
            if spec is None or not spec.on & set(kinds):
                known = ", ".join(f"`{word}`" for word in fitting)
                self.report(
                    "F0307",
                    f"{what} has no option `{name}`",
                    option.name.span,
                    help=did_you_mean(name, fitting)
                    or (f"it takes {known}" if known else _NO_OPTIONS.get(what, "it takes no options"))
                    + (_OF_ASKS.format(name) if known and spec and "ask" in spec.on else ""),
                )
            elif name in seen:
                self.report("F0307", f"`{name}` is given twice", option.name.span, "keep only one of the two")
            else:
                self._option(option, spec, scope)
                own = "ask" in kinds or "model" in kinds
                if name == "retries" and not own and self.typed.folding.number(option.value, scope) is None:
                    self.report(
                        "F0307",
                        "`retries` of a block must be a constant number: each ask inside takes it",
                        option.value.span,
                    )
            seen.add(name)

    def _option(self, option: s.Option, spec: OptionSpec, scope: Scope) -> None:
        # Not all models take a temperature above 1.
        hot = spec.name == "temperature" and (self.typed.folding.number(option.value, scope) or 0) > 1
        self._sends = self._sends or spec.sent or hot
        if isinstance(option.value, s.Ask):
            self.report("F0301", f"`{spec.name}` takes a value, not an `ask`", option.value.span)
            return
        value = option.value
        if isinstance(value, s.Call) and value.prefix is None and (params := spec.rules.get(value.function.text)):
            self.expressions.arguments(value.function.text, params, value.args, value.span, scope)
            return
        wanted = spec.type
        if spec.several and isinstance(t.unwrapped(self.expressions.infer(value, scope)), t.ListOf):
            wanted = t.ListOf(wanted)
        self.expressions.expect(value, scope, wanted, f"`{spec.name}`")
        if spec.reserved or spec.several:
            from .option_values import refused_values  # most files have no such options

            self.typed.problems.extend(refused_values(value, spec, scope, self.typed.folding))
        self.expressions.within(value, scope, spec.name, spec.low, spec.high, "F0307")
