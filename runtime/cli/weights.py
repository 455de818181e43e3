"""`flowrun weights`: the files of the local models."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

import click

from ..providers.embedded.models import MODELS, LocalModel
from ..providers.embedded.stored_weights import Held, held, remove
from ..providers.embedded.weights import ensure, own_weights
from ..vocabulary.amounts import decimal_size_text
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import inert, shown
from . import exits
from .consent import person
from .console import print_json

_LARGE = 500_000_000
"""The size in bytes from which a person is asked before a download."""


@click.group("weights", short_help="Fetch, list or remove the files of the local models.")
def command() -> None:
    """Look after the weights of the local models, `embedded` and `embedded:tiny`.

    A run fetches them when it first needs them. They are kept in a folder that all your projects share.
    """


@command.command("list", short_help="List the weights and whether they are on this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_command(*, as_json: bool) -> int:
    """List the weights with their size, licence, digest and path. Nothing is fetched."""
    rows = [held(model, os.environ) for model in MODELS.values()]
    own = _own(os.environ)
    if as_json:
        print_json({"version": 1, "weights": [row.as_row() for row in rows], "own": own})
        return exits.DONE
    for row in rows:
        _tell(row)
    if own is not None:
        click.echo(inert(f"FLOWRUN_GGUF  {own['path']}, used in place of embedded: {own['error'] or own['said']}"))
    return exits.DONE


@command.command("fetch", short_help="Fetch the weights of a local model.")
@click.argument("model", required=False, default="embedded")
@click.option("--yes", is_flag=True, help="Fetch a large file without a question.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def fetch_command(model: str, *, yes: bool, as_json: bool) -> int:
    """Fetch the weights of MODEL (`embedded` or `embedded:tiny`), and check their digest.

    At a terminal a question comes before a large download. Weights that are here already are not fetched again.
    """
    wanted = _model(model)
    row = held(wanted, os.environ)
    if row.state != "verified":
        ask = None if yes or wanted.size < _LARGE else person()
        if ask is not None and not ask(
            f"Fetch {wanted.title}, {decimal_size_text(wanted.size)}, licence {wanted.licence}? [y/N] "
        ):
            click.echo("nothing was fetched", err=True)
            return exits.USAGE
        asyncio.run(ensure(wanted, os.environ, lambda line: click.echo(inert(line), err=True)))
        row = held(wanted, os.environ)
    if as_json:
        print_json({"version": 1, "weights": [row.as_row()]})
    else:
        _tell(row)
    if wanted.name == "embedded" and os.environ.get("FLOWRUN_GGUF"):
        click.echo("FLOWRUN_GGUF is set: runs use that file in place of these weights", err=True)
    return exits.DONE


@command.command("remove", short_help="Remove the weights of a local model.")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def remove_command(model: str, *, as_json: bool) -> int:
    """Remove the weights of MODEL (`embedded` or `embedded:tiny`) from this machine.

    Weights that a run uses or fetches at the moment stay. A later run fetches them again.
    """
    wanted = _model(model)
    row = held(wanted, os.environ)
    freed = remove(wanted, os.environ)
    if as_json:
        print_json({"version": 1, "removed": wanted.name, "bytes": freed, "path": str(row.path)})
    elif freed:
        click.echo(inert(f"removed {row.path} ({decimal_size_text(freed)})"))
    else:
        click.echo(inert(f"{wanted.name}: there are no weights in {row.path.parent}"))
    return exits.DONE


def _model(name: str) -> LocalModel:
    for model in MODELS.values():
        if name == model.name:
            return model
    known = " and ".join(model.name for model in MODELS.values())
    raise UsageError(f"flowrun has no weights for {shown(name)}: the local models are {known}")


def _own(environ: Mapping[str, str]) -> dict[str, str | int | None] | None:
    """Return the facts about the file of the user's own; None if there is none."""
    text = environ.get("FLOWRUN_GGUF", "")
    if not text:
        return None
    try:
        path, size = own_weights(text)
    except UsageError as error:
        return {"path": text, "bytes": None, "said": None, "error": str(error)}
    return {"path": str(path), "bytes": size, "said": f"{decimal_size_text(size)}, not verified", "error": None}


def _tell(row: Held) -> None:
    model = row.model
    click.echo(f"{model.name}  {model.title}, {decimal_size_text(model.size)}, licence {model.licence}")
    click.echo(f"  SHA-256 {model.sha256}")
    state = {"absent": "not here: a run fetches it, or `flowrun weights fetch " + model.name + "`"}.get(
        row.state, row.state
    )
    used = ", in use" if row.used else ""
    click.echo(inert(f"  {row.path}: {state}{used}"))
