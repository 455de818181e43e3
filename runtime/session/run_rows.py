"""The settings of a run, the places of its models, and the rows of the journal that keep them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ..costs.written_budget import Budget
from ..files.urls import recorded_place
from ..inputs.cuts import Taken
from ..providers.addresses import printable, without_secrets
from ..vocabulary.json_value import Json


@dataclass(frozen=True, slots=True)
class RunSettings:
    """The settings of a run beside its flow and inputs.

    ``folder`` is the flow's; None for that of the plan's source. ``allow_python`` is not a setting here. A user who
    resumes a run must allow it again, so that no journal runs code. ``reads`` are the files that inputs came from, over
    which no command writes. ``of_project`` is True if the project's file names the model, which is then no choice of
    the user. If ``batch`` is True, batch APIs are asked wherever there are any. ``taken`` has the lists of the inputs
    that are not whole, by parameter.
    """

    model: str
    folder: Path | None = None
    allow_read: tuple[Path, ...] = ()
    allow_host: tuple[str, ...] = ()
    budget: Budget | None = None
    fresh: bool = False
    ask_doubtful: bool = True
    reads: tuple[Path, ...] = ()
    of_project: bool = False
    batch: bool = False
    taken: Mapping[str, Taken] = field(default_factory=dict)


def settings_row(plan: p.Plan, settings: RunSettings) -> dict[str, Json]:
    folder = settings.folder or (Path(plan.source).parent if plan.source else Path())
    return {
        "model": settings.model,
        "folder": os.path.abspath(folder),
        "allow_read": [os.path.abspath(place) for place in settings.allow_read],
        "allow_host": list(settings.allow_host),
        "budget": budget_row(settings),
        "fresh": settings.fresh,
        "reads": [recorded_place(file, os.path.abspath(file)) for file in settings.reads],
        **({"of_project": True} if settings.of_project else {}),
        **({"batch": True} if settings.batch else {}),
        **({"first": {name: list(one) for name, one in settings.taken.items()}} if settings.taken else {}),
    }


def budget_row(settings: RunSettings) -> Json:
    return [settings.budget.calls, settings.budget.money] if settings.budget else None


def models_row(endpoints: Mapping[str, str], models: Mapping[str, str]) -> dict[str, Json]:
    """Return the places of models: the name of each in the keys of the journal, and its base URL without secrets."""
    places: dict[str, dict[str, Json]] = {}
    for address, name in endpoints.items():
        bare = without_secrets(name)
        # A provider of another package may have a password in its name. The keys of its calls cannot be made again
        # from a name without it.
        secret = bare and any(sign in name for sign in "@?#")
        places[address] = {"name": bare if secret else name, "url": printable(name)}
        if address in models:
            places[address] |= {"model": models[address]}
    return {**places}
