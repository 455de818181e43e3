"""Slips that read as two lines of a block, since line ends mean nothing: told here before their names confuse."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .. import syntax as s
from ..diagnostics import Diagnostic
from ..source import Source
from .habits import stray_word

_NODE_FOLLOWS = re.compile(r"[ \t]+(ask|map|repeat|fanout|chain)\b(?![ \t]*[:=.])")
_PREFIXED = re.compile(r'[ \t]+([fFrRbBuU]{1,2})"')
_FOREIGN = frozenset({"await", "async"})


def oddities(source: Source, lines: Iterable[s.Line]) -> Iterator[Diagnostic]:
    """Findings among the lines whose step is a mere name or a list."""
    for line in lines:
        start = line.node.span.start
        before = source.text[start - 1 : start]
        if isinstance(line.node, s.ListExpr):
            if before.isalnum() or before in ("_", ")", "]"):
                help = "name the parts: give an answer a record type, as in `-> { first: text }`, and take `x.first`"
                yield Diagnostic("F0101", "there is no indexing", line.node.span, help=help)
        elif isinstance(line.node, s.Name) and (found := _PREFIXED.match(source.text, line.span.end)):
            span = source.span(found.start(1), found.end(1))
            help = f"leave the `{found[1]}` out; what stands in `{{{{ … }}}}` is put in its place"
            yield Diagnostic("F0101", f"no `{found[1]}` stands before a text", span, help=help)
        elif isinstance(line.node, s.Name) and (found := _NODE_FOLLOWS.match(source.text, line.span.end)):
            word = line.node.word.text
            if word in _FOREIGN:
                yield Diagnostic(
                    "F0101", f"`{word}` is no word of this language", line.node.span, help=stray_word(word)
                )
            elif line.name is None:
                help = f"write `{word} = {found[1]} …`"
                yield Diagnostic("F0101", f"a `=` is missing between `{word}` and its step", line.node.span, help=help)
            else:
                help = f"a model stands behind `ask`, as in `ask {word} …`; two steps stand on two lines"
                yield Diagnostic("F0101", f"nothing joins `{word}` and this `{found[1]}`", line.node.span, help=help)
