"""Parts of random trees: rounds, calculations on lines of their own, and nodes behind `return`."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from flowrun.dsl import Source
from flowrun.dsl import syntax as s

AT = Source("").span(0, 0)
OPERATORS = "or and == != <= >= < > in ?? + - * /".split()


def rounds(maker: Any, body: s.Body) -> s.Rounds:
    word = maker.draw(st.sampled_from([None, "last", "fail", "best"]))
    by = maker.expr(2) if word == "best" else None
    return s.Rounds(maker.count(), body, maker.expr(2), None if word is None else s.Word(word, AT), by, AT)


def calculation(maker: Any) -> s.Expr:
    """Make an expression that may stand on any line: it begins with nothing that goes on with a line before."""
    if maker.maybe():
        return s.Unary("not", maker.expr(2), AT)
    first = maker.one_of(lambda: maker.container(2), lambda: maker.primary(2, keywords=False), maker.count)
    return s.Binary(maker.draw(st.sampled_from(OPERATORS)), first, maker.expr(2), AT)


def with_returned_node(maker: Any, body: s.Body) -> tuple[s.Body, tuple[s.Return, ...]]:
    """Make a `return` of an ask or of a block, and add its step to the body."""
    word = s.Word("return", AT)
    name = s.Name(word, AT)
    when = s.When(maker.expr(2), None, AT) if maker.maybe() else None
    line = s.Line(word, maker.one_of(maker.ask, lambda: maker.block(1)), maker.options(), (), when, AT)
    return s.Body((*body.lines, line), AT), (s.Return(name, AT, line, name),)
