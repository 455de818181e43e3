"""The mentions of names in values, asks and templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .. import syntax as s
from ..diagnostics import Diagnostic
from ..path_names import ANSWER
from ..source import Span
from ..syntax.children import children
from ..templates.constants import field_behind
from ..templates.read import read_template
from .program import Mention, Part, Program, Scope, Step, Symbol


class Mentions:
    """The reader of mentions. It looks each name up in the scope of its place."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def in_value(self, value: s.Expr | s.Ask, scope: Scope, step: Step | None, part: Part) -> Iterator[Mention]:
        if isinstance(value, s.Ask):
            return self.in_ask(value, scope, step, part)
        return self.in_expr(value, scope, step, part)

    def in_ask(self, ask: s.Ask, scope: Scope, step: Step | None, part: Part) -> Iterator[Mention]:
        if ask.model is not None:
            yield from self.in_expr(ask.model, scope, step, part)
        seen = scope
        if ask.prompt is not None:
            for arg in ask.prompt.args:
                yield from self.in_value(arg.value, scope, step, part)
            names = [arg.name for arg in ask.prompt.args if arg.name is not None]
            seen = Scope(scope, symbols={name.text: Symbol(name.text, "given", name.span, scope) for name in names})
        for message in ask.messages:
            yield from self.in_template(message.template, seen, step, part)
        if ask.check is not None:
            inner = self.check_scope(ask, scope, step) if step is not None else scope
            yield from self.in_expr(ask.check.condition, inner, step, part)

    def check_scope(self, ask: s.Ask, scope: Scope, step: Step) -> Scope:
        """Return the scope of a check: the names that the ask may mention, and those of its answer."""
        own = step.asks
        if own is None or own[0] is not ask:
            return scope
        inner = Scope(scope)
        # The class of a branch is not the name of a value.
        name, span = None if step.branch else step.line.name, ask.span
        # Without a step of that name, `answer` is the answer of any ask.
        words = [*([name] if name else []), *([] if scope.lookup(ANSWER) else [s.Word(ANSWER, span)])]
        inner.symbols.update({word.text: Symbol(word.text, "answer", word.span, inner, step) for word in words})
        step.check_scope = inner
        return inner

    def in_template(self, string: s.String, scope: Scope, step: Step | None, part: Part) -> Iterator[Mention]:
        template = read_template(string)
        if isinstance(template, list):
            self.program.problems.extend(template)
            self.program.templates[string.number] = None
            return
        self.program.templates[string.number] = template
        for found in template.mentions:
            symbol = scope.mentioned(found.name)
            if symbol is not None and symbol.kind == "texts" and not field_behind(string.value, found.end)[0]:
                self.bare_prefix(symbol, string.place(found.start, found.end))
            yield Mention(found.name, string.place(found.start, found.end), symbol, step, part)

    def bare_prefix(self, symbol: Symbol, span: Span) -> None:
        texts = symbol.constant if isinstance(symbol.constant, Mapping) else {}
        help = f"write `{symbol.name}.{next(iter(texts), 'NAME')}` for a text of this file"
        message = f"`{symbol.name}` is the prefix of a file, not a value"
        self.program.problems.append(Diagnostic("F0201", message, span, help=help))

    def in_expr(self, expr: s.Expr, scope: Scope, step: Step | None, part: Part) -> Iterator[Mention]:
        match expr:
            case s.Name(word):
                symbol = scope.lookup(word.text)
                if symbol is not None and symbol.kind == "texts":
                    self.bare_prefix(symbol, word.span)
                yield Mention(word.text, word.span, symbol, step, part)
            case s.Get(s.Name(word)):
                yield Mention(word.text, word.span, scope.lookup(word.text), step, part)
            case s.Template(tag, string):
                if tag.text == "text":
                    yield from self.in_template(string, scope, step, part)
            case _:
                for child in children(expr):
                    yield from self.in_value(child, scope, step, part)
