"""The type check of a template. It finds unknown names, and values that cannot be written into a text."""

from __future__ import annotations

from collections.abc import Callable

from ..diagnostics import Diagnostic
from ..source import Span
from .places import NOTHING, Lookup, Paths, Places, TemplateScope
from .read import Template


def check_template(
    template: Template,
    lookup: Lookup,
    unknown: Callable[[str, Span], None],
    guarded: Paths = NOTHING,
    part: str = "text",
) -> list[Diagnostic]:
    """Return the problems of a template.

    ``unknown`` is called for each unknown name. ``guarded`` has names, and fields written with dots, whose values are
    present although their type is optional, because the step's `when` tests them. ``part`` is
    the role of the part of a prompt that the template is, or ``text``: it decides whether images can stand in it.
    """
    kind = Places
    if not template.plain:
        from .statements import Statements

        kind = Statements
    checker = kind(template.string, lookup, unknown)
    checker.part = part
    checker.body(template.body, TemplateScope(sure=guarded))
    return checker.problems
