"""The requests of an ejected program, as the runner would send them. The caller of the writer knows the providers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ..catalog import FunctionSpec
from ..records import dataclass
from ..types import Type


@dataclass(frozen=True, slots=True)
class WireModel:
    """A model at an address. ``base`` is the variable that replaces the address, ``keys`` may have the key."""

    name: str
    url: str
    base: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WireOptions:
    """The fields that options add to a request, the corrections of an answer, and the seconds of an attempt."""

    body: Mapping[str, Any]
    tries: int
    timeout: float
    sends: int | None


class Wire(Protocol):
    """The form of the requests of a program. Each method raises EjectError for a request that only the runner can send.

    ``functions`` are the declarations of the functions, by name.
    """

    functions: Mapping[str, FunctionSpec]

    def model(self, address: str) -> WireModel:
        """Return the model at an address of a flow, such as ``openai:gpt-5.4-mini``."""

    def form(self, type_: Type) -> tuple[Mapping[str, Any] | None, bool]:
        """Return the `response_format` for an answer, None for a text, and whether the value is wrapped in it."""

    def options(self, address: str, values: Mapping[str, Any], *, ballot: bool) -> WireOptions:
        """Return what the options of an ask come to. An answer that is a ``ballot`` is not corrected."""
