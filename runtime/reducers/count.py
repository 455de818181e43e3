"""`count`: the number of results. `count(of: spam)`: the number of results that equal this one.

Missing results do not count. Answers with the same meaning count as one, as in a vote.
"""

from __future__ import annotations

from flowrun.dsl import Given, ParamSpec, ReducerSpec, Refusal, types

from ..vocabulary.json_value import Json
from .arguments import BY, looked_at
from .ballots import normal
from .protocol import Gathering, Rule


class Count(Gathering):
    def value(self) -> Json:
        args, found = self.setting.args, self.looked_at()
        by = args.get("by")
        if "of" not in args:
            return sum(value is not None for value in found)
        type_ = types.unwrapped(self.setting.item)
        if by is not None and isinstance(type_, types.Record | types.Union) and (field := type_.field(by)) is not None:
            type_ = field.type
        wanted = normal(args["of"], type_)
        return sum(value is not None and normal(value, type_) == wanted for value in found)


def _result(given: Given) -> types.Type | Refusal:
    item = looked_at(given)
    if isinstance(item, Refusal):
        return item
    of = given.args.get("of")
    if isinstance(of, str) and isinstance(item, types.Choice) and of not in item.options:
        known = ", ".join(f"`{option}`" for option in item.options)
        return Refusal(f"a result can never be `{of}`", f"the choices are {known}", "of")
    return types.INT


RULE = Rule(
    ReducerSpec(
        "count",
        (ParamSpec("of", types.JSON, of_item=True), BY),
        _result,
        "the number of results, or of the results with a given value",
        typed=True,
    ),
    Count,
)
