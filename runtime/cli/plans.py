"""Options of commands that take a plan: the folders that it may read, and its model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from flowrun.dsl import did_you_mean
from flowrun.dsl import plan as p

from ..files.folders import must_be_folder
from ..providers import provider_table
from ..providers.declared_endpoints import endpoints_of
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .paths import PathThatIs


def allowed(ctx: click.Context, param: click.Parameter, places: tuple[Path, ...]) -> tuple[Path, ...]:
    """Check the folders of --allow-read. Raises UsageError for a path that is not a folder: it would allow nothing."""
    for place in places:
        must_be_folder(place, "--allow-read", "--allow-read {}")
    return places


ALLOW_READ: Mapping[str, Any] = {
    "multiple": True,
    "type": PathThatIs(),
    "callback": allowed,
    "metavar": "DIR",
    "help": "Let the flow read this folder, besides its own.",
}
"""The option --allow-read of commands."""


def chosen_model(plan: p.Plan, option: str | None) -> str:
    """Return the model for asks that name none: that of the option, of the environment or of the project.

    Raises UsageError if the model of the option or of the project cannot be known.
    """
    if given := known_model(plan, option):
        return given
    from ..providers.default_model import model_without_option

    found = model_without_option(os.environ, plan.source)
    return (known_model(plan, found.name) or found.name) if found.of_project else found.name


def known_model(plan: p.Plan, model: str | None) -> str | None:
    """Check that the plan declares this model, or that its provider exists. Return None for an empty name.

    No key is needed, because nothing is sent. Raises: UsageError.
    """
    if not model:
        return None
    if any(one.name == model for one in plan.models):
        return model
    provider, _, name = model.partition(":")
    table = {info.name: info for info in provider_table()}
    if provider in table:
        if not name and table[provider].base_url:
            raise UsageError(f"{provider} serves many models: name a model, as in `{table[provider].example}`")
        return model
    declared = endpoints_of(plan, os.environ)
    if provider not in declared:
        guess = did_you_mean(provider, (*table, *declared))
        known = ", ".join((*(info.example for info in table.values()), *(f"{one}:NAME" for one in declared)))
        raise UsageError(
            f"no provider is called {shown(provider)}"
            + (f"; {guess}" if guess else "")
            + f". Examples of models are {known}"
        )
    if not name:
        raise UsageError(f"{provider} serves many models: name a model, as in `{provider}:NAME`")
    return model
