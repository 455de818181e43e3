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
    "import": "a flow file stands alone: what a flow uses is declared in its own file",
    "class": "a record type is written `type Name = { field: type }`",
    "parallel": "side by side is `fanout { … } reduce …`, or `map x in LIST { … } reduce …`",
    "vote": "a vote is written `repeat 3 { ask … } reduce majority`",
    "let": "a step is written `name = …`, with no word before it",
    "const": "a step is written `name = …`, with no word before it",
    "var": "a step is written `name = …`, with no word before it",
}
_FOREIGN = re.compile(r"(?:^|[={}])\s*(" + "|".join(_PYTHON) + r")[ \t]+[\w\"{(]", re.MULTILINE)
_QUIET = re.compile(r'#[^\n]*|"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""|"(?!"")[^"\\\n]*(?:\\.[^"\\\n]*)*"', re.DOTALL)


def stray_word(word: str) -> str:
    """What was meant by a word that stands alone on a line and that nothing is called by, if that can be told."""
    if word in _PYTHON:
        return _PYTHON[word]
    near = nearest(word, ["return", "flow", "model", "type"])
    return f"did you mean `{near}`?" if near else ""


def unexpected_token(source: Source, error: UnexpectedToken) -> Diagnostic:
    token = error.token
    expected = set(error.accepts or error.expected)
    text = str(token)
    start, end = token.start_pos or 0, token.end_pos or 0
    if token.type == "$END":
        end = len(_code(source, len(source.text)).rstrip())
        start = max(0, end - 1)
    span = Span(source, start, end)
    previous = _before(source, start)
    if source.text.startswith("//", start):
        return _syntax("a comment begins with `#`", Span(source, start, start + 2), "write `#`")
    if foreign := _foreign(source, start):
        return _syntax(f"`{foreign.text}` is no word of this language", foreign, _PYTHON[foreign.text])
    if expected == {"REDUCE"} and not (token.type == "NAME" and nearest(text, ["reduce"])):
        return Diagnostic(
            "F0103",
            "this block runs calls side by side, and nothing says how to combine them",
            _closing_brace(source, start) or span,
            label="a reducer must follow",
            note="answers that nobody combines are paid for and lost",
            help="write `reduce collect` for a list or a record of them, `reduce majority` for a vote, "
            '`reduce concat("\\n")` for one text, or `reduce ask "…{{ results }}…"` for one more call',
        )
    if text in ("->", ":") and "BUDGET" in expected:
        help = "leave it out: the type follows from what is returned"
        return _syntax("a flow declares no type of its result", span, help)
    if token.type == "EQUAL" and previous in KEYWORDS:
        return _syntax(
            f"`{previous}` is a word of the language and cannot be a name here",
            _word_before(source, start),
            f"write `{previous}_` or the like",
        )
    if token.type == "EQUAL" and "COLON" in expected:
        return _syntax("a `:` stands between a name and its value here, not `=`", span, "write `name: value`")
    if token.type == "COLON" and "EQUAL" in expected:
        return _syntax("a step is written with `=`, not `:`", span, "write `name = …`")
    if token.type == "COMMA" and "RBRACE" in expected:
        return _syntax("no comma stands between the lines of a block", span, "delete the comma")
    if token.type == "LPAR" and _code(source, start).rstrip().removesuffix(previous).endswith("."):
        return _syntax(
            "there are no methods: functions stand before their brackets", span, f"write `{previous}(…)` if it is one"
        )
    if text in ("with", "after", "when", "else") and text.upper() not in expected:
        help = "clauses follow a step in one order: `with`, `after`, then `when … else`"
        return _syntax(f"`{text}` cannot stand here", span, help)
    if text in _PYTHON:
        return _syntax(f"`{text}` is no word of this language", span, _PYTHON[text])
    if token.type == "NAME" and (near := nearest(text, [k for k in KEYWORDS if k.upper() in expected])):
        return _syntax(f"`{text}` cannot stand here", span, f"did you mean `{near}`?")
    if (
        len(previous) > 2
        and len(expected) > 1
        and token.type in ("NAME", "NUMBER", "STRING", "LBRACE")
        and (near := nearest(previous, KEYWORDS)) != previous
        and near
    ):
        return _syntax(
            f"`{previous}` is no word of this language", _word_before(source, start), f"did you mean `{near}`?"
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
    help = {"!": "write `not`", "&": "write `and`"}.get(character, "delete it")
    return Diagnostic("F0105", f"`{character}` (U+{ord(character):04X}) has no meaning here", span, help=help)


def _syntax(message: str, span: Span, help: str) -> Diagnostic:
    return Diagnostic("F0101", message, span, help=help)


def _expected(expected: set[str]) -> str:
    names = set(expected)
    words = []
    if {"RBRACE", "RETURN"} <= names:
        # Between two lines of a block: all that a line can begin with is one thing.
        clauses = [name for name in ("WITH", "AFTER", "WHEN", "ELSE") if name in names]
        return ", ".join([*(f"`{name.lower()}`" for name in clauses), "another step, `name = …`, `return …` or `}`"])
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
    code = _code(source, offset).rstrip()
    end = len(code)
    found = re.search(r"[A-Za-z_]\w*\Z", code)
    return Span(source, found.start() if found else end, end)


def _closing_brace(source: Source, offset: int) -> Span | None:
    code = _code(source, offset).rstrip()
    return Span(source, len(code) - 1, len(code)) if code.endswith("}") else None


def _code(source: Source, end: int) -> str:
    """The text up to an offset, its comments made blank."""
    return _QUIET.sub(lambda found: " " * len(found[0]) if found[0][0] == "#" else found[0], source.text[:end])


def _foreign(source: Source, offset: int) -> Span | None:
    """A word of other languages that begins a step or a statement before the place of the error, or at it."""
    end = source.text.find("\n", offset) + 1 or len(source.text)
    code = _QUIET.sub(lambda found: (" " if found[0][0] == "#" else '"') * len(found[0]), source.text[:end])
    found = next((one for one in _FOREIGN.finditer(code) if one.start(1) <= offset), None)
    return Span(source, found.start(1), found.end(1)) if found else None


def _short(text: str) -> str:
    line = text.split("\n", 1)[0]
    return line if len(line) <= 40 else line[:39] + "…"
