"""Trees of matches, drawn at random for the tests of the formatter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flowrun.dsl import Source, Span
from flowrun.dsl import syntax as s

AT = Span(Source(""), 0, 0)


def drawn_match(maker: Any, depth: int) -> s.Match:
    """Draw a match. ``maker`` draws its value, its classes and the lines of its branches."""

    def branch() -> tuple[s.Word | s.String, s.Line]:
        line = maker.line(depth)
        if maker.maybe():
            string = maker.string()
            return string, replace(line, name=s.Word(string.value, AT))
        word = maker.word("when", "with", "after")
        return word, replace(line, name=word)

    branches = maker.some(branch)
    body = s.Body(tuple(line for _, line in branches), AT)
    value = maker.expr(1)
    if isinstance(value, s.Name) and value.word.text in ("chain", "fanout"):
        # Behind a line end such a word begins a block.
        value = s.Number("1", "", AT)
    return s.Match(value, body, tuple(word for word, _ in branches), AT)
