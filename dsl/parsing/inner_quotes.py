"""The diagnostic for double quotes inside of the braces of a template: they end its text too early."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..diagnostics import Diagnostic, Edit, Fix
from ..source import Source
from .neighbours import begins_line
from .tables import CLASS
from .token import Token

_MOST = 200
"""The most tokens of a line that are looked at before its mistake."""


def inner_quote(source: Source, tokens: Sequence[Token], index: int) -> Diagnostic | None:
    """Report a quote before a token that ended a text inside of `{{ … }}` or `{% … %}`. None if no text ends so."""
    first = index
    while first > 0 and index - first < _MOST and not begins_line(source.text, tokens, first):
        first -= 1
    for at in range(first, index):
        quote = (tokens[at].end_pos or 1) - 1
        if _is_open(tokens[at]) and _closes(source, quote + 1):
            return ended(source, quote)
    return None


def ended(source: Source, quote: int) -> Diagnostic:
    """Make the report of a quote that ended a text too early."""
    line, column = source.position(quote)
    before = source.line(line)[: column - 1]
    opened = max(before.rfind("{{"), before.rfind("{%"))
    fix = None
    if not opens(before):
        help = 'write `\\"` for a quote in a text'
    elif name := re.fullmatch(r"\s*([\w.]+)\s*\?\?\s*", before[opened + 2 :]):
        other = re.match(r"[^\"\n]*", source.text[quote + 1 :][:60])
        word = other[0].strip() if other else "…"
        help = f"in a template write `{{{{ {name[1]} | default('{word}') }}}}`"
    else:
        help = "inside `{% … %}` write `'…'`" if before.startswith("{%", opened) else "inside `{{ … }}` write `'…'`"
        fix = _fix(source, quote)
    return Diagnostic("F0101", "this quote ends the text", source.span(quote, quote + 1), help=help, fix=fix)


def _closes(source: Source, start: int) -> bool:
    line, column = source.position(start)
    rest = source.line(line)[column - 1 :]
    return "}}" in rest or "%}" in rest


def _is_open(token: Token) -> bool:
    return token.type in ("STRING", CLASS) and not token.startswith('"""') and opens(str(token))


def opens(text: str) -> bool:
    """Tell whether braces of a template are open at the end of a text."""
    return text.rfind("{{") > text.rfind("}}") or text.rfind("{%") > text.rfind("%}")


def _fix(source: Source, quote: int) -> Fix | None:
    """Make single quotes of the double ones inside of the braces. None if the text then does not end on its line."""
    number, column = source.position(quote)
    line = source.line(number)
    begin, at = quote - column + 1, column - 1
    quotes: list[int] = []
    while opens(line[:at]):
        second = line.find('"', at + 1)
        end = line.find('"', second + 1)
        if second < 0 or end < 0 or not {"'", "\\"}.isdisjoint(line[at:second]):
            return None
        quotes += [begin + at, begin + second]
        at = end
    return Fix(
        "write single quotes inside of the braces",
        tuple(Edit(source.span(place, place + 1), "'") for place in quotes),
        safe=False,
    )
