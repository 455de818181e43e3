"""`flowrun init`: a first flow with its test, to start from."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from ..outputs.replace import put, put_new
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import one_line, shown
from . import exits
from .consent import at_keyboard
from .console import complain
from .paths import PathThatIs
from .starter_files import CI, files_beside, ignore_file, ignore_line
from .starters import MAIL, STARTERS, Starter


@click.command("init", short_help="Write a first flow with a test.")
@click.argument("what", required=False, type=PathThatIs(), metavar="[vote|review|table|panel]")
@click.argument("folder", required=False, type=PathThatIs())
@click.option(
    "--ci",
    type=click.Choice([*CI, "none"]),
    help="The code host whose CI checks the flows. The default is github.",
)
@click.option("--no-settings", is_flag=True, help="Write no flowrun.toml.")
def command(what: Path | None, folder: Path | None, ci: str | None, no_settings: bool) -> int:
    """Write a first flow with its test to FOLDER, or to this folder, and show how to test and run it. Beside the flow
    come a sample of its input, a flowrun.toml with its settings in comments, a check for CI and a line in .gitignore.
    At a terminal and without arguments, the command asks what to write. No existing file is changed, but for that line.

    \b
      vote    ask one question several times, and take the answer of the majority
      review  ask about each section of a document at once, and combine the notes
      table   ask about each row of a table at once, and get a table
      panel   let three readers look at a text side by side, and a judge decide

    `flowrun init PATH` writes only the flow of a vote, to PATH.
    """
    if what is not None and str(what) in STARTERS:
        return _begin(STARTERS[str(what)], folder or Path(), ci or "github", settings=not no_settings)
    if folder is not None:
        raise UsageError(f"{shown(str(what))} is no first flow: write {', '.join(STARTERS)}, and then the folder")
    if what is None and at_keyboard():
        return _asked(ci, settings=not no_settings)
    if ci is not None or no_settings:
        raise UsageError(f"name what to write: flowrun init {'|'.join(STARTERS)}")
    return _only_flow(what or Path("is_spam.flow"))


def _only_flow(path: Path) -> int:
    """Write the flow of a vote, and nothing else."""
    if path.is_dir():
        path /= "is_spam.flow"
    elif not path.suffix:
        path = path.with_name(f"{path.name}.flow")
    if (code := _write({path: STARTERS["vote"].text})) != exits.DONE:
        return code
    named = one_line(shlex.quote(str(path)))
    told = f"{one_line(str(path))} is written. Test it, without a model:\n\n  flowrun test {named}\n\n"
    click.echo(f'{told}Run it:\n\n  flowrun {named} --email "{MAIL}"')
    return exits.DONE


def _asked(ci: str | None, *, settings: bool) -> int:
    """Ask what to write, and where. Nothing is written before the last answer."""
    titles = {f"{name:<8}{one.title}": name for name, one in STARTERS.items()}
    what = titles[_choice("What should the first flow do?", list(titles), 0)]
    typed = _line("The folder [.]: ").strip()
    if ci is None:
        hosts = {"a check for GitHub": "github", "a check for GitLab": "gitlab", "none": "none"}
        ci = hosts[_choice("Which file for CI?", list(hosts), 0)]
    if settings:
        settings = _line("A flowrun.toml, with all settings in comments [Y/n]: ").strip().lower() not in ("n", "no")
    return _begin(STARTERS[what], Path(typed or "."), ci, settings=settings)


def _choice(question: str, options: Sequence[str], usual: int) -> str:
    print(f"{question}\n" + "\n".join(f"  {number} {one}" for number, one in enumerate(options, 1)), file=sys.stderr)
    while True:
        typed = _line(f"[{usual + 1}] > ").strip().lower()
        if not typed:
            return options[usual]
        for number, one in enumerate(options, 1):
            if typed in (str(number), one.split()[0], one):
                return one
        print(f"  {shown(typed)} is none of them: type a number from 1 to {len(options)}", file=sys.stderr)


def _line(prompt: str) -> str:
    print(prompt, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        print(file=sys.stderr)
        raise UsageError("nothing is written, because the answers ended")
    return line


def _begin(starter: Starter, folder: Path, ci: str, *, settings: bool) -> int:
    """Write a first flow and the files beside it. Tell what is written, and the next three commands."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{shown(str(folder))} is a file, not a folder")
    flow = folder / starter.name
    beside = {folder / name: text for name, text in starter.samples.items()}
    beside |= files_beside(folder, ci, settings=settings)
    kept = [path for path in beside if os.path.lexists(path)]
    written = {flow: starter.text, **{path: text for path, text in beside.items() if path not in kept}}
    if (code := _write(written)) != exits.DONE:
        return code
    lines = [f"{one_line(str(path))} is written" for path in written]
    lines += [f"{one_line(str(path))} is there already, and stays as it is" for path in kept]
    lines += _ignored(folder)
    given = [str(folder / one) if one in starter.samples else one for one in starter.given]
    words = " ".join(one_line(one if one.startswith("--") else shlex.quote(one)) for one in given)
    named = one_line(shlex.quote(str(flow)))
    click.echo("\n".join(lines))
    click.echo(f"\nTest it, without a model:\n\n  flowrun test {named}\n")
    click.echo(f"Count its calls before a run:\n\n  flowrun plan {named} {words}\n")
    click.echo(f"Run it:\n\n  flowrun {named} {words}")
    return exits.DONE


def _write(files: dict[Path, str]) -> int:
    """Write new files. If one fails, those before it are removed again. Raises UsageError for a file that exists."""
    done: list[Path] = []
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True) if len(files) > 1 else None
            put_new(str(path), text.encode())
            done.append(path)
    except FileExistsError:
        _remove(done)
        raise UsageError(f"{shown(str(path))} exists already, and is not overwritten; give another path") from None
    except OSError as error:
        _remove(done)
        complain(f"{shown(str(path))} cannot be written: {error.strerror or error}")
        return exits.DISK
    return exits.DONE


def _remove(files: Sequence[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)


def _ignored(folder: Path) -> list[str]:
    """Add the journal to .gitignore, and tell of it. A file that cannot be changed stays as it is."""
    path = ignore_file(folder)
    try:
        text = ignore_line(path)
        if text is None:
            return []
        put(os.path.realpath(path), text.encode())
    except (OSError, ValueError):
        return [f"{one_line(str(path))} cannot be changed: add the line .flowrun/ to it"]
    return [f"{one_line(str(path))} has the line .flowrun/, so the journal of runs stays out of git"]
