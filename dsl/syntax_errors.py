"""What lark could not read, said in the words of the language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .diagnostics import Diagnostic, nearest
from .source import Source, Span

if TYPE_CHECKING:
    from lark import UnexpectedCharacters, UnexpectedToken

KEYWORDS = (
    "flow model type budget calls return with after when else ask system user assistant fanout map repeat chain "
    "where at most reduce by in or and not"
).split()

_WORDS = {
    "NAME": "a name",
    "STRING": 'a "text"',
    "NUMBER": "a number",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "EQUAL": "`=`",
    "COLON": "`:`",
    "COMMA": "`,`",
    "DOT": "`.`",
    "VBAR": "`|`",
    "OPTIONAL": "`?`",
    "MONEY": "an amount such as `$2.50`",
    "$END": "the end of the file",
}
_STARTS_EXPRESSION = {"NAME", "STRING", "NUMBER", "LBRACE", "LSQB", "LPAR", "MINUS", "NOT"}
_PYTHON = {
    "def": "a flow begins with `flow NAME(param: type) {`",
    "for": "to run a block for each element write `map x in LIST { … } reduce collect`",
    "while": "there are no loops: everything ends, so that the bill is known before it starts",
    "if": "a step that runs only sometimes is written `x = … when CONDITION else OTHER`",
    "import": "a file is imported by its path, in quotes",
    "class": "a record type is written `type Name = { field: type }`",
    "parallel": "side by side is `fanout { … } reduce …`, or `map x in LIST { … } reduce …`",
    "vote": "a vote is written `repeat 3 { ask … } reduce majority`",
    "let": "a step is written `name = …`, with no word before it",
    "const": "a step is written `name = …`, with no word before it",
    "var": "a step is written `name = …`, with no word before it",
}


def unexpected_token(source: Source, error: UnexpectedToken) -> Diagnostic:
    token = error.token
    expected = set(error.accepts or error.expected)
    if token.type == "$END":
        start = end = len(source.text.rstrip())
        start = max(0, start - 1)
    else:
        start, end = token.start_pos or 0, token.end_pos or 0
    span = Span(source, start, end)
    text = str(token)
    previous = _before(source, start)
    if expected == {"REDUCE"}:
        return Diagnostic(
            "F0103",
            "this block runs calls side by side, and nothing says how to combine them",
            _closing_brace(source, start) or span,
            label="a reducer must follow",
            note="answers that nobody combines are paid for and lost",
            help="write `reduce collect` for a list or a record of them, `reduce majority` for a vote, "
            '`reduce concat("\\n")` for one text, or `reduce ask "…{{ results }}…"` for one more call',
        )
    if token.type == "EQUAL" and "COLON" in expected:
        return _syntax("a `:` stands between a name and its value here, not `=`", span, "write `name: value`")
    if token.type == "COLON" and "EQUAL" in expected:
        return _syntax("a step is written with `=`, not `:`", span, "write `name = …`")
    if token.type == "COMMA" and "RBRACE" in expected:
        return _syntax("no comma stands between the lines of a block", span, "delete the comma")
    if previous in _PYTHON and token.type == "NAME":
        return _syntax(f"`{previous}` is no word of this language", _word_before(source, start), _PYTHON[previous])
    if text in _PYTHON:
        return _syntax(f"`{text}` is no word of this language", span, _PYTHON[text])
    if token.type == "NAME" and (near := nearest(text, [k for k in KEYWORDS if k.upper() in expected])):
        return _syntax(f"`{text}` cannot stand here", span, f"did you mean `{near}`?")
    if (
        previous
        and token.type in ("NAME", "STRING", "LBRACE")
        and (near := nearest(previous, KEYWORDS)) != previous
        and near
    ):
        return _syntax(
            f"after `{previous}` comes {_expected(expected)}", _word_before(source, start), f"did you mean `{near}`?"
        )
    if text in KEYWORDS and "NAME" in expected:
        return _syntax(
            f"`{text}` is a word of the language and cannot be a name here", span, f"write `{text}_` or the like"
        )
    what = "the file ends here" if token.type == "$END" else f"`{_short(text)}` cannot stand here"
    return _syntax(what, span, f"expected {_expected(expected)}")


def unexpected_character(source: Source, error: UnexpectedCharacters) -> Diagnostic:
    start = error.pos_in_stream or 0
    character = source.text[start]
    span = Span(source, start, start + 1)
    if character == '"':
        triple = source.text.startswith('"""', start)
        return Diagnostic(
            "F0102",
            "this text is never closed",
            Span(source, start, start + (3 if triple else 1)),
            help='close it with `"""`'
            if triple
            else 'close it with `"` on the same line; a text of several lines stands between `"""` and `"""`',
        )
    if character == "'":
        return _syntax("a text stands in double quotes", span, 'write `"…"`')
    if character in "“”„«»‘’":
        return _syntax("this is a typographer's quote", span, 'write `"`')
    if character == ";":
        return _syntax("no semicolon ends a line", span, "delete it")
    if source.text.startswith("//", start):
        return _syntax("a comment begins with `#`", Span(source, start, start + 2), "write `#`")
    if found := re.compile(r"[0-9][0-9A-Za-z_.]*").match(source.text, start):
        return _syntax(
            f"`{found[0]}` is no number and no name", Span(source, start, found.end()), "names begin with a letter"
        )
    if character.isalpha():
        found = re.compile(r"\w+").match(source.text, start)
        end = found.end() if found else start + 1
        return Diagnostic(
            "F0105",
            f"`{character}` (U+{ord(character):04X}) cannot stand in a name",
            Span(source, start, end),
            note="some letters of other alphabets look the same; one spelling a name keeps flows readable",
            help="use the letters a to z, digits and `_`; a text in quotes may hold anything",
        )
    return Diagnostic("F0105", f"`{character}` (U+{ord(character):04X}) has no meaning here", span, help="delete it")


def _syntax(message: str, span: Span, help: str) -> Diagnostic:
    return Diagnostic("F0101", message, span, help=help)


def _expected(expected: set[str]) -> str:
    names = set(expected)
    words = []
    if len(names & _STARTS_EXPRESSION) >= 6:
        names -= _STARTS_EXPRESSION | {"DURATION", "PERCENT", "MONEY"}
        words.append("a value")
    for name in sorted(names):
        if name in _WORDS:
            words.append(_WORDS[name])
        elif name.lower() in KEYWORDS:
            words.append(f"`{name.lower()}`")
    if len(words) > 6:
        words = [*words[:6], "…"]
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words) or "nothing more"


def _before(source: Source, offset: int) -> str:
    return _word_before(source, offset).text


def _word_before(source: Source, offset: int) -> Span:
    end = len(source.text[:offset].rstrip())
    found = re.search(r"[A-Za-z_]\w*\Z", source.text[:end])
    return Span(source, found.start() if found else end, end)


def _closing_brace(source: Source, offset: int) -> Span | None:
    at = len(source.text[:offset].rstrip()) - 1
    return Span(source, at, at + 1) if at >= 0 and source.text[at] == "}" else None


def _short(text: str) -> str:
    line = text.split("\n", 1)[0]
    return line if len(line) <= 40 else line[:39] + "…"
