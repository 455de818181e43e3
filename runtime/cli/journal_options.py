"""The options, words and figures of the commands of `flowrun journal`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..journal.address import JournalAddress
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .journals import journal_path

_F = TypeVar("_F", bound=Callable[..., Any])
_SECONDS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_AGE = re.compile(r"([0-9]{1,6})([mhdw])")


def of_journal(function: _F) -> _F:
    return click.option("--journal", metavar="FILE", help="The journal. The default is the project's.")(function)


def as_json(function: _F) -> _F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def existing(journal: str | None) -> Path:
    """Return the path of a journal that exists. Raises UsageError."""
    path = journal_path(journal)
    if not isinstance(path, JournalAddress) and not os.path.lexists(path):
        raise UsageError(
            f"there is no journal at {shown(str(path))}: run a flow first, or name one with --journal FILE"
        )
    return path


def seconds_of(age: str) -> float:
    """Read an age such as 30d. Raises UsageError."""
    found = _AGE.fullmatch(age.strip())
    if found is None:
        raise UsageError(
            f"--older takes an age such as 30d, 12h or 2w (m, h, d or w after a number); found {shown(age)}"
        )
    return int(found[1]) * _SECONDS[found[2]]
