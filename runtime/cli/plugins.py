"""`flowrun plugins`: the extensions of other packages, and the problems with them."""

from __future__ import annotations

import click

from ..documents.reading import READERS
from ..providers import provider_faults
from ..reducers import REDUCERS
from ..registry.entries import entry_points, unreadable, words_for
from ..splitters import SPLITTERS
from . import exits


@click.command("plugins", short_help="List what other packages add, and what is wrong with it.")
def command() -> int:
    """List the reducers, splitters, readers and providers of other packages. All but the providers are loaded."""
    faults = [*unreadable(), *provider_faults()]
    lines = [
        words_for("provider", name, entries)
        for name, entries in entry_points("flowrun.providers").items()
        if not any(fault.startswith(words_for("provider", name, entries)) for fault in faults)
    ]
    for registry in (REDUCERS, SPLITTERS, READERS.registry):
        for name, entries in registry.entries.items():
            fault = registry.fault(name)
            (faults if fault else lines).append(fault or words_for(registry.kind, name, entries))
    for line in (*sorted(lines), *sorted(faults)):
        click.echo(line)
    if not lines and not faults:
        click.echo("no package adds anything; docs/plugins.md tells how one does")
    return exits.FINDINGS if faults else exits.DONE
