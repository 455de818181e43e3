"""The limits of length in written types: `text(max: 140)` and `[Finding](1..5)`."""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic, Edit, Fix, did_you_mean
from ..source import Span

_LIMITS = ("min", "max")


def sized_text(written: s.TypeSized, problems: list[Diagnostic]) -> t.Type:
    """Return the type of a text with limits. Report limits that no type has, or that no text keeps."""
    name = written.word.text
    if name != "text":
        known = "only `text` takes limits in brackets, and a list behind its brackets: `[text](1..5)`"
        help = f"delete the brackets: `{name}`"
        fix = Fix(help, (Edit(Span(written.span.source, written.word.span.end, written.span.end), ""),), safe=False)
        problems.append(Diagnostic("F0635", f"`{name}` has no limits: {known}", written.span, help=help, fix=fix))
        return t.UNKNOWN
    found: dict[str, int] = {}
    before = len(problems)
    for arg in written.args:
        word = arg.name.text if arg.name is not None else ""
        if word not in _LIMITS:
            message = f"a text has no limit `{word}`" if word else "a limit of a text needs its name"
            help = did_you_mean(word, _LIMITS) or "write `text(max: 140)` or `text(min: 1, max: 140)`"
            problems.append(Diagnostic("F0635", message, (arg.name or arg).span, help=help))
        elif word in found:
            problems.append(Diagnostic("F0635", f"`{word}` is given twice", arg.span, help="keep only one of the two"))
        elif arg.value is None:
            said = f"`{word}` takes a whole number from {int(word == 'max')}"
            problems.append(Diagnostic("F0636", said, arg.span, help=f"write `{word}: 140`"))
        else:
            found[word] = arg.value
    if len(problems) > before:
        return t.TEXT
    if not found:
        help = "write `text`, or a limit: `text(max: 140)`"
        problems.append(Diagnostic("F0635", "the brackets have no limit", written.span, help=help))
        return t.TEXT
    least, most = found.get("min", 0), found.get("max")
    if _empty(least, most, "text", written.span, problems):
        return t.TEXT
    return t.SizedText(least, most) if least or most is not None else t.TEXT


def sized_list(written: s.TypeList, item: t.Type, problems: list[Diagnostic]) -> t.Type:
    if written.least is None or _empty(written.least, written.most, "list", written.span, problems):
        return t.ListOf(item)
    return t.ListOf(item, least=written.least, most=written.most)


def _empty(least: int, most: int | None, what: str, span: Span, problems: list[Diagnostic]) -> bool:
    """Report limits that no value keeps, or only the empty one."""
    if most is None or least <= most > 0:
        return False
    if most == 0:
        message, help = f"a {what} of this type would be empty", "write a greatest length from 1"
    else:
        message, help = f"no {what} has {least} or more parts and at most {most}", f"write {most} before {least}"
        if what == "text":
            message = f"no text has {least} or more characters and at most {most}"
            help = f"write `text(min: {most}, max: {least})`"
    problems.append(Diagnostic("F0636", message, span, help=help))
    return True
