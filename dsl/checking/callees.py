"""What can be called on a line of its own: flows of this file and of imported ones, and externs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .. import types as t
from ..catalog import ParamSpec
from .static_values import StaticValue


@dataclass(frozen=True, slots=True)
class Callee:
    """A flow or an extern, as its caller sees it. ``path`` is that of the imported file, empty for this one.

    ``value`` is what a flow of an imported file returns in every run, where that file alone decides it.
    """

    name: str
    kind: Literal["flow", "extern"]
    params: tuple[ParamSpec, ...]
    result: t.Type
    path: str = ""
    value: StaticValue | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """What it is called in a plan."""
        return f"{self.path}:{self.name}" if self.path else self.name


@dataclass(frozen=True, slots=True)
class Exports:
    """What a file gives to those that import it."""

    path: str
    flows: Mapping[str, Callee] = field(default_factory=dict)
    types: Mapping[str, t.Type] = field(default_factory=dict)


@dataclass(eq=False, repr=False, slots=True)
class Imported:
    """What the imports of a file bring, by prefix ("" for none) and name.

    ``paths`` are the files by prefix. Of the names behind a prefix in ``broken`` nothing can be said: the file
    could not be read, or has errors of its own.
    """

    flows: dict[tuple[str, str], Callee] = field(default_factory=dict)
    types: dict[tuple[str, str], t.Type] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def names(self, prefix: str, kind: Literal["flows", "types"]) -> list[str]:
        known: Mapping[tuple[str, str], object] = self.flows if kind == "flows" else self.types
        return [name for place, name in known if place == prefix]
