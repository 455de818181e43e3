"""What is wrong with a template: the names in it that nothing is called by, and the values that cannot stand there."""

from __future__ import annotations

from collections.abc import Callable

from ..diagnostics import Diagnostic
from ..source import Span
from .places import NOTHING, Known, Lookup, Paths, Places
from .read import Template


def check_template(
    template: Template, lookup: Lookup, unknown: Callable[[str, Span], None], guarded: Paths = NOTHING
) -> list[Diagnostic]:
    """What is wrong with a template.

    ``unknown`` is told of names that nothing is called by. ``guarded`` are names, and fields as dotted text, that are
    known to be there although their type is optional: what the step's own `when` has asked for.
    """
    kind = Places
    if not template.plain:
        from .statements import Statements

        kind = Statements
    checker = kind(template.string, lookup, unknown)
    checker.body(template.body, Known(sure=guarded))
    return checker.problems
