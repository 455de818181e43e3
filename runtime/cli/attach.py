"""`flowrun attach RUN`: follow a detached run to its end, and print its result."""

from __future__ import annotations

import codecs
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..detached.places import ANSWER
from ..detached.records import find
from ..journal.files import open_file
from ..journal.project import journal_option, resume_command
from ..vocabulary.quoting import inert
from . import exits
from .console import complain, print_answer, say
from .journals import journal_path
from .progress import EVERY
from .run_state import Found, State, find_run

if TYPE_CHECKING:
    from ..detached.log import Tail
    from .run_follower import Follower

_BLOCK = 65536
_LOOK = 0.5
"""The least seconds between two readings of the journal."""
_SHARE = 20.0
"""The time between two readings, as a multiple of what one takes."""


@click.command("attach", short_help="Follow a detached run, and print its result.")
@click.argument("run", metavar="RUN", default="last")
@click.option("--journal", metavar="FILE", help="The journal of the run.")
def command(run: str, journal: str | None) -> int:
    """Follow RUN: its id, the first characters of the id, or `last`.

    The progress is shown as on the terminal of the run. At its end the command prints the result, and has the exit code
    of the run. If the run has ended, it does so at once. Of a run that goes on at another terminal, only the end is
    shown. ^C ends only this command, and the run goes on; `flowrun stop` stops it. Several commands may follow one run.
    """
    path = journal_path(journal)
    found = find_run(run, path)
    match found.state:
        case State.ELSEWHERE:
            return _awaited(found)
        case State.IN_JOURNAL:
            return _from_journal(found)
    return _followed(found)


def _awaited(found: Found) -> int:
    """Wait for the end of a run that goes on at a terminal. Its journal tells of it, without the progress of calls."""
    from ..vocabulary.amounts import count_text

    name, told = found.run.id, 0.0
    print(inert(f"the run {name} goes on at a terminal: its journal is read until it ends"), file=sys.stderr)
    try:
        while found.state is State.ELSEWHERE:
            began = time.monotonic()
            if began - told >= EVERY:
                told = began
                print(f"{count_text(found.run.answers, 'answer')} so far", file=sys.stderr, flush=True)
            # A large journal is read rarely.
            time.sleep(max(_LOOK, _SHARE * found.seconds))
            found = find_run(name, found.journal)
    except KeyboardInterrupt:
        complain(f"the run {name} goes on at its terminal")
        return exits.INTERRUPTED
    return _killed(found) if found.state is State.KILLED else _from_journal(found)


def _followed(found: Found) -> int:
    """Follow a run that has its own process, or show its end."""
    from ..detached.log import Tail

    tail = Tail(found.folder, found.run.id)
    number = _follow(found, tail) if found.state is State.LIVES else 0
    if number:
        option = journal_option(found.journal)
        complain(f"the run goes on: `flowrun attach {found.run.id}{option}` follows it again")
        return 128 + number
    for line in tail.last():
        print(inert(line), file=sys.stderr)
    tail.close()
    ended = find(found.folder, found.run.id)
    if ended is None or ended.code is None:
        return _killed(found)
    if not _print_answer(found.folder / f"{found.run.id}{ANSWER}"):
        return _from_journal(find_run(found.run.id, found.journal))
    return ended.code


def _follow(found: Found, tail: Tail) -> int:
    """Show the progress of a run until its process has ended. Return the signal that ends this command; 0 for none."""
    from ..detached.control import Link

    heard: list[int] = []
    # The display is left whole, so a signal only ends the loop.
    before = {
        number: signal.signal(number, lambda number, frame: heard.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    link = Link(found.folder, found.run.id)
    follower = _follower()
    try:
        while not heard and (now := find(found.folder, found.run.id)) is not None and now.lives:
            follower.show(tail.read(), link)
            time.sleep(follower.every)
        return heard[0] if heard else 0
    finally:
        follower.close()
        link.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _follower() -> Follower:
    from .run_follower import Drawn, Follower

    return Drawn() if sys.stderr.isatty() else Follower()


def _killed(found: Found) -> int:
    complain(
        f"the run {found.run.id} was killed, or its machine went down; its paid answers are in the journal: resume it "
        f"with: {resume_command(found.run.id, found.journal)}"
    )
    return exits.KILLED


def _print_answer(path: Path) -> bool:
    """Print what the run wrote to its standard output. Return False if the file is gone."""
    try:
        file = open_file(path, os.O_RDONLY)
    except OSError:
        return False
    with os.fdopen(file, "rb") as answer:
        reader = codecs.getincrementaldecoder("utf-8")("replace")
        while data := answer.read(_BLOCK):
            say(reader.decode(data))
        say(reader.decode(b"", final=True))
    sys.stdout.flush()
    return True


def _from_journal(found: Found) -> int:
    """Show the end of a run that ended at a terminal, or whose record is gone, as its journal tells it."""
    from ..vocabulary.amounts import count_text
    from .run_records import read_records

    [record] = read_records((found.run.id,), found.journal)
    for loss in record.end.losses:
        print(inert(f"{loss.path}: {'' if loss.fatal else 'left out: '}{loss.reason}"), file=sys.stderr)
    answers = count_text(found.run.answers, "answer")
    print(inert(f"the run {found.run.id} has ended ({record.status}) · {answers}"), file=sys.stderr)
    if record.status in ("done", "partial"):
        print_answer(record.end.value)
    else:
        complain(f"resume the run with: {resume_command(found.run.id, found.journal)}")
    return exits.STATUS.get(record.status, exits.INTERRUPTED)
