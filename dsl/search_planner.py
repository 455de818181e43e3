"""The conditions of searches in a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from . import plan as p
from . import syntax as s
from .catalog import ParamSpec, ReducerSpec
from .checking.callees import Callee
from .checking.reducer_arguments import condition_of, is_search


class _Planner(Protocol):
    """The part of the planner that writes expressions and calls."""

    def callee(self, part: s.Call | s.Reduce) -> tuple[str, Callee] | None: ...

    def expr(self, expr: s.Expr) -> p.Expr: ...

    def args(self, params: tuple[ParamSpec, ...], args: tuple[s.Arg, ...]) -> Mapping[str, p.Expr]: ...


def planned_search(planner: _Planner, reduce: s.Reduce, spec: ReducerSpec | None) -> tuple[p.Passing | None, s.Reduce]:
    """Return the condition of a search that no ask judges, and the reducer without it."""
    arg = condition_of(reduce)
    if arg is None or isinstance(arg.value, s.Ask) or spec is None or not is_search(reduce, spec):
        return None, reduce
    rest = replace(reduce, args=tuple(one for one in reduce.args if one is not arg))
    if isinstance(arg.value, s.Call) and (found := planner.callee(arg.value)):
        key, callee = found
        return p.Passing(None, key, {**planner.args(callee.params, arg.value.args)}), rest
    return p.Passing(planner.expr(arg.value)), rest
