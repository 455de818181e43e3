"""The Pygments lexer of flow files. It reads the rules of the TextMate grammar in ``flow.tmLanguage.json``.

Pygments finds it by its entry point. Nothing else imports this module, so flowrun itself needs no Pygments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pkgutil import get_data
from typing import Any

from pygments import token as t
from pygments.lexer import Lexer

GRAMMAR = "flow.tmLanguage.json"
SCOPES = {
    "comment": t.Comment.Single,
    "comment.line.directive": t.Comment.Special,
    "comment.block": t.Comment.Multiline,
    "keyword.control": t.Keyword,
    "keyword.other": t.Keyword,
    "keyword.declaration": t.Keyword.Declaration,
    "keyword.operator": t.Operator,
    "keyword.operator.word": t.Operator.Word,
    "constant.language": t.Keyword.Constant,
    "constant.numeric": t.Number,
    "constant.character.escape": t.String.Escape,
    "support.type": t.Keyword.Type,
    "support.function": t.Name.Builtin,
    "entity.name.function": t.Name.Function,
    "entity.name.type": t.Name.Class,
    "entity.name.class": t.Name.Class,
    "entity.name.namespace": t.Name.Namespace,
    "entity.name.test": t.Name.Label,
    "entity.other.attribute-name": t.Name.Attribute,
    "variable.other": t.Name,
    "variable.other.constant": t.Name.Constant,
    "variable.other.definition": t.Name.Variable,
    "variable.other.element": t.Name.Variable,
    "variable.other.enummember": t.Name.Constant,
    "variable.other.property": t.Name.Property,
    "variable.parameter": t.Name.Property,
    "string.quoted.double": t.String.Double,
    "string.quoted.triple": t.String.Double,
    "string.quoted.single": t.String.Single,
    "punctuation": t.Punctuation,
    "punctuation.section.embedded": t.String.Interpol,
    "meta.template": t.Text,
}
"""The kinds of tokens for the scopes. A scope that is not here has the kind of the nearest one above it."""
Kind = Any


def kind_of(scope: str) -> Kind:
    name = scope.removesuffix(".flowrun")
    while name and name not in SCOPES:
        name = name.rpartition(".")[0]
    return SCOPES.get(name)


class Part:
    """A rule of the grammar. A rule with an ``end`` opens a part of the text that has rules of its own."""

    def __init__(self, rule: dict[str, Any], repository: dict[str, Any]) -> None:
        self.head: str = rule.get("begin") or rule.get("match") or ""
        self.end: str = rule.get("end", "")
        self.kind = kind_of(rule.get("name", ""))
        self.heads = _kinds(rule.get("captures") or rule.get("beginCaptures"))
        self.tails = _kinds(rule.get("endCaptures"))
        self._rules = rule.get("patterns", ())
        self._repository = repository

    def open(self) -> tuple[re.Pattern[str], list[tuple[int, Part | None]]]:
        """Return the pattern of all that can come next, and the rules by the numbers of their groups.

        None stands for the end of the part.
        """
        if not hasattr(self, "_opened"):
            rules = _flat(self._rules, self._repository)
            rows: list[tuple[str, Part | None]] = [(self.end, None)] if self.end else []
            rows += [(one.head, one) for one in rules]
            places, number = [], 1
            for text, one in rows:
                places.append((number, one))
                number += re.compile(text).groups + 1
            pattern = re.compile("|".join(f"({text})" for text, _ in rows), re.MULTILINE)
            self._opened = pattern, places
        return self._opened


def _kinds(captures: dict[str, Any] | None) -> dict[int, Kind]:
    return {int(number): kind_of(one["name"]) for number, one in (captures or {}).items()}


def _flat(rules: Any, repository: dict[str, Any]) -> list[Part]:
    """Return rules with the ones that they include, each made once."""
    found: list[Part] = []
    for rule in rules:
        name = rule.get("include", "").removeprefix("#")
        if not name:
            if "_part" not in rule:
                rule["_part"] = Part(rule, repository)
            found.append(rule["_part"])
        else:
            found += _flat(repository[name]["patterns"], repository)
    return found


@cache
def root() -> Part:
    data = get_data("flowrun.grammars", GRAMMAR)
    assert data is not None
    grammar = json.loads(data)
    return Part(grammar, grammar["repository"])


class FlowLexer(Lexer):
    """The lexer."""

    name = "flowrun"
    aliases = ("flow", "flowrun")
    filenames = ("*.flow",)
    mimetypes = ("text/x-flowrun",)

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, Kind, str]]:
        stack: list[tuple[Part, Kind]] = [(root(), t.Text)]
        at = opened = 0
        while at < len(text):
            part, base = stack[-1]
            pattern, places = part.open()
            # A part does not end with nothing where it begins: a line goes on behind its first word.
            found = pattern.search(text, at)
            if found is None:
                yield from _plain(at, text[at:], base)
                return
            start = found.start()
            if start > at:
                yield from _plain(at, text[at:start], base)
            number, one = next(row for row in places if found.group(row[0]) is not None)
            if one is None:
                yield from _captured(found, number, part.tails, base)
                stack.pop()
            else:
                kind = base if one.kind is None else one.kind
                yield from _captured(found, number, one.heads, kind)
                if one.end:
                    stack.append((one, kind))
                elif found.end() == start:
                    yield from _plain(start, text[start], base)
                    at = start + 1
                    continue
            at = found.end()


def _captured(found: re.Match[str], group: int, kinds: dict[int, Kind], base: Kind) -> Iterator[tuple[int, Kind, str]]:
    """Yield a match in pieces: its groups of their kinds, and the rest of the kind of the whole."""
    at = found.start()
    if 0 in kinds and kinds[0] is not None:
        base = kinds[0]
    for number, kind in sorted(kinds.items()):
        start, end = found.span(group + number)
        if number == 0 or kind is None or start < at or start == end:
            continue
        yield from _plain(at, found.string[at:start], base)
        yield start, kind, found.string[start:end]
        at = end
    yield from _plain(at, found.string[at : found.end()], base)


def _plain(at: int, text: str, kind: Kind) -> Iterator[tuple[int, Kind, str]]:
    """Yield a text. Gaps between words of the language have a kind of their own."""
    if not text:
        return
    if kind in t.String or kind in t.Comment:
        yield at, kind, text
        return
    yield at, t.Whitespace if text.isspace() else kind, text
