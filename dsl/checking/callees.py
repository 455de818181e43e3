"""The callees of steps: flows of this file, flows of imported files, and externs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from .. import types as t
from ..catalog import ParamSpec
from ..records import dataclass
from .static_values import StaticValue


@dataclass(frozen=True, slots=True)
class Callee:
    """A flow or an extern, with the facts that its callers need.

    ``path`` is the path of the imported file, empty for this file. ``value`` is the constant that a flow of an imported
    file returns in every run; None if its file alone does not decide the value.
    """

    name: str
    kind: Literal["flow", "extern"]
    params: tuple[ParamSpec, ...]
    result: t.Type
    path: str = ""
    value: StaticValue | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """The name of the callee in a plan."""
        return f"{self.path}:{self.name}" if self.path else self.name


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt from a file, with the facts that the asks which use it need. ``path`` is that of a callee."""

    name: str
    params: tuple[ParamSpec, ...]
    path: str = ""


@dataclass(frozen=True, slots=True)
class Exports:
    """The flows, types, texts and prompts of a file that other files can import."""

    path: str
    flows: Mapping[str, Callee] = field(default_factory=dict)
    types: Mapping[str, t.Type] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    prompts: Mapping[str, Prompt] = field(default_factory=dict)


@dataclass(eq=False, repr=False, slots=True)
class Imported:
    """The names that the imports of a file bring in, by prefix ("" for none) and name.

    ``paths`` has the path of each file by prefix. ``broken`` has the prefixes whose file could not be read or has
    errors. The names behind such a prefix are not checked.
    """

    flows: dict[tuple[str, str], Callee] = field(default_factory=dict)
    types: dict[tuple[str, str], t.Type] = field(default_factory=dict)
    prompts: dict[tuple[str, str], Prompt] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def names(self, prefix: str, kind: Literal["flows", "types", "prompts"]) -> list[str]:
        known: Mapping[tuple[str, str], object] = getattr(self, kind)
        return [name for place, name in known if place == prefix]
