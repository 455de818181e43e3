"""`concat(sep)`: all texts joined, in input order."""

from __future__ import annotations

from flowrun.dsl import Given, ParamSpec, ReducerSpec, Refusal, types

from ..vocabulary.json_value import Json
from .protocol import Gathering, Rule


class Concatenation(Gathering):
    def value(self) -> Json:
        separator = self.setting.args.get("separator", "\n\n")
        return str(separator).join(str(text) for text in self.in_order() if text is not None)


def _result(given: Given) -> types.Type | Refusal:
    for type_ in given.each:
        if not types.is_text(types.unwrapped(type_)):
            return Refusal(
                f"`concat` joins texts, and these results are {types.show(type_)}",
                'build a text in the block\'s last line, `text "…"`, or use `reduce collect`',
            )
    return types.TEXT


RULE = Rule(
    ReducerSpec(
        "concat",
        (ParamSpec("separator", types.TEXT),),
        _result,
        "all results as a single text; by default a blank line separates them",
    ),
    Concatenation,
)
