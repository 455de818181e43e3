"""`flowrun lsp`: the language server for editors."""

from __future__ import annotations

import os
import sys

import click

from ..files.children import claim_stdout
from ..vocabulary.errors import UsageError

STDIN = 0
MISSING = "the language server needs an extra: `pip install 'flowrun-dsl[lsp]'`"


@click.command("lsp", short_help="Serve an editor: diagnostics, completion, hover and more.")
@click.option("--stdio", is_flag=True, help="Talk over standard input and output, which is the only way.")
def command(stdio: bool) -> int:
    """Serve an editor over standard input and output, by the language server protocol. Editors start this command.

    It checks what you write as `flowrun validate` does. It sends nothing to models, and runs nothing.
    """
    try:
        from ..ide.serving import main
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol", "cattrs", "attrs"):
            raise
        raise UsageError(MISSING) from None
    from .plan_view import view

    if os.isatty(STDIN):
        print("flowrun lsp talks to an editor, which starts it; ^C ends it", file=sys.stderr, flush=True)
    # From here on a stray print goes to standard error.
    return main(STDIN, claim_stdout(), view)
