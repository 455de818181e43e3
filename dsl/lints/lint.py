"""The declaration of a lint."""

from __future__ import annotations

from collections.abc import Callable

from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from ..records import dataclass

Find = Callable[[Program, Typed, Catalog], list[Diagnostic]]


@dataclass(frozen=True, slots=True)
class Lint:
    """A lint: the code that it reports, and the function that finds its problems in a file.

    If ``near`` is True, its reports are right even if the file has an error elsewhere. The page of the code is the
    docstring of the module that binds the lint.
    """

    code: str
    find: Find
    near: bool = False
