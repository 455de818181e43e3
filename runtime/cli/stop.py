"""`flowrun stop RUN`: stop a detached run, as ^C does at a terminal."""

from __future__ import annotations

import sys
import time

import click

from ..detached.control import Link
from ..detached.log import Tail
from ..detached.records import find
from ..journal.project import journal_option, resume_command
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import inert
from . import exits
from .console import complain
from .journals import journal_path
from .run_state import Found, State, find_run

_EVERY = 0.05


@click.command("stop", short_help="Stop a detached run.")
@click.argument("run", metavar="RUN")
@click.option("--now", is_flag=True, help="End the run at once, as a second ^C does. Calls under way may be paid.")
@click.option("--no-wait", is_flag=True, help="Do not wait until the run has ended.")
@click.option("--journal", metavar="FILE", help="The journal of the run.")
def command(run: str, now: bool, no_wait: bool, journal: str | None) -> int:
    """Stop RUN: its id, the first characters of the id, or `last`.

    The run sends nothing more, keeps the answers of the calls under way, and ends. The command waits for that, and
    prints how to resume the run. A run that has ended stays as it is.
    """
    found = find_run(run, journal_path(journal))
    name, resume = found.run.id, resume_command(found.run.id, found.journal)
    match found.state:
        case State.ELSEWHERE:
            raise UsageError(f"the run {name} goes on at a terminal, and not detached: press ^C there")
        case State.KILLED:
            complain(f"the run {name} does not go on: it was killed; resume it with: {resume}")
            return exits.DONE
        case State.ENDED | State.IN_JOURNAL:
            complain(f"the run {name} has ended before ({found.run.status or 'stopped'})")
            return exits.DONE
    return _stopped(found, now=now, wait=not no_wait)


def _stopped(found: Found, *, now: bool, wait: bool) -> int:
    """Stop a run that lives. Raises UsageError, if its process is held up and does not answer."""
    name = found.run.id
    tail = Tail(found.folder, name, rest=True)
    link = Link(found.folder, name)
    said = link.ask(ask="stop", now=now)
    link.close()
    if said is None and not _ends(found):
        process = found.detached.process if found.detached is not None else 0
        raise UsageError(
            f"the run {name} does not answer: its process {process} is held up. `kill -9 {process}` ends it"
        )
    if not wait:
        if not now:
            option = journal_option(found.journal)
            complain(f"the run {name} was told to stop: `flowrun attach {name}{option}` shows its end")
        return exits.DONE
    try:
        while _lives(found):
            _print(tail.read())
            time.sleep(_EVERY)
    except KeyboardInterrupt:
        complain(f"the run {name} goes on to its stop without this command")
        return exits.INTERRUPTED
    _print(tail.last())
    tail.close()
    if now:
        complain(f"the run {name} was ended; resume it with: {resume_command(name, found.journal)}")
    return exits.DONE


def _ends(found: Found) -> bool:
    """Tell whether a run that does not answer ends within a second."""
    until = time.monotonic() + 1
    while _lives(found):
        if time.monotonic() > until:
            return False
        time.sleep(_EVERY)
    return True


def _lives(found: Found) -> bool:
    seen = find(found.folder, found.run.id)
    return seen is not None and seen.lives


def _print(lines: list[str]) -> None:
    for line in lines:
        print(inert(line), file=sys.stderr, flush=True)
