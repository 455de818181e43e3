"""`flowrun journal`: look after the journal: its size, old runs, copies, and answers to forget."""

from __future__ import annotations

import click

from .journal_copies import export, import_
from .journal_upkeep import erase, forget, prune, stats, verify


@click.group("journal", short_help="Look after the journal: sizes, old runs, copies.")
def command() -> None:
    """Look after the journal of the project.

    A journal keeps all answers of all runs until somebody removes them. No command here sends a request.
    """


for _one in (stats, verify, prune, forget, erase, export, import_):
    command.add_command(_one)
