"""The plan of the argument `same` of a vote."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from . import syntax as s
from .checking.typed import Typed
from .path_names import BY_ASK


def comparing(value: s.Expr | s.Ask, typed: Typed, path: str, called: dict[str, Any]) -> str:
    """Return the key of the extern that compares answers, or the word for an ask that does.

    The extern is added to the callees of the plan.
    """
    if not isinstance(value, s.Name):
        return BY_ASK
    found = replace(typed.own[value.word.text], path=path)
    called.setdefault(found.key, (found, ()))
    return found.key
