"""lark makes the parser's tables from the grammar; they are taken over here."""

from __future__ import annotations

from typing import Any

from .tables import END, Rule, Tables, grammar


def make_tables() -> Tables:
    """The tables of the grammar, made by lark."""
    # Tables that were kept from an earlier start spare the loading of lark's own maker of them.
    from lark import Lark
    from lark.grammar import Rule as LarkRule
    from lark.lexer import PatternStr, TerminalDef

    lark = Lark(grammar(), parser="lalr", strict=False, keep_all_tokens=True, maybe_placeholders=False)
    words = {t.name: t.pattern.value for t in lark.terminals if isinstance(t.pattern, PatternStr)}
    keywords = {value: name for name, value in words.items() if value.isidentifier()}
    ordered = sorted(
        (t for t in lark.terminals if t.name not in keywords.values()),
        key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name),
    )
    rules: list[Rule] = []
    places: dict[LarkRule, int] = {}
    for rule in lark.rules:
        places[rule] = len(rules)
        rules.append(_rule(rule))
    data, memo = lark.memo_serialize([TerminalDef, LarkRule])
    known = {number: LarkRule.deserialize(entry, {}) for number, entry in memo.items() if "expansion" in entry}
    table = data["parser"]["parser"]
    names: dict[int, str] = table["tokens"]
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    terminals = {t.name for t in lark.terminals} | {END}
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
    return Tables(
        tuple((t.name, t.pattern.to_regexp()) for t in ordered),
        frozenset(lark.ignore_tokens),
        keywords,
        tuple(rules),
        tuple(actions),
        tuple(gotos),
        table["start_states"]["start"],
        table["end_states"]["start"],
    )


def _rule(rule: Any) -> Rule:
    origin = str(rule.origin.name)
    parts = rule.expansion
    # A rule with `?` stands for its part where it has but one; an alias is for what the grammar adds around it.
    single = rule.options.expand1 and len(parts) == 1 and (not rule.alias or not parts[0].is_term)
    inner = [place for place, part in enumerate(parts) if not part.is_term and part.name.startswith("_")]
    name = "" if origin.startswith("_") else rule.alias or origin
    grows = not name and bool(parts) and not parts[0].is_term and parts[0].name == origin
    spliced = tuple(place for place in reversed(inner) if not (grows and place == 0))
    return Rule(origin, len(parts), name, single, spliced, grows)
