"""`collect`: all results, in input order; after a fan-out a record of its branches."""

from __future__ import annotations

from flowrun.dsl import Given, ReducerSpec, types

from ..vocabulary.json_value import Json
from .protocol import Gathering, Rule


class Collect(Gathering):
    def value(self) -> Json:
        if self.setting.names:
            return {name: self.results[index] for index, name in enumerate(self.setting.names) if index in self.results}
        return super().value()


def _result(given: Given) -> types.Type:
    if given.branches is not None:
        return types.Record(tuple(types.Field(name, type_) for name, type_ in given.branches.items()))
    return types.ListOf(given.item)


RULE = Rule(
    ReducerSpec("collect", (), _result, "a list of all results; after a fanout a record", lists="results"), Collect
)
