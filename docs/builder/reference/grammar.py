"""The page of the grammar: the rules that the parser reads, in a form for people."""

from __future__ import annotations

import re

from .. import ROOT
from ..markdown import code, fenced, page

FILE = "grammars/flow.lark"
_TITLES = {
    "start": "A file",
    "flow": "Flows",
    "model": "Declarations",
    "test": "Tests",
    "lines": "Lines of a body",
    "node": "Nodes",
    "with_": "Clauses",
    "ask": "Asks",
    "fanout": "Blocks",
    "reduce": "Reducers",
    "arguments": "Arguments",
    "type_expr": "Types",
    "expr": "Expressions",
}
_LINES = (
    "A line of a body may not begin with what could go on with the line before it. So at the begin of a line the first "
    "operand is an `opening` or a `lone`, and never a sign."
)
_TEMPLATE = re.compile(r"^\??([a-z_]+)\{([a-z]+)\}: (.*(?:\n +\| .*)*)$", re.MULTILINE)
_CALL = re.compile(r"([a-z_]+)\{([a-z_]+(?:\{[a-z_{}]+\})?)\}")
_RULE = re.compile(r"^\??[a-z_]+(?:\{[a-z]+\})?:", re.MULTILINE)
_WORD = re.compile(r'^([A-Z_]+): ("[^"]+"(?: \| "[^"]+")*)$', re.MULTILINE)
_PATTERN = re.compile(r"^([A-Z_]+)(?:\.\d+)?: (/.*(?:\n +\| /.*)*)$", re.MULTILINE)


def grammar_page() -> str:
    """Make the page of the grammar."""
    text = (ROOT / FILE).read_text(encoding="utf-8")
    words = dict(_WORD.findall(text))
    operands = operands_of(text)
    parts = [
        "The parser is LALR(1) and has no conflicts: a text has one meaning. Line ends mean nothing. These are the "
        f"rules of [the grammar](../files/{FILE}.txt) that the parser is built from, with the words in their places. "
        "`x?` may be missing, `x*` stands any number of times, `x+` at least once, and `|` separates choices.",
    ]
    for group in groups(text):
        first = re.match(r"\??([a-z_]+)", group)
        name = first[1] if first else ""
        parts += [f"## {_TITLES.get(name, f'The rule `{name}`')}", fenced(_readable(group, words, operands), "text")]
        parts += [_LINES] if name == "expr" else []
    signs = [f"- {code(name)}: {code(' '.join(pattern.split()))}" for name, pattern in _PATTERN.findall(text)]
    plain = sorted({word.strip('"') for word in words.values() if re.fullmatch(r'"[a-z]+"', word)})
    parts += [
        "## Signs",
        "The patterns of names, numbers and texts:",
        "\n".join(signs),
        "A comment begins with `#` and ends with its line.",
        "## Words",
        "Each word of the language. Most stay free as names: only the words that the page on "
        "[the language](../language.md) lists are reserved.",
        ", ".join(map(code, plain)),
    ]
    return page("The grammar", *parts)


def groups(text: str) -> list[str]:
    """Return the groups of rules of a grammar, without comments and terminals."""
    blocks = [re.sub(r"^//.*\n?", "", block, flags=re.MULTILINE).strip() for block in text.split("\n\n")]
    return [block for block in blocks if _RULE.match(block)]


def operands_of(text: str) -> dict[str, str]:
    """Return the rule that the parameter of each template stands for, as ``expr`` uses the template."""
    rules = {name: body for name, _, body in _TEMPLATE.findall(text)}
    found: dict[str, str] = {}
    open_calls = _CALL.findall(re.sub(r"\bexpr:", "", _rule(text, "expr")))
    while open_calls:
        name, argument = open_calls.pop()
        open_calls += _CALL.findall(argument)
        if name in rules and name not in found:
            found[name] = argument.partition("{")[0]
            open_calls += _CALL.findall(rules[name].replace("{a}", "{" + argument + "}"))
    return found


def _rule(text: str, name: str) -> str:
    found = re.search(rf"^\??{name}: .*$", text, re.MULTILINE)
    return found[0] if found else ""


def _readable(group: str, words: dict[str, str], operands: dict[str, str]) -> str:
    """Return a group of rules with the words in their places, and without what the parser alone needs."""

    def filled(found: re.Match[str]) -> str:
        name, parameter, body = found.groups()
        operand = operands.get(name, parameter)
        return f"{name}{{{parameter}}}: " + re.sub(rf"(?<![\w{{]){parameter}(?![\w}}])", operand, body)

    text = _TEMPLATE.sub(filled, group)
    text = re.sub(r" -> [a-z_]+", "", text)
    text = re.sub(r"^\?", "", text, flags=re.MULTILINE)
    while "{" in (smaller := re.sub(r"(?<=[a-z_])\{[a-z_]*\}", "", text)) and smaller != text:
        text = smaller
    text = re.sub(r"(?<=[a-z_])\{[a-z_]*\}", "", text)
    text = re.sub(r"\b[A-Z][A-Z_]+\b", lambda found: words.get(found[0], found[0]), text)
    lines: list[str] = []
    wide = 0
    for line in re.sub(r"\b([a-z]+)_(?=\W|$)", r"\1", text).split("\n"):
        wide = wide if line.startswith(" ") else line.index(":")
        lines.append(" " * wide + line.lstrip() if line.startswith(" ") else line)
    return "\n".join(lines)
