"""The parser's reductions for tests. There is one method for each rule of the grammar."""

from __future__ import annotations

from typing import Any

from .. import syntax as s
from ..source import Span
from .build_values import ValueReductions
from .token import Token


class OnlyWhen(tuple[s.Expr]):
    """The condition of a reply."""


class Answers(tuple[s.Expr, ...]):
    """The answers of a reply."""


class Path(tuple[s.PathStep, ...]):
    """The path of a step."""


class TestReductions(ValueReductions):
    """The methods that build tests and their lines, one for each rule of the grammar."""

    def test(self, c: list[Any]) -> s.TestDecl:
        prefix, flow = c[3]
        braces = Span(self.source, self._start(c[4]), self._end(c[-1]))
        return s.TestDecl(self._string(c[1]), flow, tuple(c[5:-1]), braces, self._span(c), prefix)

    def setup(self, c: list[Any]) -> s.SetupDecl:
        prefix, flow = c[3]
        braces = Span(self.source, self._start(c[4]), self._end(c[-1]))
        return s.SetupDecl(self._word(c[1]), flow, tuple(c[5:-1]), braces, self._span(c), prefix)

    def tested(self, c: list[Any]) -> tuple[s.Word | None, s.Word]:
        return self._word(c[0]) if len(c) > 1 else None, self._word(c[-1])

    # Lines

    def given(self, c: list[Any]) -> s.Given:
        return s.Given(self._word(c[0]), c[2], self._span(c))

    def reply(self, c: list[Any]) -> s.Reply:
        return s.Reply(tuple(c[1]), _condition(c), tuple(c[-1]), self._span(c))

    def extern_reply(self, c: list[Any]) -> s.ExternReply:
        return s.ExternReply(self._word(c[1]), _condition(c), tuple(c[-1]), self._span(c))

    def only_when(self, c: list[Any]) -> OnlyWhen:
        return OnlyWhen(c[1:])

    def answers(self, c: list[Any]) -> Answers:
        return Answers(c[::2])

    def file_reply(self, c: list[Any]) -> s.FileReply:
        return s.FileReply(self._string(c[1]), c[3], self._span(c))

    def cases(self, c: list[Any]) -> s.Cases:
        return s.Cases(self._string(c[1]), self._span(c))

    def cassette(self, c: list[Any]) -> s.Cassette:
        return s.Cassette(self._string(c[1]), self._span(c))

    def setup_use(self, c: list[Any]) -> s.SetupUse:
        return s.SetupUse(self._word(c[1]), self._span(c))

    # Expectations

    def expect(self, c: list[Any]) -> s.Expect:
        return s.Expect(c[1], self._span(c))

    def expect_type(self, c: list[Any]) -> s.ExpectType:
        return s.ExpectType(_negated(c), c[-3], self._plain(c[-1], "a type to compare with"), self._span(c))

    def expect_relation(self, c: list[Any]) -> s.ExpectRelation:
        negated = _negated(c)
        left, relation, right, *rest = c[1 + negated :]
        return s.ExpectRelation(negated, left, self._word(relation), right, rest[1] if rest else None, self._span(c))

    def expect_end(self, c: list[Any]) -> s.ExpectEnd:
        negated = _negated(c)
        rest = c[1 + negated :]
        step = None if isinstance(rest[0], Token) else rest.pop(0)
        message = self._string(rest[1]) if len(rest) > 1 else None
        return s.ExpectEnd(negated, step, self._word(rest[0]), message, self._span(c))

    def expect_asked(self, c: list[Any]) -> s.ExpectAsked:
        rest = c[2 + _negated(c) :]
        return s.ExpectAsked(_negated(c), tuple(rest[0]), rest[2] if len(rest) > 1 else None, self._span(c))

    # Paths

    def path(self, c: list[Any]) -> Path:
        steps: list[s.PathStep] = []
        for part in c[::2]:
            if isinstance(part, s.PathStep):
                steps.append(part)
                continue
            # `notes.17.draft` is `notes[17].draft`, because a shell expands brackets.
            last = steps[-1]
            places = (*last.places, *self._places(part))
            steps[-1] = s.PathStep(last.word, places, last.span.to(self._span([part])))
        return Path(steps)

    def path_step(self, c: list[Any]) -> s.PathStep:
        places = [place for token in c[2::3] for place in self._places(token)]
        return s.PathStep(self._word(c[0]), tuple(places), self._span(c))

    def _places(self, token: Token) -> list[s.Number]:
        """Read the places `3.1`, which the lexer takes for one number. They are the same as `[3][1]`."""
        start = token.start_pos
        found = []
        for digits in token.split("."):
            span = Span(self.source, start, start + len(digits))
            found.append(s.Number(digits, "", span, number=self._next()))
            start = span.end + 1
        return found


def _condition(c: list[Any]) -> s.Expr | None:
    return next((part[0] for part in c if isinstance(part, OnlyWhen)), None)


def _negated(c: list[Any]) -> bool:
    return isinstance(c[1], Token) and c[1].type == "NOT"
