"""Asks of models as calls of the helper `ask`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import plan as p
from .. import types as t
from .answers import kind_of
from .checks import Checks
from .expressions import Expressions
from .output import Output, literal, text_literal
from .problems import EjectError
from .prompts import text_of
from .scopes import Scope

_DROPPED = frozenset({"cache", "batch", "hedge", "stream", "rpm", "tpm", "concurrency"})
"""Options that change no answer: limits, and ways to send a request."""
_WORKED = {"temperature": (0, 2), "max_tokens": (1, None), "retries": (0, 20)}
"""Options that a run may work out, with their bounds."""
_PRICES = ("input_price", "output_price", "cached_price", "stored_price")


class Asks:
    """The writer of asks."""

    def __init__(self, out: Output, expressions: Expressions, models: Mapping[str, p.Model]) -> None:
        self.out = out
        self.expressions = expressions
        self.models = models
        self.checks = Checks(out, expressions)

    def write(self, ask: p.Ask, options: Mapping[str, p.Expr], scope: Scope, name: str) -> str:
        """Write the expression that asks and gives the value of the answer."""
        out = self.out
        if ask.person:
            raise self._error("a person is asked here, and a program on its own cannot wait for one")
        if t.any_part(ask.answer, lambda one: isinstance(one, t.Quote)):
            raise self._error("an answer with quotes has no plain form")
        if t.holds_image(ask.answer):
            raise self._error("images have no plain form")
        model, address, declared = self._model(ask, scope)
        given = {one: self.expressions.write(value.value, scope) for one, value in ask.given.items()}

        def look(one: str) -> str:
            return given[one] if one in given else scope.look(one)

        messages = ", ".join(
            f"({text_literal(one.role)}, {text_of(out, one.template, look, name, self.expressions.line, one.fenced)})"
            for one in ask.messages
        )
        messages = f"[{messages}]"
        if any(one.fenced for one in ask.messages):
            messages = f"{out.use('fenced')}(lambda fence: {messages})"
        kind = kind_of(out, ask.answer, name)
        settings, seed = self._settings(address, {**declared, **options}, scope, name)
        check = "" if ask.check is None else f", check={self.checks.write(ask.check, scope)}"
        return f"await {out.use('ask')}({model}, {messages}, {kind}, {settings}{seed}{check})"

    def _settings(self, address: str, options: Mapping[str, p.Expr], scope: Scope, name: str) -> tuple[str, str]:
        """Write the options of a request, and its seed."""
        out, worked = self.out, {}
        values: dict[str, Any] = {}
        for option, expr in options.items():
            if option in _DROPPED or option in _PRICES or option == "seed":
                continue
            if isinstance(expr, p.Constant):
                values[option] = expr.value
            elif option in _WORKED:
                low, high = _WORKED[option]
                written = self.expressions.write(expr, scope)
                worked[option] = f"{out.use('within')}({text_literal(option)}, {written}, {low}, {high})"
            else:
                raise self._error(f"the option `{option}` is worked out in the run", "write its value")
        seed = ""
        if "seed" in options:
            seed = f", seed={self.expressions.write(options['seed'], scope)}"
            seed += f" + {out.use('sampled')}({', '.join(scope.places)})" if scope.places else ""
        wire = out.wire.options(address, values, ballot=scope.ballot)
        fields = [f"{text_literal(one)}: {literal(value)}" for one, value in wire.body.items()]
        fields += [f"{text_literal(one)}: {value}" for one, value in worked.items() if one != "retries"]
        tries, sends = str(wire.tries), None if wire.sends is None else str(wire.sends)
        if "retries" in worked:
            sends = f"{worked['retries']} + 1"
            tries = "0" if scope.ballot else tries if "corrections" in options else worked["retries"]
        parts = [f"{{{', '.join(fields)}}}", f"tries={tries}"]
        parts += [f"timeout={wire.timeout!r}"] if wire.timeout != 600.0 else []
        parts += [f"sends={sends}"] if sends is not None else []
        text = f"{out.use('Options')}({', '.join(parts)})"
        return (text if worked else out.constant(f"{name}_options", text)), seed

    def _error(self, what: str, help: str = "") -> EjectError:
        return self.expressions.error(what, help)

    def _model(self, ask: p.Ask, scope: Scope) -> tuple[str, str, Mapping[str, p.Expr]]:
        """Return the model in Python, its address, and the options of its declaration."""
        if ask.model is None:
            if not self.out.model:
                raise self._error("this ask names no model", "name one with --model")
            declared = next((one for one in self.models.values() if one.name == self.out.model), None)
            if declared is None:
                return self.out.model_constant("MODEL", self.out.model), self.out.model, {}
            return scope.flow.model(declared.name), declared.address, declared.options
        if not isinstance(ask.model, p.Ref) or ask.model.name not in self.models or scope.sees(ask.model.name):
            raise self._error("the model of this ask is chosen in the run", "name a model of the file")
        declared = self.models[ask.model.name]
        return scope.flow.model(declared.name), declared.address, declared.options
