"""The fields of records, and what to say where there is none."""

from __future__ import annotations

from . import types as t
from .diagnostics import Diagnostic, did_you_mean
from .source import Span


def field_type(base: t.Type, name: str, span: Span, problems: list[Diagnostic]) -> t.Type:
    """The type of ``base.name``; what is wrong with it is added to the problems."""
    if base in (t.UNKNOWN, t.JSON):
        return base
    if isinstance(base, t.Optional):
        problems.append(
            Diagnostic(
                "F0306",
                f"this may be missing, and then it has no field `{name}`",
                span,
                help="guard it with `when` or `{% if … %}`, or supply a default with `??`",
            )
        )
        return field_type(base.item, name, span, problems)
    found = base.field(name) if isinstance(base, t.Record) else None
    if found:
        return found.type
    if isinstance(base, t.Record):
        names = [field.name for field in base.fields]
        what = f"no field `{name}` in {base.name or t.show(base)}"
        help = did_you_mean(name, names) or "its fields: " + ", ".join(f"`{known}`" for known in names)
    else:
        what, help = f"{t.show(base)} has no fields", ""
        if isinstance(base, t.ListOf):
            help = "take its elements one by one: `map x in …`, or `{% for x in … %}` in a template"
    problems.append(Diagnostic("F0302", what, span, help=help))
    return t.UNKNOWN
