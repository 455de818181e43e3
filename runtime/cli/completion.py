"""`flowrun completion`: the shell's completion script."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from . import exits


@click.command("completion", short_help="Print the script that completes commands in a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print the script that completes commands in a shell. For bash: eval "$(flowrun completion bash)"."""
    from .group import flowrun

    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(flowrun, {}, "flowrun", "_FLOWRUN_COMPLETE").source())
    return exits.DONE
