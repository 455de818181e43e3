"""The registry of reducers: one rule, one file."""

from __future__ import annotations

from . import (
    ahead,
    approval,
    best,
    collect,
    concat,
    count,
    first,
    flatten,
    majority,
    merge,
    numbers,
    quorum,
    rank,
    ranked,
    unanimous,
    weighted,
    window,
)
from .protocol import Question, ReduceError, Reducer, Rule, Setting, UndecidedError

_RULES = (
    collect.RULE,
    concat.RULE,
    flatten.RULE,
    merge.RULE,
    first.RULE,
    majority.RULE,
    quorum.RULE,
    unanimous.RULE,
    weighted.RULE,
    ahead.RULE,
    window.RULE,
    approval.RULE,
    ranked.RULE,
    best.RULE,
    rank.RULE,
    count.RULE,
    numbers.SUM,
    numbers.MEAN,
    numbers.MEDIAN,
)
REDUCERS: dict[str, Rule] = {rule.spec.name: rule for rule in _RULES}

__all__ = ["REDUCERS", "Question", "ReduceError", "Reducer", "Rule", "Setting", "UndecidedError"]
