"""Runs that are killed again and again until they have ended, with the bill of the server."""

from __future__ import annotations

import random
from pathlib import Path

from .place import Place, announced
from .processes import QUICK
from .written import read_journal


def kill_until_done(at: Place, name: str, dice: random.Random, parts: tuple[float, float] = (0, 0.35)) -> int:
    """Run, kill and resume, over and over, to the end; how many kills that took.

    Each kill comes after a drawn part of the time that a whole run takes. The answer must be that of a whole run, and
    no answer may be paid twice that the command did not tell of.
    """
    before, first = at.served.answers(), len(at.served.lines())
    told = kills = 0
    command = at.start(name)
    while True:
        # A machine that has become slow gets more and more time, so that the run comes to its end.
        code = command.wait(dice.uniform(*parts) * at.seconds * 1.03**kills)
        if code is None:
            command.kill()
            code = command.wait()
            kills += 1
        told += announced(command.err)
        if code == 0:
            break
        assert code == -9, command.err
        command = at.resume(name, others=QUICK) if has_begun(at.folder / name) else at.start(name)
    assert command.out == at.expected
    assert at.needed <= at.served.answers() - before <= at.needed + told
    assert sum(count - 1 for count in at.served.billed_keys(first).values()) <= told
    return kills


def has_begun(folder: Path, name: str = "journal.db") -> bool:
    """Tell whether the journal has a run that can be resumed."""
    return any(run.given for run in read_journal(folder / name).runs.values())
