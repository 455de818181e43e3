"""The parser. It turns the text of a flow file into its tree."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

from .. import syntax as s
from ..diagnostics import FlowError
from ..source import Source
from .build import TreeBuilder
from .lexer import lex, named
from .neighbours import then
from .readable import MOST_TOKENS, too_deep, too_many_tokens, unreadable
from .suspicious_lines import compared, oddities
from .tables import CLASS, END, STAGE, GrammarRule, Tables, grammar, packaged
from .token import Token

_lock = Lock()
_kept: list[Tables] = []


def parse_flow(source: Source) -> s.File:
    """Parse a flow file into its tree. Raises FlowError, with all diagnostics, if the text is not a flow file."""
    if found := unreadable(source):
        raise FlowError(found)
    tables = _tables()
    lexed = lex(tables, source.text, most=MOST_TOKENS + 1)
    if len(lexed.tokens) + len(lexed.comments) > MOST_TOKENS:
        raise FlowError([too_many_tokens(source)])
    if deep := too_deep(source, lexed.tokens):
        raise FlowError([deep])
    builder = Builder()
    builder.begin(source)
    file = _run(tables, lexed.tokens, builder) if lexed.whole else None
    if file is None:
        from .recovery import syntax_errors  # slow to load, and most texts are flows

        # The builder's problems before that place are valid too.
        raise FlowError(dict.fromkeys([*builder.problems, *syntax_errors(source, tables)]))
    if problems := [*builder.problems, *oddities(source, builder.alone)]:
        raise FlowError(problems)
    for comment in lexed.comments:
        builder.comment(comment)
    return s.File(file.items, tuple(builder.comments), file.span, builder.has_labels, tuple(builder.holes))


def misfit(source: Source) -> int | None:
    """Return the offset of the first token that does not fit the grammar. None if the text parses."""
    if unreadable(source):
        return 0
    tables = _tables()
    lexed = lex(tables, source.text, most=MOST_TOKENS + 1)
    if len(lexed.tokens) + len(lexed.comments) > MOST_TOKENS or too_deep(source, lexed.tokens):
        return 0
    builder = Builder()
    builder.begin(source)
    stopped: list[int] = []
    file = _run(tables, lexed.tokens, builder, stopped)
    return stopped[0] if file is None else None


class Builder(TreeBuilder):
    """A tree builder that also collects the lines whose step is only a name, a list or a text.

    Many slips look like such a line.
    """

    def begin(self, source: Source) -> None:
        super().begin(source)
        self.alone: list[s.Line] = []

    def lines(self, c: list[Any]) -> tuple[tuple[s.Line, ...], tuple[s.Return, ...]]:
        made = super().lines(c)
        self.alone += compared(made[0])
        return made

    def body(self, c: list[Any]) -> tuple[tuple[s.Line, ...], tuple[s.Return, ...]]:
        made = super().body(c)
        self.alone += compared(made[0][:-1])
        return made

    def _line(self, name: s.Word | None, node: s.Node, c: list[Any]) -> s.Line:
        line = super()._line(name, node, c)
        if isinstance(node, (s.Name, s.ListExpr, s.Template)):
            self.alone.append(line)
        return line


class _Parts(list[Any]):
    """The parts that a repeating inner rule of the grammar has read. The rule around it takes them one by one."""


def _run(tables: Tables, tokens: list[Token], builder: TreeBuilder, stopped: list[int] | None = None) -> s.File | None:
    """Run the parser over the tokens. Return the tree, or None if a token is not allowed in its place.

    ``stopped`` gets the place of this token.

    This is lark's own loop, without the steps that change nothing.
    """
    actions, gotos, rules = tables.actions, tables.gotos, tables.rules
    methods: list[Callable[[list[Any]], Any]] = [_method(builder, rule) for rule in rules]
    words = frozenset(tables.keywords.values())
    text = builder.source.text
    ends: dict[tuple[int, int, str], int] = {}
    states: list[int] = [tables.start]
    values: list[Any] = []
    for place, token in enumerate(tokens):
        type = token.type
        row = actions[states[-1]]
        if type in words and tables.reads_as_name(states, type, named(text, tokens, place), then(tokens, place)):
            type = token.type = "NAME"
        elif type == "STRING" and tables.begins_branch(states, then(tokens, place)):
            type = token.type = CLASS
        elif type == "ELSE" and tables.parts_stages(states, tokens[place + 1 : place + 2]):
            type = token.type = STAGE
        while True:
            action = row.get(type)
            if action is None:
                if stopped is not None:
                    stopped.append(token.start_pos)
                return None
            if action >= 0:
                states.append(action)
                values.append(token)
                break
            rule = rules[-1 - action]
            if rule.single:
                # Single rules often follow each other, so go straight to the state behind the last one.
                step = (states[-2], states.pop(), type)
                state = ends.get(step) or ends.setdefault(step, _single_end(tables, *step))
                states.append(state)
                row = actions[state]
                continue
            parts: list[Any] = []
            if size := rule.size:
                parts = values[-size:]
                del states[-size:]
                del values[-size:]
            for at in rule.spliced:
                parts[at : at + 1] = parts[at]
            values.append(methods[-1 - action](parts))
            state = gotos[states[-1]][rule.origin]
            states.append(state)
            if type == END and state == tables.end:
                file: s.File = values[-1]
                return file
            row = actions[state]
    if stopped is not None:
        stopped.append(tokens[-1].start_pos)
    return None


def _method(builder: TreeBuilder, rule: GrammarRule) -> Callable[[list[Any]], Any]:
    """Return the function that builds a rule's value from the values of its parts."""
    if rule.name:
        named: Callable[[list[Any]], Any] = getattr(builder, rule.name, _only)
        return named
    return _grown if rule.grows else _Parts


def _only(parts: list[Any]) -> Any:
    (part,) = parts
    return part


def _grown(parts: list[Any]) -> Any:
    """Append further parts of a repeating rule to the list of its earlier parts."""
    gathered = parts[0]
    gathered += parts[1:]
    return gathered


def _single_end(tables: Tables, below: int, state: int, type: str) -> int:
    """Return the state that the parser reaches after a chain of rules with a single part each."""
    while True:
        action = tables.actions[state].get(type, 0)
        if action >= 0 or not tables.rules[-1 - action].single:
            return state
        state = tables.gotos[below][tables.rules[-1 - action].origin]


def grammar_tables() -> Tables:
    """Return the tables of the parser."""
    return _tables()


def _tables() -> Tables:
    with _lock:
        if not _kept:
            _kept.append(packaged() or _made())
        return _kept[0]


def _made() -> Tables:
    """Make the tables from the grammar, if the package was never built, as in a source tree."""
    from .make_tables import make_tables  # loads lark

    return make_tables(grammar())
