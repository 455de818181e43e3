"""The text of tests and setups."""

from __future__ import annotations

from collections.abc import Sequence

from .. import syntax as s
from .comments import Unit
from .layout import Doc, DocConcat
from .phrases import Phrases, number


class TestPhrases(Phrases):
    """The part of the formatter that writes tests."""

    def test(self, test: s.TestDecl | s.SetupDecl) -> Doc:
        units = [self.unit(line, self._test_line(line)) for line in test.lines]
        region = (test.braces.start, test.braces.end)
        early = self.comments.take(test.flow.span.end, test.braces.start)
        body = self.comments.enclosed(units, ("{", "}"), region, broken=bool(units), early=early)
        head = ["test ", self.string(test.title)] if isinstance(test, s.TestDecl) else ["setup ", test.name.text]
        prefix = f"{test.prefix.text}." if test.prefix is not None else ""
        return DocConcat([*head, f" of {prefix}{test.flow.text} ", body])

    def _test_line(self, line: s.TestLine) -> Doc:
        match line:
            case s.Given():
                return DocConcat([line.name.text, " = ", self.expr(line.value)])
            case s.Reply():
                return DocConcat(["reply ", _path(line.path), *self._answers(line.when, line.answers)])
            case s.ExternReply():
                return DocConcat(["extern ", line.name.text, *self._answers(line.when, line.answers)])
            case s.FileReply():
                return DocConcat(["file ", self.string(line.path), ": ", self.expr(line.value)])
            case s.Cases():
                return DocConcat(["cases ", self.string(line.path)])
            case s.Cassette():
                return DocConcat(["cassette ", self.string(line.path)])
            case s.SetupUse():
                return f"setup {line.name.text}"
            case _:
                return DocConcat(["expect ", *self._expected(line)])

    def _answers(self, when: s.Expr | None, answers: Sequence[s.Expr]) -> list[Doc]:
        condition = [" when ", self.expr(when)] if when is not None else []
        units = [Unit(one.span.start, one.span.end, self.expr(one)) for one in answers]
        return [*condition, ": ", self.comments.chained(units, separator=",", by=2)]

    def _expected(self, line: s.ExpectLine) -> list[Doc]:
        match line:
            case s.Expect():
                condition = self.expr(line.condition)
                return [DocConcat(["(", condition, ")"]) if _misread(line.condition) else condition]
            case s.ExpectType():
                return [_not(line), self.operand(line.left), " matches ", self.type_expr(line.type)]
            case s.ExpectRelation():
                within = [" within ", self.operand(line.within)] if line.within is not None else []
                parts = [self.operand(line.left), f" {line.relation.text} ", self.operand(line.right)]
                return [_not(line), *parts, *within]
            case s.ExpectEnd():
                step = [self.operand(line.step), " "] if line.step is not None else []
                message = [" ", self.string(line.message)] if line.message is not None else []
                return [_not(line), *step, line.end.text, *message]
            case s.ExpectAsked():
                part = [" contains ", self.operand(line.contains)] if line.contains is not None else []
                return [_not(line), "asked ", _path(line.path), *part]


def _misread(condition: s.Expr) -> bool:
    """Tell whether a condition without brackets would be read as the word of another expectation."""
    if isinstance(condition, s.Unary) and condition.operator == "not":
        condition = condition.operand
    return isinstance(condition, s.Name) and condition.word.text in ("asked", "failed")


def _not(line: s.ExpectType | s.ExpectRelation | s.ExpectEnd | s.ExpectAsked) -> str:
    return "not " if line.negated else ""


def _path(path: s.Path) -> str:
    return ".".join(step.word.text + "".join(f"[{number(place)}]" for place in step.places) for step in path)
