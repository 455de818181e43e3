"""A plan with its bounds, as JSON of a published schema: what `flowrun plan --json` prints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ..plan import VERSION, Plan
from .amounts import Bounds

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class Foreseen:
    """``answers`` that a run would take from its journal, and ``calls`` that it would make at once beside them.

    What follows from the answers to those calls is not among them.
    """

    answers: int
    calls: int


@dataclass(frozen=True, slots=True)
class Planned:
    """``version`` is that of the plan's layout; fields of ``bounds`` may be added without a new one.

    ``journal`` is null where none has an answer of use, or an input is missing.
    """

    plan: Plan
    bounds: Bounds
    journal: Foreseen | None = None
    version: int = VERSION


def planned_json(plan: Plan, bounds: Bounds, journal: Foreseen | None = None) -> str:
    return _adapter().dump_json(Planned(plan, bounds, journal), indent=2).decode()


def planned_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of that document."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_adapter().json_schema()}


@cache
def _adapter() -> TypeAdapter[Planned]:
    from pydantic import TypeAdapter

    return TypeAdapter(Planned)
