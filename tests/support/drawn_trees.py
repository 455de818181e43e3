"""Drawn trees of every construct, without a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from flowrun.dsl import syntax as s
from flowrun.dsl.parsing.token import CLAUSE_WORDS, FILE_WORDS, LABELS, ROUND_WORDS, TEST_WORDS, TYPE_WORDS

from .drawn_matches import drawn_match
from .made_trees import AT, OPERATORS, calculation, rounds, with_returned_node

KEYWORDS = (
    "flow model type budget calls return with after when else ask system user assistant fanout map repeat chain "
    "where at most reduce by in or and not import as extern from test of reply expect"
).split()
PLAIN = st.from_regex(r"[a-zA-Z_][a-z0-9_]{0,8}", fullmatch=True).filter(lambda text: text not in KEYWORDS)
LETTERS = st.sampled_from('ab"\\\n\t\r #{}%é漢😀\u202e\u200f\ufeff\x00\x1b\x7f\x85\u2028') | st.characters(
    codec="utf-8"
)
PIECES = st.sampled_from(
    ['"""', "\n  ", " \n", "\n\n", "  x", "\t", "{{ a }}", "\\n", "\\u{41}", " ", "lorem ipsum dolor "]
)
VALUES = st.lists(LETTERS | PIECES, max_size=12).map("".join)
SIZE = st.integers(0, 10**6)
DIGITS = st.from_regex(r"[0-9]{1,12}(\.[0-9]{1,4})?", fullmatch=True)
STEPS = ("ask", "fanout", "map", "repeat", "chain", "match")
RELATIONS = ("in", "about", "contains", "failed", "matches", "skipped")
"""Words that no asked step can be named by: `expect asked in [1]` is about a value `asked`."""
SOFT = [
    word.lower()
    for word in sorted(TEST_WORDS | TYPE_WORDS | CLAUSE_WORDS | FILE_WORDS | ROUND_WORDS | LABELS | {"MATCH"})
]


class Maker:
    """Draws trees of every construct; ``depth`` is how much deeper a part may still go."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw

    def maybe(self) -> bool:
        return bool(self.draw(st.booleans()))

    def some(self, make: Callable[[], Any], least: int = 0, most: int = 3) -> tuple[Any, ...]:
        return tuple(make() for _ in range(self.draw(st.integers(least, most))))

    def one_of(self, *makers: Callable[[], Any]) -> Any:
        return self.draw(st.sampled_from(makers))()

    def word(self, *refused: str, keywords: bool = True) -> s.Word:
        """After most tokens only a name can stand, so words of the language are names there."""
        never = (*refused, "return", "not", "and", "or")
        known = st.sampled_from([word for word in (*KEYWORDS, *SOFT) if word not in never])
        return s.Word(self.draw(PLAIN | known if keywords else PLAIN), AT)

    def string(self) -> s.String:
        return s.String(self.draw(VALUES), AT, (), self.maybe())

    def number(self, *units: s.Unit) -> s.Number:
        return s.Number(self.draw(DIGITS), self.draw(st.sampled_from(units)), AT)

    def count(self) -> s.Number:
        return s.Number(str(self.draw(SIZE)), "", AT)

    def type(self, depth: int = 3) -> s.TypeExpr:
        def choice() -> s.TypeExpr:
            return s.TypeChoice(self.some(lambda: self.one_of(self.word, self.string), 2, 6), AT)

        if depth and self.draw(st.integers(0, 5)) == 0:
            return choice()
        part = self.type_part(depth)
        return s.TypeOptional(part, AT) if self.maybe() else part

    def type_part(self, depth: int) -> s.TypeExpr:
        def field() -> s.FieldDecl:
            return s.FieldDecl(self.word(), self.type(depth - 1), self.string() if self.maybe() else None, AT)

        makers: list[Callable[[], s.TypeExpr]] = [
            lambda: s.TypeName(self.word(), AT),
            lambda: s.TypeName(self.word(), AT, self.word()),
            lambda: s.TypeQuote(self.some(self.word, 1, 3), AT),
            lambda: s.TypeRange(self.bound(), self.bound(), AT),
            lambda: s.TypeChoice((self.string(),), AT),
        ]
        if depth:
            makers += [
                lambda: s.TypeList(self.type(depth - 1), AT),
                lambda: s.TypeList(self.type(depth - 1), AT, self.draw(SIZE), self.draw(SIZE | st.none())),
                lambda: s.TypeSized(self.word("quote"), (s.SizeArg(self.word("not"), self.draw(SIZE), AT),), AT),
                lambda: s.TypeRecord(self.some(field, 0, 5), AT),
            ]
        return self.one_of(*makers)  # type: ignore[no-any-return]

    def bound(self) -> int | float:
        digits = self.draw(DIGITS)
        value = float(digits) if "." in digits else int(digits)
        return -value if self.maybe() else value

    def expr(self, depth: int = 3) -> s.Expr:
        makers: list[Callable[[], s.Expr]] = [
            lambda: s.Name(self.word("not"), AT),
            lambda: self.number("", "%", "$", "ms", "s", "m", "h"),
            lambda: s.Text(self.string(), AT),
        ]
        if depth:
            makers += [
                lambda: s.Binary(self.draw(st.sampled_from(OPERATORS)), self.expr(depth - 1), self.expr(depth - 1), AT),
                lambda: s.Unary(self.draw(st.sampled_from(["not", "-"])), self.expr(depth - 1), AT),
                lambda: self.container(depth),
                lambda: self.primary(depth),
            ] * 2
        return self.one_of(*makers)  # type: ignore[no-any-return]

    def container(self, depth: int) -> s.Expr:
        def entry() -> s.Entry:
            name = self.word()
            return self.one_of(  # type: ignore[no-any-return]
                lambda: s.Entry(name, s.Name(name, AT), True, AT),
                lambda: s.Entry(name, self.expr(depth - 1), False, AT),
                lambda: s.Entry(None, self.expr(depth - 1), False, AT),
            )

        return self.one_of(  # type: ignore[no-any-return]
            lambda: s.ListExpr(self.some(lambda: self.expr(depth - 1), 0, 5), AT),
            lambda: s.RecordExpr(self.some(entry, 0, 5), AT),
        )

    def primary(self, depth: int, keywords: bool = True) -> s.Expr:
        name = self.word("not", keywords=keywords)
        found: s.Expr = self.one_of(
            lambda: s.Name(name, AT),
            lambda: s.Call(name, self.args(depth - 1), AT),
            lambda: s.Call(self.word(), self.args(depth - 1), AT, name),
            # A word that begins a step is no tag.
            lambda: s.Template(self.word("not", keywords=False) if name.text in STEPS else name, self.string(), AT),
        )
        for field in self.some(self.word):
            found = s.Get(found, field, AT)
        return found

    def args(self, depth: int) -> tuple[s.Arg, ...]:
        def arg() -> s.Arg:
            if depth > 0 and self.draw(st.integers(0, 7)) == 0:
                read = s.Call(self.word(), self.args(depth - 1), AT, label=self.label())
                return s.Arg(self.word("not"), read, AT)
            return (
                s.Arg(self.word("not"), self.argument(depth), AT) if self.maybe() else s.Arg(None, self.expr(depth), AT)
            )

        return self.some(arg)

    def label(self) -> s.Word:
        return s.Word(self.draw(st.sampled_from(["trusted", "untrusted"])), AT)

    def argument(self, depth: int) -> s.Expr | s.Ask:
        return self.ask() if self.draw(st.integers(0, 3)) == 0 else self.expr(max(depth, 0))

    def ask(self) -> s.Ask:
        def message() -> s.Message:
            role = s.Word(self.draw(st.sampled_from(["system", "user", "assistant"])), AT)
            return s.Message(role, self.string(), AT)

        model: s.Expr | None = None
        if self.maybe():
            model = s.Name(self.word("system", "user", "assistant"), AT)
            for field in self.some(self.word, 0, 1):
                model = s.Get(model, field, AT)
        messages = self.some(message, 1) if self.maybe() else (s.Message(None, self.string(), AT),)
        check = s.Check(self.expr(2), self.string() if self.maybe() else None, AT) if self.maybe() else None
        return s.Ask(model, messages, self.type() if self.maybe() else None, AT, check)

    def options(self) -> tuple[s.Option, ...]:
        if not self.maybe():
            return ()
        return self.some(lambda: s.Option(self.word(), self.argument(1), AT))

    def reduce(self) -> s.Reduce:
        def count() -> s.Expr:
            return self.count() if self.maybe() else s.Call(self.word(), self.args(1), AT)

        ask, by = s.Word("ask", AT), s.Word("by", AT)
        return self.one_of(  # type: ignore[no-any-return]
            lambda: s.Reduce(self.word("ask", "by"), self.args(1), None, None, (), AT),
            lambda: s.Reduce(ask, (), self.ask(), None, self.options(), AT),
            lambda: s.Reduce(by, (), self.ask(), count(), (), AT),
        )

    def block(self, depth: int) -> s.Node:
        body = self.body(depth - 1)
        return self.one_of(  # type: ignore[no-any-return]
            lambda: s.Fanout(body, self.reduce(), AT),
            lambda: s.Map(
                self.word(),
                self.expr(2),
                self.expr(1) if self.maybe() else None,
                self.count() if self.maybe() else None,
                body,
                self.reduce(),
                AT,
            ),
            lambda: s.Repeat(self.count(), self.count(), body, self.reduce(), AT),
            lambda: s.Chain(body, AT),
            lambda: drawn_match(self, depth - 1),
            lambda: rounds(self, body),
        )

    def line(self, depth: int) -> s.Line:
        kinds: list[Callable[[], s.Node]] = [self.ask, *([lambda: self.block(depth)] if depth else [])]
        name = None
        if self.maybe():
            name = self.word(keywords=False)
            kinds.append(self.expr)
        else:
            kinds += [lambda: self.container(2), lambda: self.primary(2, keywords=False), lambda: calculation(self)]
        made = self.one_of(*kinds)
        when = s.When(self.expr(2), self.expr(2) if self.maybe() else None, AT) if self.maybe() else None
        return s.Line(name, made, self.options(), self.some(self.word) if self.maybe() else (), when, AT)

    def body(self, depth: int) -> s.Body:
        return s.Body(self.some(lambda: self.line(depth)), AT)

    def declaration(self) -> s.Declaration:
        def param() -> s.Param:
            default = self.expr(2) if self.maybe() else None
            return s.Param(self.word(), self.type(2), default, AT, self.label() if self.maybe() else None)

        def budget() -> s.Budget:
            money, calls = self.number("$"), self.count()
            given: tuple[s.Number | None, s.Number | None] = self.draw(
                st.sampled_from([(money, calls), (None, calls), (money, None)])
            )
            return s.Budget(*given, AT)

        def flow() -> s.FlowDecl:
            returns = self.some(lambda: s.Return(self.expr(), AT), 0, 1)
            limits = budget() if self.maybe() else None
            body = self.body(2)
            if self.maybe():
                body, returns = with_returned_node(self, body)
            return s.FlowDecl(self.word(), self.some(param), limits, body, returns, AT)

        def path(*refused: str) -> s.Path:
            def places() -> tuple[s.Number, ...]:
                return self.some(self.count, 0, 2)

            first = s.PathStep(self.word(*refused), places(), AT)
            return first, *self.some(lambda: s.PathStep(self.word(), places(), AT), 0, 2)

        def condition() -> s.Expr | None:
            return self.expr(2) if self.maybe() else None

        def test_line() -> s.TestLine:
            return self.one_of(  # type: ignore[no-any-return]
                lambda: s.Given(self.word(keywords=False), self.expr(), AT),
                lambda: s.Reply(path(), condition(), self.some(self.expr, 1), AT),
                lambda: s.ExternReply(self.word(), condition(), self.some(self.expr, 1), AT),
                lambda: s.FileReply(self.string(), self.expr(), AT),
                lambda: s.Cases(self.string(), AT),
                lambda: s.Cassette(self.string(), AT),
                lambda: s.SetupUse(self.word(keywords=False), AT),
                lambda: s.Expect(self.expr(), AT),
                lambda: s.ExpectType(self.maybe(), self.expr(), self.type(2), AT),
                lambda: s.ExpectRelation(self.maybe(), self.expr(), s.Word("contains", AT), self.expr(), None, AT),
                lambda: s.ExpectRelation(self.maybe(), self.expr(), s.Word("about", AT), self.expr(), condition(), AT),
                lambda: (
                    s.ExpectEnd(self.maybe(), self.expr(), s.Word("skipped", AT), None, AT)
                    if self.maybe()
                    else s.ExpectEnd(self.maybe(), None, s.Word("failed", AT), None, AT)
                ),
                lambda: s.ExpectEnd(self.maybe(), condition(), s.Word("failed", AT), self.string(), AT),
                lambda: s.ExpectAsked(self.maybe(), path(*RELATIONS), condition(), AT),
            )

        def prefix() -> s.Word | None:
            return self.word() if self.maybe() else None

        def import_() -> s.ImportDecl:
            return s.ImportDecl(self.string(), self.word() if self.maybe() else None, AT)

        return self.one_of(  # type: ignore[no-any-return]
            flow,
            flow,
            import_,
            lambda: s.ExternDecl(
                self.word(), self.some(param), self.type(), self.string(), AT, self.label() if self.maybe() else None
            ),
            lambda: s.TestDecl(self.string(), self.word(), self.some(test_line), AT, AT, prefix()),
            lambda: s.SetupDecl(self.word(), self.word(), self.some(test_line), AT, AT, prefix()),
            lambda: s.ModelDecl(
                self.word(), self.string(), self.string() if self.maybe() else None, self.options(), AT
            ),
            lambda: s.TypeDecl(self.word(), self.type(), AT),
        )


@st.composite
def files(draw: Callable[[Any], Any]) -> s.File:
    maker = Maker(draw)
    return s.File(maker.some(maker.declaration), (), AT)


LEAVES = st.sampled_from(["a", "b", "map", "ask", "with", "in"]).map(lambda text: s.Name(s.Word(text, AT), AT))


@st.composite
def operations(draw: Callable[[Any], Any], depth: int = 4) -> s.Expr:
    """Operators around operators, their operands names that may look like words of the language."""
    kind = draw(st.integers(0, 5)) if depth else 0
    if kind == 0:
        return draw(LEAVES)  # type: ignore[no-any-return]
    if kind == 1:
        return s.Unary(draw(st.sampled_from(["not", "-"])), draw(operations(depth - 1)), AT)
    left, right = draw(operations(depth - 1)), draw(operations(depth - 1))
    return s.Binary(draw(st.sampled_from(OPERATORS)), left, right, AT)
