"""The tokens that the parser expects, in words."""

from __future__ import annotations

from .place import VALUE
from .tables import KEYWORDS

_WORDS = {
    "NAME": "a name",
    "STRING": 'a "text"',
    "CLASS": "a class in quotes",
    "STAGE": "`else`",
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
    "KEY": "`key`",
    "MONEY": "an amount such as `$2.50`",
    "$END": "the end of the file",
}
CLAUSES = ("WITH", "AFTER", "WHEN", "ELSE")


def expected_words(expected: frozenset[str]) -> str:
    """Return what may stand in a place, as a list in words."""
    names = set(expected)
    words = []
    if {"RBRACE", "RETURN"} <= names:
        # Between two lines of a block: all that a line can begin with is one thing.
        clauses = [name for name in CLAUSES if name in names]
        return ", ".join([*(f"`{name.lower()}`" for name in clauses), "another step, `name = …`, `return …` or `}`"])
    if names <= {"STRING", "NUMBER", "OPTIONAL"}:
        names -= {"OPTIONAL"}  # few files leave a value open
    if len(names & VALUE) >= 6:
        names -= {*VALUE, "OPTIONAL"}
        words.append("a value")
    for name in sorted(names):
        if name in _WORDS:
            words.append(_WORDS[name])
        elif name.lower() in KEYWORDS:
            words.append(f"`{name.lower()}`")
    if len(words) > 6:
        words = [*words[:6], "…"]
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words) or "the end"
