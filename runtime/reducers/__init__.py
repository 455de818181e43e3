"""The registry of reducers: one file each."""

from __future__ import annotations

from .collect import RULE as COLLECT
from .concat import RULE as CONCAT
from .flatten import RULE as FLATTEN
from .majority import RULE as MAJORITY
from .protocol import ReduceError, Reducer, Rule, Setting, Tally

REDUCERS: dict[str, Rule] = {rule.spec.name: rule for rule in (COLLECT, CONCAT, FLATTEN, MAJORITY)}

__all__ = ["REDUCERS", "ReduceError", "Reducer", "Rule", "Setting", "Tally"]
