"""The parser's reductions for files and declarations."""

from __future__ import annotations

from typing import Any

from .. import syntax as s
from ..source import Span
from .build_tests import TestReductions
from .build_values import Labelled
from .token import Token


class With(tuple[s.Option, ...]):
    """The options of a `with` clause."""


class DeclarationReductions(TestReductions):
    """The methods that build the tree of a file and its declarations, one for each rule of the grammar."""

    def start(self, c: list[Any]) -> s.File:
        return s.File(tuple(c), (), Span(self.source, 0, len(self.source.text)))

    def flow(self, c: list[Any]) -> s.FlowDecl:
        params = next((child for child in c if isinstance(child, list)), [])
        budget = next((child for child in c if isinstance(child, s.Budget)), None)
        lines, returns = c[-2]
        body = s.Body(lines, Span(self.source, self._start(c[-3]), self._end(c[-1])))
        options = next((tuple(child) for child in c if isinstance(child, With)), ())
        return s.FlowDecl(
            self._word(c[1]), tuple(params), budget, body, returns, self._span(c), options, number=self._next()
        )

    def params(self, c: list[Any]) -> list[s.Param]:
        return [child for child in c if isinstance(child, s.Param)]

    def param(self, c: list[Any]) -> s.Param:
        default = c[4] if len(c) > 4 else None
        label, type_ = c[2] if isinstance(c[2], Labelled) else (None, c[2])
        return s.Param(self._word(c[0]), type_, default, self._span(c), label, number=self._next())

    def budget(self, c: list[Any]) -> s.Budget:
        limits = [child for child in c if isinstance(child, s.Number)]
        money = [limit for limit in limits if limit.unit == "$"]
        calls = [limit for limit in limits if limit.unit == ""]
        for several in (money, calls):
            for extra in several[1:]:
                self._problem("F0307", "this limit is given twice", extra.span, "keep only one of the two")
        return s.Budget(money[0] if money else None, calls[0] if calls else None, self._span(c))

    def money_limit(self, c: list[Any]) -> s.Number:
        return self._number(c[0])

    def calls_limit(self, c: list[Any]) -> s.Number:
        number = self._number(c[0])
        if "." in number.digits:
            self._problem("F0402", "the number of calls is a whole number", number.span, "write `400 calls`")
        return number

    def model(self, c: list[Any]) -> s.ModelDecl:
        options = next((child for child in c if isinstance(child, With)), With())
        strings = [self._string(child) for child in c if isinstance(child, Token) and child.type == "STRING"]
        hole = c[3] if isinstance(c[3], s.Hole) else None
        if hole is not None:
            strings.insert(0, self._first_address(hole))
        return s.ModelDecl(
            self._word(c[1]),
            strings[0],
            strings[1] if len(strings) > 1 else None,
            tuple(options),
            self._span(c),
            hole,
        )

    def _first_address(self, hole: s.Hole) -> s.String:
        first = hole.values[0] if hole.values else None
        return first.string if isinstance(first, s.Text) else s.String("", hole.span)

    def endpoint(self, c: list[Any]) -> s.EndpointDecl:
        options = next((child for child in c if isinstance(child, With)), With())
        key = next((place for place, child in enumerate(c) if isinstance(child, Token) and child.type == "KEY"), None)
        texts = [child for child in c[2:key] if isinstance(child, Token) and child.type == "STRING"]
        return s.EndpointDecl(
            self._word(c[1]),
            tuple(self._string(text) for text in texts),
            None if key is None else self._string(c[key + 1]),
            tuple(options),
            self._span(c),
            c[2].type == "AT",
        )

    def defaults(self, c: list[Any]) -> s.DefaultsDecl:
        if c[1] != "default":
            help = f'write `model {c[1]} = "provider:name" with …`, or `model default with …` for asks without a model'
            self._problem("F0642", "this model has no address", self._span(c[1:2]), help)
        return s.DefaultsDecl(tuple(c[2]), self._span(c))

    def text_decl(self, c: list[Any]) -> s.TextDecl:
        return s.TextDecl(self._word(c[1]), self._string(c[3]), self._span(c))

    def prompt_decl(self, c: list[Any]) -> s.PromptDecl:
        params = c[3] if isinstance(c[3], list) else []
        return s.PromptDecl(self._word(c[1]), tuple(params), self._string(c[-1]), self._span(c))

    def type_decl(self, c: list[Any]) -> s.TypeDecl:
        return s.TypeDecl(self._word(c[1]), self._plain(c[3], "a declared type"), self._span(c))

    def import_(self, c: list[Any]) -> s.ImportDecl:
        return s.ImportDecl(self._string(c[1]), self._word(c[3]) if len(c) > 3 else None, self._span(c))

    def extern(self, c: list[Any]) -> s.ExternDecl:
        params = c[3] if isinstance(c[3], list) else []
        label, type_ = c[-3] if isinstance(c[-3], Labelled) else (None, c[-3])
        return s.ExternDecl(self._word(c[1]), tuple(params), type_, self._string(c[-1]), self._span(c), label)
