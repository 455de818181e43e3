"""The filling of a file's holes, before it is checked."""

from __future__ import annotations

from .. import syntax as s
from ..diagnostics import Diagnostic
from .tuning import Tuning, tuning_of


def fill(
    file: s.File, setting: tuple[int, ...] | None, *, imported: bool
) -> tuple[s.File, Tuning | None, list[Diagnostic]]:
    """Return a file with the values of a setting in its holes, or of the first setting.

    The list has the problems of its holes. If there are any, the file is as it was.
    """
    if imported:
        message = "an imported file has no `?`: only the file that `flowrun tune` gets is tuned"
        return file, None, [Diagnostic("F0777", message, file.holes[0].span, help="write the value")]
    tuning, problems = tuning_of(file)
    if problems:
        return file, None, problems
    return tuning.fill(file, setting or (0,) * len(tuning.places)), tuning, []
