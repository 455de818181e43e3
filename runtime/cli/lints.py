"""The options of commands that choose lints and files: `--select`, `--ignore` and `--force-exclude`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from flowrun.dsl import dataclass

from ..session.loading import lints_of
from ..vocabulary.errors import UsageError

if TYPE_CHECKING:
    from flowrun.dsl import LintSettings

FORCE = "Leave out the files that flowrun.toml excludes, even if they are named: for hooks."


@dataclass(frozen=True, slots=True)
class ChosenLints:
    """The lints that the options of a command choose. None stands for an option that is not given."""

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None

    def of(self, name: str) -> LintSettings | None:
        """Return the settings for a file: those of its project, but for what the options replace.

        None shows all warnings. So does a file of settings that is not valid; it is told elsewhere.
        """
        found = None
        with suppress(UsageError):
            found = lints_of(name)
        if self.select is None and self.ignore is None:
            return found
        from dataclasses import replace

        from flowrun.dsl import LintSettings

        found = found or LintSettings()
        return replace(
            found,
            select=found.select if self.select is None else self.select,
            ignore=found.ignore if self.ignore is None else self.ignore,
        )


AS_SET = ChosenLints()


def lint_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as ``lints``."""
    from functools import wraps

    @wraps(command)
    def called(*args: Any, select: tuple[str, ...], ignore: tuple[str, ...], **given: Any) -> Any:
        return command(*args, lints=ChosenLints(_codes("--select", select), _codes("--ignore", ignore)), **given)

    hides = "Hide these warnings, in place of `lint.ignore` in flowrun.toml. Errors are always shown."
    shows = "Show only these warnings, such as F0705 or F07, in place of `lint.select` in flowrun.toml."
    for flag, text in (("--ignore", hides), ("--select", shows)):
        called = click.option(flag, multiple=True, metavar="CODE", help=text)(called)
    return called


def _codes(flag: str, given: tuple[str, ...]) -> tuple[str, ...] | None:
    """Read the codes of an option, which commas may join. Raises UsageError."""
    if not given:
        return None
    from flowrun.dsl import LintSettingsError, codes_of

    try:
        return codes_of([code for one in given for code in one.split(",")], (flag,))
    except LintSettingsError as error:
        raise UsageError(str(error)) from None
