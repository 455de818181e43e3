"""`flatten`: the lists of all results, joined into one list in input order."""

from __future__ import annotations

from flowrun.dsl import Given, ReducerSpec, Refusal, types

from ..vocabulary.json_value import Json
from .protocol import Gathering, Rule


class Flatten(Gathering):
    def value(self) -> Json:
        return [item for items in self.in_order() if items is not None for item in items]


def _result(given: Given) -> types.Type | Refusal:
    lists: list[types.Type] = []
    for type_ in map(types.unwrapped, given.each):
        if type_ == types.UNKNOWN:
            return types.ListOf(type_)
        if not isinstance(type_, types.ListOf):
            return Refusal(f"`flatten` joins lists, and these results are {types.show(type_)}", "use `reduce collect`")
        lists.append(type_)
    return types.join(lists)


RULE = Rule(ReducerSpec("flatten", (), _result, "the elements of all lists as a single list", lists="items"), Flatten)
