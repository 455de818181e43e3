"""The fields of records, and the messages for fields that do not exist."""

from __future__ import annotations

from . import types as t
from .diagnostics import Diagnostic, did_you_mean
from .source import Span

MOST_LISTED = 20
_LENGTHS = frozenset({"length", "len", "size", "count"})


def field_type(base: t.Type, name: str, span: Span, problems: list[Diagnostic]) -> t.Type:
    """Return the type of ``base.name``. Problems with it are added to ``problems``."""
    if base in (t.UNKNOWN, t.JSON):
        return base
    if base == t.MODEL and name == "name":
        return t.TEXT
    if isinstance(base, t.Optional):
        known = len(problems)
        inner = field_type(base.item, name, span, problems)
        if len(problems) == known:
            problems.append(
                Diagnostic(
                    "F0306",
                    f"this value may be missing, and a missing value has no field `{name}`",
                    span,
                    help="test it with `when` or `{% if … %}`, or write a default with `??`",
                )
            )
            return t.unwrapped(inner)
        return inner
    found = base.field(name) if isinstance(base, t.Record | t.Union) else None
    if found:
        return found.type
    if isinstance(base, t.Union):
        what, help = _of_members(base, name)
    elif isinstance(base, t.Record):
        names = [field.name for field in base.fields]
        what = f"{base.name or t.show(base)} has no field `{name}`"
        listed = ", ".join(f"`{known}`" for known in names[:MOST_LISTED]) + (", …" if len(names) > MOST_LISTED else "")
        help = did_you_mean(name, names) or f"its fields: {listed}"
    else:
        what, help = f"{t.show(base)} has no fields", ""
        if base == t.MODEL:
            what, help = f"a model has no field `{name}`", "its only field is `name`"
        elif name in _LENGTHS and (isinstance(base, t.ListOf) or t.is_text(base)):
            help = "write `length(…)`; in a template `… | length`"
        elif isinstance(base, t.ListOf):
            help = "read its elements one by one: `map x in …`, or `{% for x in … %}` in a template"
    problems.append(Diagnostic("F0302", what, span, help=help))
    return t.UNKNOWN


def _of_members(union: t.Union, name: str) -> tuple[str, str]:
    """Describe a field that not all members of a union have, and the way to it."""
    having = [word for member, word in zip(union.members, union.words, strict=True) if member.field(name)]
    shared = ", ".join(f"`{field.name}`" for field in union.fields)
    if not having:
        names = dict.fromkeys(field.name for member in union.members for field in member.fields)
        help = did_you_mean(name, names) or f"all its members have the fields {shared}"
        return f"no member of {t.show(union)} has a field `{name}`", help
    if len(having) == len(union.members):
        what = f"the field `{name}` is not the same in all members of {t.show(union)}"
    else:
        words = " or ".join(f"`{word}`" for word in having[:3])
        what = f"{t.show(union)} has the field `{name}` only if its `{union.tag}` is {words}"
    return what, (
        f"ask for the `{union.tag}` first: `match ….{union.tag} {{ … }}`, "
        f"or `{{% if ….{union.tag} == '{having[0]}' %}}` in a template"
    )


def misfit(given: t.Type, wanted: t.Type) -> str:
    """Describe the first field by which one record does not fit another, or a length that may not fit.

    "" for other types.
    """
    inner = t.unwrapped(given)
    if t.plain(wanted) != wanted and t.fits(t.plain(inner), t.plain(wanted)):
        least, most = t.lengths(inner)
        if least == most:
            return f"this one has {least:,} {'elements' if isinstance(inner, t.ListOf) else 'characters'}"
        return f"give the value this type where it is made, as in `-> {t.show(wanted)}`"
    if not isinstance(given, t.Record) or not isinstance(wanted, t.Record):
        return ""
    for field in wanted.fields:
        found = given.field(field.name)
        if found is None and not isinstance(field.type, t.Optional):
            return f"the field `{field.name}` is missing"
        if found is not None and not t.fits(found.type, field.type):
            return f"the field `{field.name}` is {t.show(field.type)}, and this value is {t.show(found.type)}"
    return ""
