"""`dedupe` and `dedupe(by: name)`: each result once, in input order. Of equal results, or fields, the first stays.

Two values are equal as `==` says. Missing results are left out.
"""

from __future__ import annotations

from flowrun.dsl import CALLED, Given, NoValueError, ReducerSpec, Refusal, applied, types

from ..vocabulary.json_value import Json
from .arguments import BY, looked_at
from .protocol import Gathering, ReduceError, Rule


class Dedupe(Gathering):
    def value(self) -> Json:
        args = {name: value for name, value in self.setting.args.items() if name == "by"}
        try:
            return applied(CALLED["dedupe"], {"items": self.there(), **args})
        except NoValueError as error:
            raise ReduceError(str(error)) from None


def _result(given: Given) -> types.Type | Refusal:
    item = types.unwrapped(given.item)
    if "by" in given.args and isinstance(found := looked_at(given), Refusal):
        return found
    if types.holds_model(item):
        return Refusal("`dedupe` compares data, and a model is not data", "use `reduce collect`")
    if types.holds_image(item) and "by" not in given.args:
        return Refusal(
            "`dedupe` compares values, and images are not compared", "name a field: `dedupe(by: FIELD)`", code="F0647"
        )
    return types.ListOf(item)


RULE = Rule(ReducerSpec("dedupe", (BY,), _result, "each result once, in input order"), Dedupe)
