"""Asks of models as calls of the helper `ask`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import plan as p
from .. import types as t
from .answers import kind_of
from .expressions import Expressions
from .output import Output, literal, text_literal
from .problems import EjectError
from .prompts import text_of
from .scopes import Scope

_DROPPED = frozenset({"cache", "batch", "hedge", "stream", "rpm", "tpm", "concurrency"})
"""Options that change no answer: limits, and ways to send a request."""
_PRICES = ("input_price", "output_price", "cached_price", "stored_price")


class Asks:
    """The writer of asks."""

    def __init__(self, out: Output, expressions: Expressions, models: Mapping[str, p.Model]) -> None:
        self.out = out
        self.expressions = expressions
        self.models = models

    def write(self, ask: p.Ask, options: Mapping[str, p.Expr], scope: Scope, name: str) -> str:
        """Write the expression that asks and gives the value of the answer."""
        out = self.out
        if ask.person:
            raise self._error("a person is asked here, and a program on its own cannot wait for one")
        if t.any_part(ask.answer, lambda one: isinstance(one, t.Quote)):
            raise self._error("an answer with quotes has no plain form")
        if any(message.fenced for message in ask.messages):
            raise self._error("this prompt writes untrusted text, whose marks have no plain form")
        if t.holds_image(ask.answer):
            raise self._error("images have no plain form")
        model, address, declared = self._model(ask, scope)
        given = {one: self.expressions.write(value.value, scope) for one, value in ask.given.items()}

        def look(one: str) -> str:
            return given[one] if one in given else scope.look(one)

        messages = ", ".join(
            f"({text_literal(one.role)}, {text_of(out, one.template, look, name, self.expressions.line)})"
            for one in ask.messages
        )
        kind = kind_of(out, ask.answer, name)
        values, seed = self._options({**declared, **options}, scope)
        wire = out.wire.options(address, values, ballot=scope.ballot)
        parts = [literal(dict(wire.body)), f"tries={wire.tries}"]
        parts += [f"timeout={wire.timeout!r}"] if wire.timeout != 600.0 else []
        parts += [f"sends={wire.sends}"] if wire.sends is not None else []
        settings = out.constant(f"{name}_options", f"{out.use('Options')}({', '.join(parts)})")
        check = "" if ask.check is None else self._check(ask.check, scope, name)
        return f"await {out.use('ask')}({model}, [{messages}], {kind}, {settings}{seed}{check})"

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

    def _options(self, options: Mapping[str, p.Expr], scope: Scope) -> tuple[dict[str, Any], str]:
        values, seed = {}, ""
        for name, expr in options.items():
            if name in _DROPPED or name in _PRICES:
                continue
            if not isinstance(expr, p.Constant):
                raise self._error(f"the option `{name}` is worked out in the run", "write its value")
            if name == "seed":
                seed = f", seed={expr.value!r}{self._sample(scope)}"
            values[name] = expr.value
        return values, seed

    def _sample(self, scope: Scope) -> str:
        """Write what the number of the sample adds to a seed."""
        if scope.seeds is None:
            raise self._error("a seed inside rounds, or in a flow that samples call, has no plain form", "drop the seed")
        text, scale = "", 1
        for number, samples in reversed(scope.seeds):
            text += f" + {number}" + (f" * {scale}" if scale > 1 else "")
            scale *= samples
        return text

    def _check(self, check: p.Check, scope: Scope, name: str) -> str:
        """Write the function that checks an answer: it returns why the answer fails, "" if it does not."""
        raise self._error("the check of this answer has no plain form", "drop the check")
