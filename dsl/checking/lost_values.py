"""Values that stand on lines of their own, where nothing can mention them."""

from __future__ import annotations

from .. import syntax as s
from ..diagnostics import Diagnostic

_BLOCKS = (s.Fanout, s.Map, s.Repeat, s.Chain, s.Rounds, s.Match, s.Cascade)


def lost_values(lines: tuple[s.Line, ...]) -> list[Diagnostic]:
    """Report values that stand on lines of their own, have no name, and belong to no block.

    A single word is not reported here. Mostly it is a word of another language or a misspelt word, and the check of
    names reports it.
    """
    problems = []
    for place, line in enumerate(lines):
        node = line.node
        if isinstance(node, s.Match):
            problems += lost_values(node.body.lines)
        elif isinstance(node, s.Cascade):
            problems += lost_values(tuple(one for one in node.body.lines if isinstance(one.node, _BLOCKS)))
        elif isinstance(node, _BLOCKS):
            inner = node.body.lines
            # A branch without a name is reported elsewhere.
            problems += lost_values(inner[:-1]) if not isinstance(node, s.Fanout) else []
            if inner and isinstance(inner[-1].node, _BLOCKS):
                problems += lost_values((inner[-1],))
        elif line.name is None and not isinstance(node, (s.Ask, s.Name)):
            problems.append(
                _check_between(lines[:place], line)
                or Diagnostic(
                    "F0406",
                    "this value has no name, so no step can mention it",
                    line.span,
                    help="give the value a name, `name = …`, or delete it"
                    + (
                        "; the language has no indexing, and a field is written `.name`"
                        if isinstance(node, s.ListExpr)
                        else ""
                    ),
                )
            )
    return problems


def _check_between(before: tuple[s.Line, ...], line: s.Line) -> Diagnostic | None:
    """Report a condition behind a `check` that is read as a name, because no check may stand there."""
    first = _leftmost(line.node)
    from ..parsing.check_mistakes import CALLS, LATE, NO_ASK

    if isinstance(first, s.Call) and first.function.text == "check" and first is not line.node and not first.prefix:
        return Diagnostic("F0406", CALLS[0], first.function.span, help=CALLS[1])
    if not before or not isinstance(before[-1].node, s.Name) or before[-1].name is not None:
        return None
    word = before[-1].node.word
    if word.text != "check" or word.span.line != line.span.line:
        return None
    asks = len(before) > 1 and isinstance(before[-2].node, s.Ask)
    said, help = LATE if asks else NO_ASK
    return Diagnostic("F0406", said, word.span, help=help)


def _leftmost(node: s.Node) -> s.Node:
    while isinstance(node, s.Binary):
        node = node.left
    return node
