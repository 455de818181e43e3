"""`collect`: all results, in input order; after a fan-out a record of its branches."""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import ReducerSpec, types

from .protocol import Gathering, Json, Rule


class Collect(Gathering):
    def value(self) -> Json:
        if self.setting.names:
            return {name: self.results[index] for index, name in enumerate(self.setting.names) if index in self.results}
        return super().value()


def _result(given: Mapping[str, types.Type] | types.Type) -> types.Type:
    if isinstance(given, Mapping):
        return types.Record(tuple(types.Field(name, type_) for name, type_ in given.items()))
    return types.ListOf(given)


RULE = Rule(ReducerSpec("collect", (), _result, "a list of all results; after a fanout a record"), Collect)
