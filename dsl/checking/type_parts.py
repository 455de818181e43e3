"""The names in written types, and the fixes of such names."""

from __future__ import annotations

from .. import syntax as s
from ..diagnostics import Diagnostic, Edit, Fix
from ..source import Span
from .unions import SAME


def mentioned(written: s.TypeExpr) -> dict[str, s.Word]:
    """Return the names without a prefix that a type mentions, each with the place of its first mention."""
    found: dict[str, s.Word] = {}
    todo = [written]
    while todo:
        match todo.pop():
            case s.TypeName(word, prefix=None):
                found.setdefault(word.text, word)
            case s.TypeList(item) | s.TypeOptional(item):
                todo.append(item)
            case s.TypeUnion(options):
                todo += reversed(options)
            case s.TypeChoice(words):
                bare = [word for word in words if isinstance(word, s.Word)]
                for word in bare if len(bare) == len(words) else ():
                    found.setdefault(word.text, word)
            case s.TypeRecord(fields):
                todo += [field.type for field in reversed(fields)]
    return found


def instead(word: s.Word, better: str | None) -> Fix | None:
    """Return a fix that writes the name of another type.

    It is safe if the two names differ only in case, or if other languages use the written name.
    """
    if better is None:
        return None
    sure = better.casefold() == word.text.casefold() or word.text.lower() in SAME
    return Fix(f"write `{better}`", (Edit(word.span, better),), safe=sure)


def without_option(word: str, before: Span, option: Span) -> Fix | None:
    """Return a fix that deletes an option of a choice and the bar before it. None if other text is between them."""
    gap = option.source.span(before.end, option.end)
    between = option.source.text[before.end : option.start]
    return Fix(f"delete the second `{word}`", (Edit(gap, ""),)) if between.strip() == "|" else None


def alike(first: str, second: str, span: Span) -> Diagnostic:
    """Report a word of a choice that an answer could mean as well as another word."""
    return Diagnostic(
        "F0360",
        f"an answer could mean `{first}` as well as `{second}`",
        span,
        help="an answer counts without regard to case, blanks, final points and the width of letters: choose two "
        "words that differ in more",
    )


def repeated(word: str, before: Span, span: Span, *, single: bool) -> Diagnostic:
    """Report a word that a choice has twice. ``before`` is the option before it."""
    return Diagnostic(
        "F0202",
        f"the choice `{word}` appears twice",
        span,
        help="an answer counts without regard to case: keep only one of the two",
        # A choice with a single word would be read as the name of a type.
        fix=None if single else without_option(word, before, span),
    )
