"""The registry of reducers. Each reducer has its own module.

A reducer is a module of this folder that binds a ``Rule``, or an entry point of the group ``flowrun.reducers``.
"""

from __future__ import annotations

from ..registry.registry import Registry
from .guard import guarded
from .protocol import Gathering, Question, ReduceError, Reducer, Rule, Setting, UndecidedError

REDUCERS = Registry("reducer", __name__, Rule, lambda rule: rule.spec.name, lambda rule: rule.spec.name, guarded)

__all__ = ["REDUCERS", "Gathering", "Question", "ReduceError", "Reducer", "Rule", "Setting", "UndecidedError"]
