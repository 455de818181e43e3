"""The pages of the commands: what ``--help`` prints."""

from __future__ import annotations

from importlib import import_module

import click
from click.testing import CliRunner

from flowrun.runtime.cli.commands import COMMANDS
from flowrun.runtime.cli.help_page import help_page
from flowrun.runtime.cli.run import command_for

from .. import ROOT
from ..markdown import fenced, page, table
from ..navigation import Made

WIDTH = 90
_SAMPLE = ROOT / "workflows" / "is_spam.flow"


def made_commands() -> Made:
    """Make a page for each command, and the list of all."""
    pages = {"commands/index.md": _list(), "commands/run.md": _run()}
    for name in COMMANDS:
        command: click.Command = import_module(f"flowrun.runtime.cli.{name}").command
        pages[f"commands/{name}.md"] = page(f"`flowrun {name}`", *_parts(command, f"flowrun {name}", 2))
    titles = {f"commands/{name}.md": f"flowrun {name}" for name in COMMANDS} | {"commands/run.md": "flowrun FILE.flow"}
    return Made(pages, titles | {"commands/index.md": "All commands"})


def help_of(command: click.Command, name: str) -> str:
    """Return the help of a command, as it prints it."""
    context = click.Context(command, info_name=name, terminal_width=WIDTH, help_option_names=["-h", "--help"])
    return command.get_help(context)


def _parts(command: click.Command, name: str, level: int) -> list[str]:
    parts = [fenced(help_of(command, name), "text")]
    if isinstance(command, click.Group):
        for inner in sorted(command.commands):
            parts += [f"{'#' * level} `{name} {inner}`", *_parts(command.commands[inner], f"{name} {inner}", level + 1)]
    return parts


def _list() -> str:
    rows = [("[`flowrun FILE.flow`](run.md)", "Run a flow.")]
    rows += [(f"[`flowrun {name}`]({name}.md)", text) for name, text in COMMANDS.items()]
    return page(
        "Commands",
        "[The command](../command.md) tells of inputs and of the forms of an answer. "
        "[Exit codes](../reference/exits.md) are listed apart.",
        table(("command", "does"), rows),
        fenced(help_page(WIDTH), "text"),
    )


def _run() -> str:
    name = _SAMPLE.relative_to(ROOT).as_posix()
    asked = CliRunner().invoke(command_for(_SAMPLE), ["--help"], prog_name=f"flowrun {name}", terminal_width=WIDTH)
    shown = asked.output.replace(f"{ROOT}/", "").replace(str(_SAMPLE), name)
    return page(
        "`flowrun FILE.flow`",
        "The parameters of a flow are options, here `--email`. All other options are the same for each flow.",
        fenced(shown, "text"),
    )
