"""What is allowed and probably not meant: one lint a file, run in this order."""

from __future__ import annotations

from collections.abc import Callable

from ..catalog import Catalog
from ..diagnostics import Diagnostic
from ..names import Program
from ..typecheck import Typed
from .repeats import repeats
from .single_branch import single_branch
from .unused_answer import unused_answer
from .unused_element import unused_element

Lint = Callable[[Program, Typed, Catalog], list[Diagnostic]]

LINTS: tuple[Lint, ...] = (unused_answer, unused_element, single_branch, repeats)
