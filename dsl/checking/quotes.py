"""The quotes in the answers of asks: their sources must be texts that stand in the prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic, Edit, Fix, nearest
from ..fields import field_type
from ..records import dataclass
from ..source import Span
from ..syntax.children import children
from ..templates.read import template_pieces
from .program import Mention, Part, Program, Scope, Step, Symbol
from .typed import Typed

_Known = Step | Symbol
"""The step whose value a symbol has, or else the symbol. A step has more than one symbol where a reducer sees it."""


@dataclass(eq=False, slots=True)
class QuotingAsk:
    """An ask whose answer has quotes, with the scope that its prompt sees."""

    step: Step
    ask: s.Ask
    scope: Scope
    part: Part
    sources: tuple[str, ...]

    def written(self, source: str) -> s.TypeQuote | None:
        """Return the quote of a source as it is written at the ask. None if it is part of a named type."""
        assert self.ask.answer is not None
        return next((one for one in _quotes(self.ask.answer) if one.source == source), None)

    def place(self, source: str) -> Span:
        """Return the place where the answer's type names a source. For a named type, return the place of its name."""
        assert self.ask.answer is not None
        return (self.written(source) or self.ask.answer).span


def quoting(program: Program, typed: Typed) -> Iterator[QuotingAsk]:
    """Yield the asks whose answers have quotes."""
    for flow in program.flows:
        for step in flow.walk():
            for ask, scope, part in _asks(step):
                answer = typed.nodes.answers.get(ask.number)
                if ask.answer is not None and answer is not None and (sources := t.quotes_of(answer)):
                    yield QuotingAsk(step, ask, scope, part, sources)


def check_quotes(program: Program, typed: Typed, type_of: Callable[[Symbol], t.Type]) -> None:
    """Check the sources of all quotes. The plan makes each ask wait for its sources."""
    for one in quoting(program, typed):
        for source in one.sources:
            name, *fields = source.split(".")
            symbol, span = one.scope.lookup(name), one.place(source)
            if symbol is None or symbol.kind == "model":
                typed.problems.append(_unknown(one, source, symbol))
                continue
            typed.sources.setdefault(one.step, []).append(Mention(name, span, symbol, one.step, one.part))
            known = len(typed.problems)
            type_ = type_of(symbol)
            for field in fields:
                type_ = field_type(type_, field, span, typed.problems)
            if len(typed.problems) == known and not t.quotable(type_):
                typed.problems.append(_no_text(source, type_, span))
            elif sight(program, typed, one, symbol) == "nothing":
                typed.problems.append(_unseen(source, span))


def sight(program: Program, typed: Typed, one: QuotingAsk, source: Symbol) -> Literal["shown", "answers", "nothing"]:
    """Tell what a prompt shows of a source: the text, only answers about it, or nothing."""
    args = [] if one.ask.prompt is None else [arg.value for arg in one.ask.prompt.args]
    names = [symbol for name in _mentioned(args) if (symbol := one.scope.lookup(name)) is not None]
    names += [
        symbol
        for message in one.ask.messages
        if (template := program.template(message.template)) is not None
        for mention in template.mentions
        if (symbol := one.scope.lookup(mention.name)) is not None
    ]
    wanted, shown = _known(source), {_known(symbol) for symbol in names}
    if wanted in _behind(names, typed, copies=True) or not shown.isdisjoint(_behind([source], typed, copies=True)):
        return "shown"
    return "answers" if wanted in _behind(names, typed, copies=False) else "nothing"


def _mentioned(args: Iterable[s.Expr | s.Ask]) -> Iterator[str]:
    """Yield the names in the arguments of a prompt."""
    todo = list(args)
    while todo:
        value = todo.pop()
        if isinstance(value, s.Name):
            yield value.word.text
        elif isinstance(value, s.Template):
            yield from (piece[0] for piece in template_pieces(value.string.value) or () if not isinstance(piece, str))
        elif not isinstance(value, s.Ask):
            todo.extend(children(value))


def _known(symbol: Symbol) -> _Known:
    return symbol.step if symbol.kind in ("step", "branch") and symbol.step is not None else symbol


def _behind(symbols: Iterable[Symbol], typed: Typed, *, copies: bool) -> set[_Known]:
    """Return the symbols and all values from which they are made.

    With ``copies``, do not look behind the answer of a model or of Python, because it need not repeat what was read.
    """
    found: set[_Known] = set()
    todo = list(symbols)
    while todo:
        symbol = todo.pop()
        if _known(symbol) not in found:
            found.add(_known(symbol))
            todo += _parents(symbol, typed, copies)
    return found


def _parents(symbol: Symbol, typed: Typed, copies: bool) -> list[Symbol]:
    step = symbol.step
    if step is None or _is_figure(typed.type_of(symbol)):
        return []
    if symbol.kind == "element" and (listed := s.source_of(step.line.node)) is not None:
        # The element comes from the list of the block, and not from what its other lines mention.
        source = listed.span
        mentions = [one for one in step.mentions if source.start <= one.span.start < source.end]
    else:
        steps = [*step.walk()]
        if copies and any(_answers(one, typed) for one in steps):
            return []
        mentions = [mention for one in steps for mention in one.mentions]
    return [mention.symbol for mention in mentions if mention.symbol is not None]


def _is_figure(type_: t.Type) -> bool:
    """Return True for a number or a bool. It may come from a text, and shows no word of it."""
    inner = t.unwrapped(type_)
    return inner == t.BOOL or (t.is_number(inner) and inner != t.UNKNOWN)


def _answers(step: Step, typed: Typed) -> bool:
    """Return True if a model or Python makes the value of a step."""
    node = step.line.node
    match node:
        case s.Ask():
            return True
        case s.Call():
            return node.number in typed.nodes.callees
        case s.Map() | s.Repeat() | s.Fanout():
            return node.reduce.ask is not None or node.reduce.number in typed.nodes.callees
    return False


def _asks(step: Step) -> Iterator[tuple[s.Ask, Scope, Part]]:
    node = step.line.node
    if isinstance(node, s.Ask):
        yield node, step.scope, "head"
    elif isinstance(node, (s.Fanout, s.Map, s.Repeat)) and node.reduce.ask is not None:
        yield node.reduce.ask, step.reduce_scope or step.scope, "reduce"


def _quotes(written: s.TypeExpr) -> Iterator[s.TypeQuote]:
    match written:
        case s.TypeQuote():
            yield written
        case s.TypeList(item) | s.TypeOptional(item):
            yield from _quotes(item)
        case s.TypeUnion(options):
            for option in options:
                yield from _quotes(option)
        case s.TypeRecord(fields):
            for field in fields:
                yield from _quotes(field.type)


def _unknown(one: QuotingAsk, source: str, model: Symbol | None) -> Diagnostic:
    name = source.split(".", maxsplit=1)[0]
    if model:
        said = f"`{name}` is a model, and a quote is copied from a text"
    else:
        said = f"the quote needs a value `{name}`, and none is here"
    written = one.written(source)
    # A named type may be right for other asks, so only a name at the ask itself can be meant to be another.
    near = nearest(name, one.scope.known()) if written and not model else None
    fix = Fix(f"write `{near}`", (Edit(written.path[0].span, near),), safe=False) if written and near else None
    return Diagnostic(
        "F0530",
        said,
        one.place(source),
        note="the source of a quote is looked up where the ask stands",
        help=f"did you mean `{near}`?"
        if near
        else "name a parameter, a step or an element whose text stands in this prompt",
        fix=fix,
    )


def _no_text(source: str, type_: t.Type, span: Span) -> Diagnostic:
    missing = isinstance(type_, t.Optional)
    return Diagnostic(
        "F0531",
        f"`{source}` may be missing, and a quote needs a text to copy from"
        if missing
        else f"a quote is copied from a text, a document or a list of them, and `{source}` is {t.show(type_)}",
        span,
        help='make a step with a default, `shown = … ?? ""`, and quote that step'
        if missing
        else "name a text, or a field of the record: `quote of mail.body`",
    )


def _unseen(source: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "F0533",
        f"this prompt does not show `{source}`, so the model cannot copy words from it",
        span,
        help=f"put the text into the prompt, `{{{{ {source} }}}}`, or quote a text that stands there",
    )
