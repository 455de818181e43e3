"""Values with more than their JSON: a rule that is chosen by name, and a file that a flow has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from flowrun.dsl import dataclass


@dataclass(frozen=True, slots=True)
class RuleValue:
    """A rule as a value, such as ``chars(800)``: its name, and its arguments by name."""

    rule: str
    args: Mapping[str, Any] = field(default_factory=dict)


class FileText(dict[str, str]):
    """A file that a flow has found: a record of its ``path`` and ``text``. A template writes its text."""

    @property
    def shown(self) -> str | None:
        return self.get("text")
