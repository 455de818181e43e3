"""The types that no answer can have."""

from __future__ import annotations

from .. import types as t
from ..diagnostics import Diagnostic
from ..picture_words import no_answer
from ..source import Span

_A: dict[t.Type, str] = {t.MODEL: "a model", t.DOCUMENT: "a document"}


def refused_answer(type_: t.Type, span: Span) -> Diagnostic | None:
    """Report the type of an answer that no model can give. None if there is nothing to report."""
    unfit = _no_answer(type_)
    if unfit is None:
        return no_answer(type_, span)
    if type_ == unfit:
        problem, help = f"an answer cannot have the type {t.show(unfit)}", "write `text`, or delete the type"
    else:
        problem, help = f"an answer cannot contain {_A[unfit]}", "write `text` instead"
    return Diagnostic("F0301", problem, span, help=help)


def _no_answer(type_: t.Type) -> t.Type | None:
    """Return the part of a type that no model can return: a model or a document. None if the type has no such part."""
    match type_:
        case t.ListOf(item) | t.Optional(item):
            return _no_answer(item)
        case t.Record(fields):
            return next((found for field in fields if (found := _no_answer(field.type))), None)
        case t.Union(members):
            return next((found for member in members if (found := _no_answer(member))), None)
    return type_ if type_ in _A else None
