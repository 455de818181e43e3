"""Diagnostics for slips that the parser accepts as two lines of a block, because line ends have no meaning.

They are reported before the check of names, which would find confusing consequences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .. import syntax as s
from ..diagnostics import Diagnostic
from ..patterns import pattern
from ..source import Source
from .build_values import LABEL_WORDS, labelled_step

_NODE_FOLLOWS = pattern(r"[ \t]+(ask|map|repeat|fanout|chain|match|cascade)\b(?![ \t]*[:=.])")
_BEHIND_TEXT = pattern(r"\b(?:text|ask)[ \t]+\Z")
_VALUE_FOLLOWS = pattern(r"[ \t]+(?:not\b|[\w.]+(?:\([^)\n]*\))?[ \t]*(?:[<>!=]=|[<>+*/-]|\?\?|(?:and|or|in)\b))")
_CLAUSES = frozenset({"with", "after", "when"})
_FOREIGN = frozenset({"await", "async"})


def oddities(source: Source, lines: Iterable[s.Line]) -> Iterator[Diagnostic]:
    """Report slips in ``lines``. The step of each is only a name, a list or a text.

    There is at most one report for each line of the text.
    """
    told: set[int] = set()
    for line in lines:
        if (found := _oddity(source, line)) and found.span.line not in told:
            told.add(found.span.line)
            yield found


def compared(lines: Iterable[s.Line]) -> Iterator[s.Line]:
    """Yield the lines that only compare a name with a value, as `x == 1` does, or begin with a list, as `[0] > 1`."""
    for line in lines:
        node = line.node
        if line.name is not None or not isinstance(node, s.Binary):
            continue
        if isinstance(_first(node), s.ListExpr) or (node.operator == "==" and isinstance(node.left, s.Name)):
            yield line


def _first(node: s.Node | s.Ask) -> s.Node | s.Ask:
    """Return the value with which an expression begins."""
    while isinstance(node, s.Binary):
        node = node.left
    return node


def _oddity(source: Source, line: s.Line) -> Diagnostic | None:
    start = line.node.span.start
    before = source.text[start - 1 : start]
    if isinstance(first := _first(line.node), s.ListExpr):
        if before.isalnum() or before in ("_", ")", "]"):
            from .foreign_syntax import NAMED_PARTS, NO_INDEX

            return Diagnostic("F0101", NO_INDEX, first.span, help=NAMED_PARTS)
        return None
    if isinstance(line.node, s.Binary):
        begin = source.text.find("==", line.node.left.span.end, line.node.right.span.start)
        sign = source.span(begin, begin + 2)
        return Diagnostic("F0101", "`==` compares two values", sign, help="write a step as `name = …`")
    from .foreign_syntax import WORDS_ELSEWHERE, else_alone, stray_word

    if line.name is None and isinstance(line.node, s.Name) and _VALUE_FOLLOWS.match(source.text, line.span.end):
        word = line.node.word.text
        if word == "until":
            from .round_mistakes import until_alone

            return until_alone(line.node.span)
        if word in WORDS_ELSEWHERE:
            message = f"`{word}` is not a word of this language"
            return Diagnostic("F0101", message, line.node.span, help=WORDS_ELSEWHERE[word])
        if word in _CLAUSES:
            help = f"write the step before it, as in `x = … {word} …`"
            return Diagnostic("F0101", f"`{word}` cannot begin a line here", line.node.span, help=help)
    from .corrections import prefix, quote_ended

    if line.name is None and (ended := quote_ended(source, start)):
        return ended
    if isinstance(line.node, s.Template):
        if line.name is None and line.node.tag.text == "else":
            return else_alone(line.node.tag.span)
        if line.name is None and _BEHIND_TEXT.search(source.text, max(start - 40, 0), start):
            return prefix(source, line.node.tag.span, line.node.string.span)
    elif isinstance(line.node, s.Name) and (found := _NODE_FOLLOWS.match(source.text, line.span.end)):
        word = line.node.word.text
        if word in _FOREIGN:
            message = f"`{word}` is not a word of this language"
            return Diagnostic("F0101", message, line.node.span, help=stray_word(word))
        if word == "else" and line.name is None:
            return else_alone(line.node.span)
        if line.name is None:
            help = f"write `{word} = {found[1]} …`"
            return Diagnostic("F0101", f"a `=` is missing between `{word}` and its step", line.node.span, help=help)
        if word in LABEL_WORDS:
            return labelled_step(line.node.span)
        if word == "cascade":
            help = "write `cascade { ask cheap … else ask strong … when … }`"
            return Diagnostic("F0101", "a cascade needs braces around its stages", line.node.span, help=help)
        help = f"a model follows `ask`, as in `ask {word} …`; two steps need two lines"
        return Diagnostic(
            "F0101", f"a sign is missing between `{word}` and this `{found[1]}`", line.node.span, help=help
        )
    return None
