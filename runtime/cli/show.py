"""`flowrun show`: a run of the journal as a tree, or one of its calls."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from flowrun.dsl import dataclass

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .console import complain, print_json
from .journals import journal_path

if TYPE_CHECKING:
    from ..plans.run_calls import RunCalls

_EPILOG = (
    "A path is that of an error or of this command: notes[17].draft, or notes.17.draft without brackets for the shell. "
    "Elements count from 0, or have the label of their author: notes.c-17.draft. A path stands for everything under it."
)


@dataclass(frozen=True, slots=True)
class WantedCalls:
    """The calls that the user wants to see, and in which order."""

    failed: bool = False
    slowest: int | None = None
    dearest: int | None = None
    grep: str | None = None
    model: str | None = None

    @property
    def listed(self) -> bool:
        """True if the calls are listed, without the tree."""
        return self.failed or self.slowest is not None or self.dearest is not None or self.grep is not None


@click.command("show", short_help="Show a run: its steps, or one call as it was sent.", epilog=_EPILOG)
@click.argument("run", metavar="[RUN", default="last")
@click.argument("path", metavar="[PATH]]", required=False)
@click.option("--failed", is_flag=True, help="List the calls that failed.")
@click.option("--slowest", type=click.IntRange(1), metavar="N", help="List the N calls that took longest.")
@click.option("--dearest", type=click.IntRange(1), metavar="N", help="List the N calls that cost most.")
@click.option("--grep", metavar="WORD", help="Print the lines of prompts and answers that hold WORD.")
@click.option("--model", metavar="MODEL", help="Show only the calls of this model.")
@click.option("--whole", is_flag=True, help="Replay the whole of a large run, also for one call.")
@click.option("--journal", metavar="FILE", help="The journal to read.")
@click.option("--json", "as_json", is_flag=True, help="Print the run and its calls as JSON.")
def command(run: str, path: str | None, whole: bool, journal: str | None, as_json: bool, **options: Any) -> None:
    """Show what RUN did: `last`, an id from `flowrun runs`, or the beginning of an id.

    Without PATH: the tree of its steps with calls, times, costs and votes. With the path of a call: its messages as
    they were sent, its answers, attempts, tokens and cost, and the vote that it counted in. With the path of a step:
    its part of the tree, and its calls. Nothing is sent, and no key is needed.
    """
    wanted = WantedCalls(**options)
    if wanted.grep == "":
        raise UsageError("--grep needs a word to look for")
    from .run_records import read_calls, read_records

    if path is None:
        [record] = read_records((run,), journal_path(journal))
    else:
        record = read_calls(run, path, journal_path(journal), whole=whole)
    from ..plans.run_calls import RunCalls

    calls = RunCalls(record)
    within = range(len(record.calls)) if path is None else calls.find(path)
    found = _chosen(calls, calls.in_order(within), wanted)
    if as_json:
        _print_json(calls, found, path)
        return
    if wanted.listed and not found:
        complain(_nothing(wanted, path))
        return
    for line in _lines(calls, found, path, wanted):
        print(line)


def _chosen(calls: RunCalls, found: list[int], wanted: WantedCalls) -> list[int]:
    """Keep the wanted calls, in the wanted order. Raises UsageError if the run has no such model."""
    from .views.call_lists import dearest, matches, slowest

    records = calls.record.calls
    if wanted.model is not None:
        found = _of_model(calls, found, wanted.model)
    if wanted.failed:
        found = [at for at in found if records[at].state == "failed"]
    if wanted.grep is not None:
        word = wanted.grep
        found = [at for at in found if next(matches(records[at], word), None) is not None]
    if wanted.slowest is not None:
        found = slowest(calls, found, wanted.slowest)
    if wanted.dearest is not None:
        found = dearest(calls, found, wanted.dearest)
    return found


def _of_model(calls: RunCalls, found: list[int], model: str) -> list[int]:
    """Return the calls of a model: by its address, or by its name without the provider."""
    addresses = dict.fromkeys(one.model for one in calls.record.calls)
    known = [one for one in addresses if model in (one, one.partition(":")[2])]
    if not known:
        from flowrun.dsl import did_you_mean

        guess = (
            did_you_mean(model, addresses) or f"its models are {', '.join(map(shown, list(addresses)[:8])) or 'none'}"
        )
        raise UsageError(f"the run {calls.record.id} made no call to {shown(model)}; {guess}")
    return [at for at in found if calls.record.calls[at].model in known]


def _print_json(calls: RunCalls, found: list[int], path: str | None) -> None:
    from ..vocabulary.call_path import parse_path
    from .views.outside import outside_at
    from .views.run_json import show_json
    from .views.run_tree import run_tree

    where = None if path is None else parse_path(path)
    print_json(show_json(calls, found, run_tree(calls, found, where), outside_at(calls, where)))


def _nothing(wanted: WantedCalls, path: str | None) -> str:
    what = "failed" if wanted.failed else "has a known time" if wanted.slowest is not None else "has a known cost"
    if wanted.grep is not None:
        what = f"holds {shown(wanted.grep)} in its prompt or answer"
    return f"no {'wanted ' if wanted.model else ''}call{f' at {shown(path)}' if path else ''} {what}"


def _lines(calls: RunCalls, found: list[int], path: str | None, wanted: WantedCalls) -> Iterator[str]:
    from ..vocabulary.call_path import parse_path
    from .views.call_lists import grep_lines, list_lines
    from .views.call_page import call_lines
    from .views.outside import outside_at, outside_lines
    from .views.run_page import head_line, note_lines, run_lines, tree_lines
    from .views.run_tree import run_tree
    from .views.screen import Screen

    screen = Screen.of(sys.stdout)
    if wanted.grep is not None:
        yield from grep_lines(calls, found, wanted.grep, screen)
        return
    if wanted.listed:
        yield from list_lines(calls, found, screen)
        return
    if path is None:
        yield from run_lines(calls, run_tree(calls, found), screen)
        return
    where = parse_path(path)
    if len(found) == 1 and not where.holds(calls.addresses[found[0]].segments[:-1]):
        yield from call_lines(calls, found[0], screen)
        yield from note_lines(calls.record)
        return
    tree = list(tree_lines(run_tree(calls, found, where), screen))
    yield head_line(calls.record, screen)
    yield from tree
    yield from outside_lines(outside_at(calls, where), calls, screen)
    if found:
        yield ""
    if len(found) == 1:
        yield from call_lines(calls, found[0], screen)
    else:
        yield from list_lines(calls, found, screen, taken=len(tree) + 2 + len(calls.record.notes))
    yield from note_lines(calls.record)
