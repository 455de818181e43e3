"""`flowrun diff RUN RUN`: what changed between two runs, and what it cost."""

from __future__ import annotations

import sys

import click

from .console import print_json
from .journals import journal_path


@click.command("diff", short_help="Compare two runs: prompts, answers, votes, value and cost.")
@click.argument("before", metavar="RUN")
@click.argument("after", metavar="[RUN]", default="last")
@click.option("--journal", metavar="FILE", help="The journal to read.")
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
def command(before: str, after: str, journal: str | None, as_json: bool) -> None:
    """Compare two runs: an id from `flowrun runs`, the beginning of an id, or `last`. The second is the last run if it
    is left out.

    The calls of both are matched by their paths, and elements by their authors' labels. Words that are gone are marked
    [-so-], words that came are marked {+so+}. The exit code is 0, whether the runs differ or not.
    """
    from .run_records import read_records

    old, new = read_records((before, after), journal_path(journal), command="")
    from ..plans.run_calls import RunCalls
    from .views.difference_lines import difference_json, difference_lines
    from .views.differences import differences
    from .views.screen import Screen

    found = differences(RunCalls(old), RunCalls(new))
    if as_json:
        print_json(difference_json(found))
        return
    for line in difference_lines(found, Screen.of(sys.stdout)):
        print(line)
