"""The inputs and options of a plan, read from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from flowrun.dsl import did_you_mean
from flowrun.dsl import plan as p

from ..files.files import Files
from ..files.folders import must_be_folder
from ..inputs.inputs import read_input
from ..providers import provider_table
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .show import remark, standard_input


def inputs_of(plan: p.Plan, words: list[str], pairs: tuple[str, ...], files: Files) -> dict[str, Any]:
    """Read the inputs on a command line: ``--NAME VALUE``, ``--NAME=VALUE`` or, as ``pairs``, ``NAME=VALUE``.

    Some or all may be missing. A parameter with the name of an option of the command is written ``--param-NAME``.
    """
    params = {param.name: param for param in plan.params}
    texts: dict[str, str] = {}
    left = iter(words)
    for word in left:
        name, equals, value = word.removeprefix("--").partition("=")
        found = _param(name, params) if word.startswith("--") else None
        if found is None:
            known = " ".join(f"--{known}" for known in params) or "none"
            guess = did_you_mean(name, params)
            raise UsageError(
                f"`{word}` is no parameter of the flow `{plan.flow}`; " + (guess or f"its parameters are: {known}")
            )
        if not equals:
            given = next(left, None)
            if given is None:
                raise UsageError(f"`{word}` needs a value behind it")
            value = given
        _take(texts, found, value)
    take_pairs(texts, plan, pairs)
    if list(texts.values()).count("-") > 1:
        raise UsageError("standard input can be only one parameter's value")
    return {name: read_input(params[name], text, standard_input, files, tell=remark) for name, text in texts.items()}


def take_pairs(texts: dict[str, str], plan: p.Plan, pairs: tuple[str, ...]) -> None:
    """Add the values of `--param NAME=VALUE` to ``texts``, the values of the parameters."""
    params = [param.name for param in plan.params]
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"`--param {pair}`: write NAME=VALUE")
        if name not in params:
            raise UsageError(f"the flow `{plan.flow}` has no parameter `{name}`. {did_you_mean(name, params)}".rstrip())
        _take(texts, name, value)


def _take(texts: dict[str, str], name: str, value: str) -> None:
    if name in texts:
        raise twice(name)
    texts[name] = value


def twice(name: str) -> UsageError:
    return UsageError(f"the parameter `{name}` is given twice; give it one value")


def allowed(ctx: click.Context, param: click.Parameter, places: tuple[Path, ...]) -> tuple[Path, ...]:
    """Check the folders of --allow-read. Raises UsageError for a path that is no folder: it would allow nothing."""
    for place in places:
        must_be_folder(place, "--allow-read", "--allow-read {}")
    return places


def known_model(plan: p.Plan, model: str | None) -> str | None:
    """Check that the plan declares this model, or that its provider exists; return None for an empty name.

    No key is needed, because nothing is sent. Raises: UsageError.
    """
    if not model:
        return None
    if any(one.name == model for one in plan.models):
        return model
    provider, _, name = model.partition(":")
    table = {info.name: info for info in provider_table()}
    if provider not in table:
        guess = did_you_mean(provider, table)
        known = ", ".join(info.example for info in table.values())
        raise UsageError(
            f"no provider is called {shown(provider)}"
            + (f"; {guess}" if guess else "")
            + f". Models are such as {known}"
        )
    if not name and table[provider].base_url:
        raise UsageError(f"{provider} serves many models: name one, as in `{table[provider].example}`")
    return model


def _param(name: str, params: dict[str, p.Param]) -> str | None:
    for written in (name, name.removeprefix("param-")):
        for known in (written, written.replace("-", "_")):
            if known in params:
                return known
    return None
