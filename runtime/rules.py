"""A rule chosen by name, as a function gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RuleValue:
    """``chars(800)`` of a flow: the rule's name, and its arguments by name."""

    rule: str
    args: Mapping[str, Any] = field(default_factory=dict)
