"""A plan with its bounds, as JSON of a published schema: the output of `flowrun plan --json`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ..plan import VERSION, Fanout, Map, Plan, Repeat
from ..records import dataclass
from .amounts import Bounds

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_EXTRA = "extra"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The use that a run would make of a journal.

    ``answers`` is the number of answers that it would take from the journal, and ``calls`` the number of calls that it
    would send at the beginning. Calls that depend on the answers to those calls are not counted. ``questions`` is the
    number of questions that it would ask people.
    """

    answers: int
    calls: int
    questions: int = 0


@dataclass(frozen=True, slots=True)
class AskedModel:
    """A model that a run may ask.

    ``origin`` is the place that declares its endpoint: `built-in`, `user`, `project`, `flow`, or `package` for a
    provider of another package, of which nothing more is known. ``address`` is without secrets. ``key`` is the
    environment variable with the key, "" if it needs none, and ``headers`` are further variables that are sent.
    """

    model: str
    origin: str
    address: str = ""
    host: str = ""
    key: str = ""
    key_set: bool = False
    headers: tuple[str, ...] = ()
    local: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with its bounds, as `flowrun plan --json` prints it.

    ``version`` is the version of the plan's layout. ``bounds`` may get more fields without another version. ``journal``
    is null if no journal has a useful answer, or if an input is missing. ``unforeseen`` has the models and steps with
    the option `extra`, whose effect the bounds do not know; it is left out if there are none. ``models`` are the models
    that a run may ask.
    """

    plan: Plan
    bounds: Bounds
    journal: Foreseen | None = None
    version: int = VERSION
    unforeseen: tuple[str, ...] = ()
    models: tuple[AskedModel, ...] = ()


def planned_json(
    plan: Plan, bounds: Bounds, journal: Foreseen | None = None, models: tuple[AskedModel, ...] = ()
) -> str:
    planned = Planned(plan, bounds, journal, unforeseen=unforeseen(plan), models=models)
    return _adapter().dump_json(planned, indent=2, exclude=None if planned.unforeseen else {"unforeseen"}).decode()


def unforeseen(plan: Plan) -> tuple[str, ...]:
    """Return the models and steps that have the option `extra`. The bounds do not know what it does."""
    found = [model.name for model in plan.models if _EXTRA in model.options]
    for step in plan.walk():
        reduce = step.node.reduce if isinstance(step.node, (Map, Repeat, Fanout)) else None
        if _EXTRA in step.options or (reduce is not None and _EXTRA in reduce.options):
            found.append(step.title)
    return tuple(dict.fromkeys(found))


def planned_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the document that `flowrun plan --json` prints."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_adapter().json_schema()}


@cache
def _adapter() -> TypeAdapter[Planned]:
    from pydantic import TypeAdapter

    return TypeAdapter(Planned)
