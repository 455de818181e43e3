"""The values of options beyond their types: texts that say something, and objects whose fields are not reserved."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..catalog import OptionSpec
from ..diagnostics import Diagnostic
from .folding import WORDS, Folding
from .program import Scope

_DEEPEST = 40
"""The most levels of an object."""
_PARTS = frozenset({"generationconfig", "outputconfig"})
"""Objects of requests that have fields of flowrun, as the top of a request does."""


def refused_values(value: s.Expr, spec: OptionSpec, scope: Scope, folding: Folding) -> Iterator[Diagnostic]:
    """Report a value that the type of the option allows and its meaning does not."""
    if spec.reserved:
        yield from refused_object(value, spec)
    else:
        yield from _texts(value, spec, scope, folding)


def _texts(value: s.Expr, spec: OptionSpec, scope: Scope, folding: Folding) -> Iterator[Diagnostic]:
    items = value.items if isinstance(value, s.ListExpr) else (value,)
    if not items:
        yield Diagnostic("F0693", f"`{spec.name}` has no text", value.span, help="delete the option, or write a text")
    for item in items:
        known = folding.known(item, scope)
        if known == "" or (isinstance(known, list) and (not known or "" in known)):
            help = "write a text that the answer may have, or delete the option"
            yield Diagnostic("F0693", f"`{spec.name}` has an empty text, which ends every answer", item.span, help=help)


def refused_object(value: s.Expr | s.Ask, spec: OptionSpec) -> Iterator[Diagnostic]:
    """Report a value that is no object of constants, and its reserved fields."""
    if not isinstance(value, s.RecordExpr):
        help = f"write `{spec.name}: {{ name: value }}`"
        yield Diagnostic("F0691", f"`{spec.name}` takes an object that stands here", value.span, help=help)
        return
    yield from _inside(value, spec, 0, top=True)


def _inside(value: s.Expr, spec: OptionSpec, depth: int, *, top: bool = False) -> Iterator[Diagnostic]:
    """Report the parts of an object that are no constants, and the fields that are reserved in ``top``."""
    match value:
        case s.Text() | s.Number():
            return
        case s.Name(word) if word.text in WORDS:
            return
        case s.Unary("-", s.Number()):
            return
        case s.ListExpr(items) if depth < _DEEPEST:
            for item in items:
                yield from _inside(item, spec, depth + 1)
        case s.RecordExpr(entries) if depth < _DEEPEST:
            for entry in entries:
                if entry.name is None:
                    yield _open(entry.value, spec)
                    continue
                plain = entry.name.text.replace("_", "").lower()
                why = spec.reserved.get(plain) if top else None
                if why is not None:
                    yield Diagnostic(
                        "F0692",
                        f"`{spec.name}` must not set `{entry.name.text}`: {why}",
                        entry.name.span,
                        help="delete the field",
                    )
                else:
                    yield from _inside(entry.value, spec, depth + 1, top=top and plain in _PARTS)
        case _:
            yield _open(value, spec)


def _open(value: s.Expr, spec: OptionSpec) -> Diagnostic:
    return Diagnostic(
        "F0691",
        f"`{spec.name}` takes constants, and this is none",
        value.span,
        note="the fields are sent as they stand, and every call of the ask has the same",
        help="write numbers, texts in quotes, `true`, `false`, `none`, lists and objects: `extra: { top_k: 40 }`",
    )
