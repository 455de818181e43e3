"""The classes of a match: every class of the value's type has one branch, or `else` takes the rest."""

from __future__ import annotations

from collections.abc import Iterable

from .. import plan as p
from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic, Edit, Fix, Label, did_you_mean
from ..source import Span
from .long_lists import few

_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "none": None}
_NONE = p.Class(None)
_REST = p.Class(rest=True)
_MOST_ADDED = 12


def class_value(written: s.Word | s.String) -> p.Class:
    """Return the class that a branch is for. A quoted text is always a word; `else` and the constants stand bare."""
    if isinstance(written, s.String):
        return p.Class(written.value)
    if written.text == "else":
        return p.Class(rest=True)
    return p.Class(_CONSTANTS.get(written.text, written.text))


def classes_of(type_: t.Type) -> tuple[p.Class, ...] | None:
    """Return all classes of a type; None if it has none. A text beside offered words has the class of all others."""
    match type_:
        case t.Optional(item):
            inner = classes_of(item)
            return None if inner is None else (*inner, _NONE)
        case t.Choice(options):
            return tuple(map(p.Class, options))
        case t.OpenChoice(options):
            return (*map(p.Class, options), _REST)
        case t.BOOL:
            return p.Class(True), p.Class(False)
        case t.Mixed(options):
            each = [classes_of(option) for option in options]
            return None if None in each else tuple(dict.fromkeys(one for few in each if few for one in few))
    return None


def class_text(one: p.Class) -> str:
    """Return a class as a flow writes it before the `=` of its branch."""
    if one.rest or one.value is None:
        return "else" if one.rest else "none"
    if isinstance(one.value, bool):
        return "true" if one.value else "false"
    bare = one.value.isidentifier() and one.value.isascii() and one.value not in (*_CONSTANTS, "else", "not", "and")
    return one.value if bare and one.value not in ("or", "return") else f'"{one.value}"'


def meaning_beside(node: s.Node, found: t.Type) -> t.Type | None:
    """Return the choice that gives the word of a branch its meaning, from the type of the other branches."""
    choice = t.form(found, t.Choice)
    if not isinstance(choice, t.Choice) or (isinstance(node, s.Text) and node.string.value not in choice.options):
        return None
    return found


def match_problems(node: s.Match, given: t.Type) -> list[Diagnostic]:
    """Report a match without branches, one over a type without classes, and branches that do not fit the classes."""
    if not node.body.lines:
        return [
            Diagnostic(
                "F0404", "this match has no branches", node.body.span,
                help="give it a branch for each class: `billing = ask …`, and perhaps `else = …`",
            )
        ]  # fmt: skip
    written = [(class_value(one), one.span) for one in node.classes]
    problems = list(_twice(written))
    if given == t.UNKNOWN:
        return problems
    classes = classes_of(given)
    if classes is None:
        return [*problems, _without_classes(node, given)]
    known = set(classes)
    for one, span in written:
        if not one.rest and one not in known:
            problems.append(_unknown(one, span, classes, node, given))
    rest = next((span for one, span in written if one.rest), None)
    missing = [one for one in classes if one not in {one for one, _ in written}]
    if missing and rest is None and not any(one.code == "F0602" for one in problems):
        problems.append(_missing(node, given, missing))
    if not missing and rest is not None and _REST not in known:
        problems.append(
            Diagnostic(
                "F0605", "this `else` can never run: every class has its branch", rest,
                label="never runs", note=f"the classes are {_listed(classes)}", help="delete the branch",
                fix=_without(node, rest),
            )
        )  # fmt: skip
    return problems


def _twice(written: list[tuple[p.Class, Span]]) -> Iterable[Diagnostic]:
    first: dict[p.Class, Span] = {}
    for one, span in written:
        if one in first:
            yield Diagnostic(
                "F0603", f"two branches are for {_quoted(one)}", span,
                labels=(Label(first[one], "the first branch is here"),),
                note="exactly one branch of a match runs", help="keep only one of the two, or join them in a `chain`",
            )  # fmt: skip
        first.setdefault(one, span)


def _without_classes(node: s.Match, given: t.Type) -> Diagnostic:
    help = "match a choice such as `-> billing | technical`, a `bool`, or the tag of a union"
    if t.is_number(t.unwrapped(given)):
        help = "compare the number in steps with `when`; a match over a comparison has the branches `true` and `false`"
    elif given != t.UNKNOWN and t.is_text(t.unwrapped(given)):
        help = "give the value a type with classes at its source, such as `ask … -> billing | technical`"
    elif isinstance(t.unwrapped(given), t.Record):
        help = "match a field of the record: `match " + node.value.span.text.strip() + ".FIELD { … }`"
    return Diagnostic(
        "F0601", f"a match needs a value with classes, and this is {t.show(given)}", node.value.span, help=help
    )


def _unknown(one: p.Class, span: Span, classes: tuple[p.Class, ...], node: s.Match, given: t.Type) -> Diagnostic:
    words = [class_text(known) for known in classes]
    text = class_text(one)
    near = did_you_mean(text, words)
    fix = None
    if near:
        best = near.split("`")[1]
        fix = Fix(f"write `{best}`", (Edit(span, best),), safe=False)
    what = f"{_quoted(one)} is not a class of {t.show(given)}"
    help = near or f"the classes are {_listed(classes)}"
    if isinstance(one.value, str) and one.value in ("default", "otherwise", "_") and not near:
        help, fix = "for all other classes write `else = …`", Fix("write `else`", (Edit(span, "else"),), safe=False)
    if one == _NONE:
        help = "the value is never missing: delete the branch"
    return Diagnostic("F0602", what, span, labels=(Label(node.value.span, "the value is here"),), help=help, fix=fix)


def _missing(node: s.Match, given: t.Type, missing: list[p.Class]) -> Diagnostic:
    names = ", ".join(few([_quoted(one) for one in missing]))
    what = "the class" if len(missing) == 1 else "the classes"
    note = "a match has a branch for every class, so no class is forgotten"
    help = f"add `{class_text(missing[0])} = …`, or a branch `else = …` for all other classes"
    if missing == [_NONE]:
        what, note = "a missing value,", "the value may be missing, and then no branch would run"
        help = "add `none = …` or `else = …`, or give the value a default: `match … ?? WORD`"
        names = "`none`"
    elif missing == [_REST]:
        what, names = "any other text", ""
        note, help = "a person may answer with a text of their own", "add the branch `else = …`"
    return Diagnostic(
        "F0604", f"this match has no branch for {what} {names}".rstrip(), node.value.span,
        label=f"is {t.show(given)}" if len(t.show(given)) < 80 else "", note=note, help=help, fix=_added(node, missing),
    )  # fmt: skip


def _added(node: s.Match, missing: list[p.Class]) -> Fix | None:
    """Return a fix that adds an empty answer for each missing class. The author must say what it should be."""
    if len(missing) > _MOST_ADDED:
        missing = [p.Class(rest=True)]
    last = node.body.lines[-1].span
    source = last.source
    broken = "\n" in source.text[node.body.span.start : node.body.span.end]
    gap = "\n" + " " * (node.body.lines[-1].span.column - 1) if broken else "  "
    text = "".join(f"{gap}{class_text(one)} = none" for one in missing)
    title = (
        "add " + ", ".join(f"`{class_text(one)} = none`" for one in missing[:3]) + (" …" if len(missing) > 3 else "")
    )
    return Fix(title, (Edit(source.span(last.end, last.end), text),), safe=False)


def _without(node: s.Match, span: Span) -> Fix | None:
    line = next((one.span for one in node.body.lines if one.span.start == span.start), None)
    if line is None:
        return None
    start = line.start
    while start > 0 and line.source.text[start - 1] in " \t\n":
        start -= 1
    return Fix("delete the branch", (Edit(line.source.span(start, line.end), ""),), safe=False)


def _quoted(one: p.Class) -> str:
    return f"`{class_text(one)}`"


def _listed(classes: Iterable[p.Class]) -> str:
    return ", ".join(few([_quoted(one) for one in classes]))
