"""`flowrun answer RUN PATH VALUE`: the answer of a person to an open question of a run."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Set
from contextlib import ExitStack, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrun.dsl import dataclass, types

from ..journal.project import journal_option
from ..vocabulary.call_path import path_text
from ..vocabulary.errors import AnswerError, UsageError
from ..vocabulary.question import LeftOpenError, Question, typed
from ..vocabulary.quoting import inert, sentence, shown
from . import exits
from .console import complain, print_json, standard_input
from .journals import journal_path
from .outcome import shown_path

if TYPE_CHECKING:
    from ..engine.decisions import Call
    from ..journal.store import Journal
    from ..vocabulary.call_record import CallRecord

_PATIENCE = 2.0
"""The seconds to wait for another process that has the run, such as another `flowrun answer`."""
_ANSWERED = ("answered", "reused")


@click.command("answer", short_help="Answer an open question of a run, or list its questions.")
@click.argument("run", metavar="[RUN", default="last")
@click.argument("path", metavar="[PATH", required=False)
@click.argument("value", metavar="[VALUE]]]", required=False)
@click.option("--again", is_flag=True, help="Replace an answer that the journal has.")
@click.option("--journal", metavar="FILE", help="The journal of the run.")
@click.option("--json", "as_json", is_flag=True, help="Print the open questions as JSON.")
def command(run: str, path: str | None, value: str | None, again: bool, journal: str | None, as_json: bool) -> int:
    """Answer a question that RUN asks a person: RUN is `last`, an id from `flowrun runs`, or the beginning of an id.

    Without PATH: list the open questions with their paths and types. With PATH and VALUE: write the answer into the
    journal. VALUE is a word, a text, a number or JSON; - reads it from standard input. With PATH alone: show the
    question, and read the answer from the terminal. Then `flowrun resume RUN` goes on, and pays for nothing again.
    """
    where = journal_path(journal)
    if path is None:
        return _list(run, where, as_json=as_json)
    text = standard_input() if value == "-" else value
    if text is None:
        text = _from_terminal(_found(run, path, where, again=again), where)
        if text is None:
            return exits.OPEN
    asked = asyncio.run(_write(run, path, text, _existing(where), again=again))
    print(inert(f"{asked.run}: {asked.path} is answered"), file=sys.stderr)
    left = [one for one in _questions(run, where)[1] if one.open]
    if left:
        more = "1 question is" if len(left) == 1 else f"{len(left):,} questions are"
        print(inert(f"{more} still open, such as {left[0].path}"), file=sys.stderr)
    return exits.DONE


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question of a run at a ``path``, and what the run has of it.

    ``call`` is the call of the state machine. ``paid`` are the keys that have an answer.
    """

    path: str
    run: str
    number: int
    question: Question
    call: Call
    record: CallRecord
    paid: Set[bytes]

    @property
    def answered(self) -> bool:
        """True if the journal has an answer that was not forgotten."""
        return self.record.state in _ANSWERED and self.call.known.key in self.paid

    @property
    def open(self) -> bool:
        return self.record.state in ("open", "unsent", *_ANSWERED) and not self.answered


def _questions(run: str, journal: Path) -> tuple[Any, list[_Asked]]:
    """Read the questions of a run in the order of the flow, and the calls of the run. Raises UsageError, DiskError."""
    from ..journal.choice import chosen_run
    from ..plans.run_calls import RunCalls
    from ..replay.questions import read_questions
    from .run_records import opened

    with opened(journal) as reader:
        one = chosen_run(reader.index, run, journal, command="flowrun answer")
        record, people = read_questions(reader, one)
        paid = reader.paid_keys({asked.call.known.key for asked in people.values()})
    calls = RunCalls(record)
    found = []
    for at in calls.in_order(range(len(record.calls))):
        asked = people.get(record.calls[at].place)
        if asked is not None and asked.call.question is not None:
            path = path_text(calls.addresses[at].segments)
            found.append(_Asked(path, one.id, one.number, asked.call.question, asked.call, record.calls[at], paid))
    return calls, found


def _list(run: str, journal: Path, *, as_json: bool) -> int:
    open_ = [one for one in _questions(run, journal)[1] if one.open]
    if as_json:
        rows = [{"path": one.path, "type": types.show(one.question.type), "text": one.question.text} for one in open_]
        print_json({"version": 1, "questions": rows})
        return exits.DONE
    for one in open_:
        print(inert(f"{shown_path(one.path)}  {types.show(one.question.type)}  {sentence(one.question.text)}"))
    if open_:
        complain(f"answer with: {_example(open_[0], journal)}")
    else:
        complain("the run has no open question")
    return exits.DONE


def _found(run: str, path: str, journal: Path, *, again: bool) -> _Asked:
    """Find the question at a path. Raises UsageError if it cannot be answered."""
    calls, questions = _questions(run, journal)
    places = {calls.record.calls[at].place for at in calls.find(path)}
    found = [one for one in questions if one.record.place in places]
    if not found:
        raise UsageError(f"{shown(path, 80)} asks no person; `flowrun answer {run}` lists the open questions")
    open_ = [one for one in found if one.open]
    chosen = open_ or found
    if len(chosen) > 1:
        listed = ", ".join(one.path for one in chosen[:3]) + (", …" if len(chosen) > 3 else "")
        raise UsageError(f"{len(chosen)} questions are at {shown(path, 80)}: {listed}; write the path of one of them")
    one = chosen[0]
    if one.answered and not again:
        said = shown(one.record.answers[-1].text, 60) if one.record.answers else "an answer"
        raise UsageError(f"{one.path} is already answered, with {said}: replace the answer with --again")
    if not one.open and not one.answered:
        raise UsageError(f"{one.path} waits for no answer: the question {one.record.state}")
    return one


async def _write(run: str, path: str, text: str, where: Path, *, again: bool) -> _Asked:
    """Write an answer. Another process may have answered before the journal is this one's: so look again."""
    from ..dispatch.person_records import person_records
    from ..journal.records import Kind, LogRecord

    with closing(await _taken(where, run)) as journal:
        asked = _found(run, path, where, again=again)
        try:
            text = typed(asked.question, text)
        except AnswerError as error:
            raise UsageError(f"{asked.path}: {error}") from None
        rows = person_records(asked.number, asked.call, text, os.urandom(12).hex())
        if not asked.open:
            key, place = asked.call.known.key, asked.call.place
            rows.insert(0, LogRecord(asked.number, Kind.FORGOTTEN, {"at": time.time()}, key, place))
        await journal.append(rows)
        return asked


def _existing(where: Path) -> Path:
    if not where.exists():
        raise UsageError(f"there is no journal {shown(str(where))}: name one with --journal FILE")
    return where


async def _taken(where: Path, run: str) -> Journal:
    """Open the journal and take a run. Wait a little for another process that has it. Raises UsageError, DiskError."""
    from ..journal.choice import chosen_run
    from ..journal.opening import live_in, open_journal

    end = time.monotonic() + _PATIENCE
    while True:
        with ExitStack() as opened:
            journal = opened.enter_context(closing(open_journal(where)))
            one = chosen_run(journal.index, run, where, command="flowrun answer")
            try:
                journal.begin(one.number)
            except UsageError:
                if time.monotonic() > end:
                    process = live_in(where, [one.number]).get(one.number)
                    if not process:
                        raise
                    raise UsageError(
                        f"process {process} is running the run {one.id}: answer where it asks, or stop it first; its "
                        "answers are kept, and `flowrun resume` goes on"
                    ) from None
            else:
                opened.pop_all()
                return journal
        await asyncio.sleep(0.05)


def _from_terminal(asked: _Asked, journal: Path) -> str | None:
    """Ask the person at the terminal. None if the person leaves the question open."""
    from .people import at_terminal

    ask = at_terminal(lambda: nullcontext(sys.stderr))
    if ask is None:
        raise UsageError(
            f"give the answer behind the path, or - to read it from standard input: {_example(asked, journal)}"
        )

    async def answer() -> str:
        return await ask(asked.question)

    try:
        return asyncio.run(answer())
    except LeftOpenError:
        return None


def _example(asked: _Asked, journal: Path) -> str:
    return f"flowrun answer {asked.run} {shown_path(asked.path)} VALUE{journal_option(journal)}"
