"""The first word of the command line: the name of a command, or a flow file to run."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from ..registry.modules import binding, binds, text_of

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_SHORT_HELP = re.compile(r'^@click\.command\([^)]*?\bshort_help="([^"\n]*)"', re.MULTILINE)
_DOCSTRING = re.compile(r'\A\s*"""(?:`[^`\n]*`: )?([^\n"]*)')


class _Commands(Mapping[str, str]):
    """Every named command, with its line of help.

    A command is a module of this folder that binds ``command``. Its line is the ``short_help`` of its decorator, or
    else the first line of the module. Both are read from the source text. The module is loaded only when the command is
    called.
    """

    def __getitem__(self, name: str) -> str:
        if name not in self:
            raise KeyError(name)
        text = text_of(_FOLDER, name)
        found = _SHORT_HELP.search(text) or _DOCSTRING.match(text)
        return found[1] if found else ""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and not name.startswith("_") and binds(_FOLDER, name, "command")

    def __iter__(self) -> Iterator[str]:
        return iter(binding(_FOLDER, "command"))

    def __len__(self) -> int:
        return len(binding(_FOLDER, "command"))


_WIDEST = 100
_FOLDER = __name__.rpartition(".")[0]
COMMANDS = _Commands()

RUNS = frozenset({"run", "exec", "execute", "start", "go", "do", "launch"})
"""Words that a user may try for running a flow; flowrun needs only the name of the file."""

ELSEWHERE = {
    "check": "validate",
    "lint": "validate",
    "verify": "validate",
    "compile": "validate",
    "format": "fmt",
    "dry-run": "plan",
    "dryrun": "plan",
    "estimate": "plan",
    "cost": "plan",
    "draw": "graph",
    "dag": "graph",
    "viz": "graph",
    "visualize": "graph",
    "history": "runs",
    "list": "runs",
    "ls": "runs",
    "continue": "resume",
    "retry": "resume",
    "new": "init",
    "create": "init",
    "providers": "models",
    "help": "--help",
    "version": "--version",
}
"""The commands of other tools, each with the name of flowrun's command for it."""


class FlowGroup(click.Group):
    """The group of all commands. `flowrun FILE …` runs a file; each parameter of its flow is an option."""

    def invoke(self, ctx: click.Context) -> Any:
        result = super().invoke(ctx)
        # The stream is flushed here, so that flowrun reports a full disk before Python does at its end.
        sys.stdout.flush()
        return result

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        extra.setdefault("terminal_width", _width())
        return super().make_context(info_name, args, parent, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            command: click.Command = import_module(f".{cmd_name}", __package__).command
            return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and (name.endswith(".flow") or os.path.exists(name)):
            from pathlib import Path

            from .run import command_for

            return name, command_for(Path(name)), args[1:]
        if name not in COMMANDS:
            raise click.UsageError(_no_command(name, args[1:]), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    ("FILE.flow [--PARAM VALUE …]", "Run a flow; `flowrun FILE.flow --help` lists its parameters."),
                    *COMMANDS.items(),
                ]
            )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        items = [CompletionItem(name, help=help) for name, help in COMMANDS.items() if name.startswith(incomplete)]
        return [*items, CompletionItem(incomplete, type="file")]


def _width() -> int:
    """Return the width of help texts, as click works it out. click would load shutil and the compressions for this."""
    try:
        columns = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        columns = 0
    if columns <= 0:
        try:
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ else 0
        except (OSError, ValueError):  # standard output is no terminal, or is closed
            columns = 0
    return max(min(columns or 80, _WIDEST) - 2, 50)


def _no_command(name: str, rest: list[str]) -> str:
    """Return the message about a first word that is neither a command nor a file, with a guess at the meaning."""
    from flowrun.dsl import did_you_mean

    from ..vocabulary.quoting import shown

    file = next((one for one in rest if not one.startswith("-")), "FILE.flow")
    word = name.lower()
    if word in RUNS:
        return f"there is no command {shown(name)}: to run a flow, give its file. Write {shown(f'flowrun {file}')}"
    if word == "test":
        checked = shown(f"flowrun validate {file}")
        return f"there is no command {shown(name)}: to check the tests of a file, write {checked}"
    if there := ELSEWHERE.get(word):
        wanted = there if there.startswith("-") or there in ("runs", "init", "models") else f"{there} {file}"
        return f"there is no command {shown(name)}: write {shown(f'flowrun {wanted}')}"
    guess = did_you_mean(name, COMMANDS)
    return f"there is no command and no file {shown(name)}" + (f"; {guess}" if guess else "")


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"flowrun {version('flowrun-dsl')}")
        ctx.exit()


flowrun = FlowGroup(
    "flowrun",
    help="Run calls of language models side by side. A small file lists the calls and their dependencies.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _WIDEST},
    subcommand_metavar="FILE.flow | COMMAND [ARGS]…",
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_version,
            help="Show the version.",
        )
    ],
)
