"""`flowrun init`: a first flow with a test, to start from."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ..outputs.replace import put_new
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import one_line, shown
from . import exits
from .console import complain
from .paths import PathThatIs

FIRST = """\
# Is this e-mail spam? Ask three times at once and take the majority.
flow is_spam(email: text) {
  verdict = repeat 3 {
    ask "Answer SPAM or NOT only:\\n{{ email }}" -> SPAM | NOT
  } reduce majority

  return verdict
}

# `flowrun test` takes the answers from these lines. It asks no model.
test "two of three votes decide" of is_spam {
  email = "You have won!"
  reply verdict: SPAM, NOT, SPAM
  expect verdict == SPAM
  expect calls == 3
}
"""


@click.command("init", short_help="Write a first flow with a test.")
@click.argument("path", required=False, default="is_spam.flow", type=PathThatIs())
def command(path: Path) -> int:
    """Write a first flow with a test to PATH (is_spam.flow), and show how to test and run it. An existing file is never
    changed.
    """
    if path.is_dir():
        path /= "is_spam.flow"
    elif not path.suffix:
        path = path.with_name(f"{path.name}.flow")
    try:
        put_new(str(path), FIRST.encode())
    except FileExistsError:
        raise UsageError(f"{shown(str(path))} exists already, and is not overwritten; give another path") from None
    except OSError as error:
        complain(f"{shown(str(path))} cannot be written: {error.strerror or error}")
        return exits.DISK
    named = one_line(shlex.quote(str(path)))
    mail = "You have won! Click here to claim your prize."
    told = f"{one_line(str(path))} is written. Test it, without a model:\n\n  flowrun test {named}\n\n"
    click.echo(f'{told}Run it:\n\n  flowrun {named} --email "{mail}"')
    return exits.DONE
