"""The first word of the command line: the name of a command, or a flow file to run."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from .commands import COMMANDS
from .help_page import ARGUMENTS, HELP_OPTIONS, SUMMARY, VERSION, WIDEST, help_page, page_width

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

RUNS = frozenset({"run", "exec", "execute", "start", "go", "do", "launch"})
"""Words that a user may try for running a flow; flowrun needs only the name of the file."""

ELSEWHERE = {
    "tests": "test",
    "pytest": "test",
    "check": "validate",
    "lint": "validate",
    "verify": "validate",
    "compile": "validate",
    "format": "fmt",
    "reach": "audit",
    "taint": "audit",
    "dry-run": "plan",
    "dryrun": "plan",
    "estimate": "plan",
    "cost": "plan",
    "evaluate": "eval",
    "benchmark": "eval",
    "score": "eval",
    "optimize": "tune",
    "optimise": "tune",
    "calibrate": "tune",
    "draw": "graph",
    "dag": "graph",
    "viz": "graph",
    "visualize": "graph",
    "history": "runs",
    "view": "show",
    "inspect": "show",
    "log": "show",
    "logs": "show",
    "trace": "show",
    "compare": "diff",
    "list": "runs",
    "ls": "runs",
    "continue": "resume",
    "retry": "resume",
    "follow": "attach",
    "tail": "attach",
    "wait": "attach",
    "kill": "stop",
    "cancel": "stop",
    "new": "init",
    "create": "init",
    "providers": "endpoints",
    "language-server": "lsp",
    "help": "--help",
    "version": "--version",
}
"""The commands of other tools, each with the name of flowrun's command for it."""
WITHOUT_A_FILE = frozenset({"runs", "show", "attach", "stop", "diff", "init", "models", "endpoints", "lsp"})
"""The commands of flowrun that take no flow file."""


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
        extra.setdefault("terminal_width", page_width())
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
        found = self._resolved(ctx, args)
        # The modules stay until the end. So the collector never looks through them, and counts objects from here on.
        gc.freeze()
        return found

    def _resolved(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and (name.endswith(".flow") or os.path.exists(name)):
            from pathlib import Path

            from .run import command_for

            return name, command_for(Path(name)), args[1:]
        if name not in COMMANDS:
            raise click.UsageError(_no_command(name, args[1:]), ctx)
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        return help_page(page_width())

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        items = [CompletionItem(name, help=help) for name, help in COMMANDS.items() if name.startswith(incomplete)]
        return [*items, CompletionItem(incomplete, type="file")]


def _no_command(name: str, rest: list[str]) -> str:
    """Return the message about a first word that is neither a command nor a file, with a guess at the meaning."""
    from flowrun.dsl import did_you_mean

    from ..vocabulary.quoting import shown

    file = next((one for one in rest if not one.startswith("-")), "FILE.flow")
    word = name.lower()
    if word in RUNS:
        return f"there is no command {shown(name)}: to run a flow, give its file. Write {shown(f'flowrun {file}')}"
    if there := ELSEWHERE.get(word):
        wanted = there if there.startswith("-") or there in WITHOUT_A_FILE else f"{there} {file}"
        return f"there is no command {shown(name)}: write {shown(f'flowrun {wanted}')}"
    guess = did_you_mean(name, COMMANDS)
    return f"there is no command and no file {shown(name)}" + (f"; {guess}" if guess else "")


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from .versions import strangers, told_version

        click.echo(told_version())
        for line in strangers():
            click.echo(line, err=True)
        ctx.exit()


flowrun = FlowGroup(
    "flowrun",
    help=SUMMARY,
    context_settings={"help_option_names": [*HELP_OPTIONS], "max_content_width": WIDEST},
    subcommand_metavar=ARGUMENTS,
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_version,
            help=VERSION,
        )
    ],
)
