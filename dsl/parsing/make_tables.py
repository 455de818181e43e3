"""The builder of the parser's tables. lark computes them from the grammar.

The same grammar always gives the same tables, byte for byte. The states are numbered in the order in which a parser
reaches them, and everything else is sorted.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from .tables import END, GrammarRule, Tables


def make_tables(grammar: str) -> Tables:
    """Make the tables of a grammar that is written in lark's notation."""
    # An installed package contains its tables and never loads lark.
    from lark import Lark
    from lark.grammar import Rule as LarkRule
    from lark.lexer import PatternStr, TerminalDef

    lark = Lark(grammar, parser="lalr", strict=False, keep_all_tokens=True, maybe_placeholders=False)
    words = {t.name: t.pattern.value for t in lark.terminals if isinstance(t.pattern, PatternStr)}
    keywords = {value: name for name, value in words.items() if value.isidentifier()}
    ordered = sorted(
        (t for t in lark.terminals if t.name not in keywords.values()),
        key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name),
    )
    ordered_rules = sorted(lark.rules, key=lambda rule: (rule.origin.name, [part.name for part in rule.expansion]))
    places: dict[LarkRule, int] = {rule: place for place, rule in enumerate(ordered_rules)}
    data, memo = lark.memo_serialize([TerminalDef, LarkRule])
    known = {number: LarkRule.deserialize(entry, {}) for number, entry in memo.items() if "expansion" in entry}
    table = data["parser"]["parser"]
    names: dict[int, str] = table["tokens"]
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    terminals = {END} | {part.name for rule in lark.rules for part in rule.expansion if part.is_term}
    for state in range(len(table["states"])):
        row = {names[token]: entry for token, entry in table["states"][state].items()}
        actions.append(
            {
                name: -1 - places[known[arg["@"]]] if reduces else arg
                for name, (reduces, arg) in row.items()
                if name in terminals
            }
        )
        gotos.append({name: arg for name, (_, arg) in row.items() if name not in terminals})
    start = table["start_states"]["start"]
    number = _numbers(actions, gotos, start)
    order = sorted(number, key=lambda state: number[state])
    return Tables(
        tuple((t.name, t.pattern.to_regexp()) for t in ordered),
        frozenset(lark.ignore_tokens),
        dict(sorted(keywords.items())),
        tuple(_rule(rule) for rule in ordered_rules),
        tuple({name: number[to] if to >= 0 else to for name, to in sorted(actions[state].items())} for state in order),
        tuple({name: number[to] for name, to in sorted(gotos[state].items())} for state in order),
        number[start],
        number[table["end_states"]["start"]],
    )


def _numbers(actions: list[dict[str, int]], gotos: list[dict[str, int]], start: int) -> dict[int, int]:
    """Number the states in the order in which a search from ``start`` reaches them.

    The search follows the symbols out of each state sorted by name.
    """
    number: dict[int, int] = {}
    todo = deque([start])
    while todo:
        state = todo.popleft()
        if state not in number:
            number[state] = len(number)
            ways = {**gotos[state], **{name: to for name, to in actions[state].items() if to >= 0}}
            todo.extend(to for _, to in sorted(ways.items()))
    return number


def _rule(rule: Any) -> GrammarRule:
    origin = str(rule.origin.name)
    parts = rule.expansion
    # A rule with `?` stands for its part where it has but one; an alias is for what the grammar adds around it.
    single = rule.options.expand1 and len(parts) == 1 and (not rule.alias or not parts[0].is_term)
    inner = [place for place, part in enumerate(parts) if not part.is_term and part.name.startswith("_")]
    name = "" if origin.startswith("_") else rule.alias or origin
    grows = not name and bool(parts) and not parts[0].is_term and parts[0].name == origin
    spliced = tuple(place for place in reversed(inner) if not (grows and place == 0))
    return GrammarRule(origin, len(parts), name, single, spliced, grows)
