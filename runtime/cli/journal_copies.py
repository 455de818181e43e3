"""The commands of `flowrun journal` that copy a run into a file, and back into a journal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click

from ..journal.choice import LAST, chosen_run
from ..outputs.part import PartFile
from ..outputs.target import Target
from ..vocabulary.amounts import count_text
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import one_line, shown
from .console import print_json
from .journal_options import as_json, existing, of_journal
from .journals import journal_path
from .paths import OutputPath, PathThatIs, to_file
from .sources import sources_of


@click.command("export", short_help="Copy a run into a file.")
@click.argument("run", metavar="[RUN]", default=LAST)
@click.option("--output", "-o", "out", type=PathThatIs(), metavar="FILE", help="The file; - for standard output.")
@click.option("--cassette", type=OutputPath(), metavar="FILE", help="Write only a cassette for tests: FILE.jsonl.")
@of_journal
def export(run: str, out: Path | None, cassette: Path | None, journal: str | None) -> None:
    """Write RUN into a file of JSON lines: its plan, its inputs, all rows of its journal, and all calls.

    The lines of the kind `call` have the prompts and answers for other programs, in the form of `flowrun show --json`.
    `flowrun journal import` reads all other lines, and the run is then in the other journal with its answers.

    With --cassette the file has only the prompts and answers, for the line `cassette` of a test.
    """
    from ..journal.copies import lines_of
    from ..journal.reading import JournalReader
    from ..replay import calls_of
    from ..vocabulary.call_record import as_row

    path = existing(journal)
    if cassette is not None:
        from .run_cassette import export_cassette

        if out is not None:
            raise UsageError("--output and --cassette exclude each other: give only one of them")
        export_cassette(path, run, cassette)
        return
    with JournalReader(path) as reader:
        chosen = chosen_run(reader.index, run, path)

        def lines() -> Iterator[str]:
            for line in lines_of(reader, chosen):
                yield _line(line)
            for call in calls_of(reader, chosen) if chosen.given else ():
                yield _line({"kind": "call", **as_row(call)})

        file = to_file(out)
        if file is None:
            for line in lines():
                sys.stdout.write(line)
            return
        target = Target(file, sources_of(reader, chosen))
        written = _write(target, lines())
        click.echo(f"{count_text(written, 'line')} of {chosen.id} are in {target.name}", err=True)


@click.command("import", short_help="Take a run from a file into the journal.")
@click.argument("file", metavar="FILE", type=PathThatIs())
@of_journal
@as_json
def import_(file: Path, journal: str | None, as_json: bool) -> None:
    """Write the run of FILE, which `flowrun journal export` made, into the journal.

    Its answers then count as paid: a run with the same calls takes them. So import only files that you trust.
    """
    from ..journal.copies import bring_in

    path = journal_path(journal)
    name = str(file)
    try:
        source: IO[bytes] = sys.stdin.buffer if name == "-" else open(file, "rb")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise UsageError(f"{shown(name)} cannot be read: {error.strerror}") from None
    with source:
        run, answers = bring_in(path, _read_lines(source, name), name)
    if as_json:
        print_json({"version": 1, "run": run, "answers": answers})
        return
    click.echo(one_line(f"{run} with {count_text(answers, 'answer')} is in {path}"))


def _line(data: dict[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":")) + "\n"


def _write(target: Target, lines: Iterator[str]) -> int:
    """Write lines one by one, and move the file to its place at the end. Return their number. Raises DiskError."""
    number = 0
    try:
        if target.pipe is not None:
            for line in lines:
                target.pipe.write(target.encoded(line))
                number += 1
            return number
        part = PartFile(target)
        try:
            for line in lines:
                part.write(target.encoded(line))
                number += 1
            part.finish()
        finally:
            part.leave(empty=True)
        return number
    except OSError as error:
        raise target.trouble(error) from None
    finally:
        target.close()


def _read_lines(source: IO[bytes], name: str) -> Iterator[bytes]:
    from ..journal.copy_lines import MOST_BYTES

    while line := source.readline(MOST_BYTES + 1):
        if len(line) > MOST_BYTES:
            raise UsageError(f"{shown(name)} has a line of more than {MOST_BYTES >> 20} MiB: it is no copy of a run")
        if line.strip():
            yield line
