"""The reader of JSON as models write it. It refuses a text if reading it would lose, add or guess anything.

Besides JSON itself (RFC 8259) it reads: a fence or prose around one list or object, a comma behind the last part,
Python's True, False and None, and single quotes if each of them can only be a quote. It refuses a repeated name, a
comment, a missing bracket or quote, and a second document, because any value of these would be a guess.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from math import isinf
from typing import NoReturn

from flowrun.dsl import pattern

from .json_value import Json

DEEPEST = 64
"""The most levels of lists and objects that a document may have."""
_EXACT = 2**53
"""Below this number, every whole number has its own float."""
_FENCE = pattern(r"^[ \t]*```[^\n`]*\n(.*?)^[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE)
_OUTSIDE = " \t\r\n\ufeff\u200b"
_BLANK = pattern(r"[ \t\r\n]*")
_NUMBER = pattern(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?(?![\w.+-])", re.ASCII)
_WORD = pattern(r"[A-Za-z_]+\b")
_STRINGS = {
    '"': pattern(r'"((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*)"'),
    # Python escapes its own quote.
    "'": pattern(r"'((?:[^'\\\x00-\x1f]|\\(?:[\"'\\/bfnrt]|u[0-9A-Fa-f]{4}))*)'"),
}
_WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_LESS = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}
_LAST_COMMA = pattern(r"(?:[ \t\r]*\n[ \t\r]*)?")
_BRACKETS = pattern(r"[\[\]{}]")
# A string without an end is taken up to the end of the text, so that not each quote in it is tried as a beginning.
_NESTING = pattern(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_HALF = pattern("[\ud800-\udfff]")


class JsonError(ValueError):
    """The text cannot be read as JSON without a guess. The message continues a sentence: "the answer …".

    The message is "" if the text does not look like JSON at all. It contains no words of the text but names of fields.
    """


def read_json(text: str, *, halves: bool = False) -> Json:
    """Read the one value in a text. With ``halves``, the text may have halves of surrogate pairs. Raises JsonError."""
    body = unfenced(text)
    try:
        value = _strictly(body)
    except JsonError:
        raise
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        value = _leniently(body)
    if problem := _problem(value, halves):
        raise JsonError(problem)
    return value


def unfenced(text: str) -> str:
    """Return the content of the fence if a text has just one fence. Otherwise return the text, trimmed."""
    body = text.strip(_OUTSIDE)
    fenced = _FENCE.findall(body) if body.count("```") == 2 else []
    if len(fenced) == 1 and not _BRACKETS.search(_FENCE.sub("", body)):
        return str(fenced[0]).strip(_OUTSIDE)
    return body


def _leniently(text: str) -> Json:
    """Read the value of a text that is not strict JSON."""
    depth = 0
    for found in _NESTING.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > DEEPEST:
            raise _too_deep()
    bracket = _BRACKETS.search(text)
    if bracket is None:
        if text[:1] not in _STRINGS and not _NUMBER.match(text) and text not in _WORDS:
            raise JsonError("")
        reader = _JsonReader(text, 0)
        value = reader.value(0)
        if reader.at < len(text):
            raise JsonError("goes on behind its value")
        return value
    reader = _JsonReader(text, bracket.start())
    value = reader.value(0)
    before, behind = text[: bracket.start()].rstrip(_OUTSIDE), text[reader.at :].lstrip(_OUTSIDE)
    if _BRACKETS.search(behind):
        raise JsonError("holds more than one list or object, or part of another")
    # Prose has no separators of JSON next to the document, and no half of a pair of quotes.
    if before.endswith(",") or behind.startswith((",", ":")) or before.count('"') % 2 or behind.count('"') % 2:
        raise JsonError("holds part of another list, object or text")
    if re.search(r"[\"']\s*:\Z", before[-80:]):
        raise JsonError("holds a field without the object that it belongs to")
    return value


def _strictly(text: str) -> Json:
    return json.loads(text, object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_none_of_json)


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise JsonError(f"has the field {_named(twice)} more than once")
    return found


def _named(name: str) -> str:
    line = json.dumps(name)
    return line if len(line) <= 40 else f'{line[:38]}…"'


def _int(literal: str) -> int:
    try:
        return int(literal)
    except ValueError:
        raise JsonError(f"holds a number of {len(literal):,} digits") from None


def _float(literal: str) -> float:
    """Read a float.

    Raises JsonError if the number is too large for a float, or if the float would be a whole number and the text is
    not.
    """
    value = float(literal)
    if isinf(value):
        raise JsonError(f"holds the number {value}, which JSON does not have")
    if value.is_integer() and abs(value) < _EXACT and not _equal(literal, value):
        raise JsonError("holds a number with more digits than can be kept")
    return value


def _equal(literal: str, value: float) -> bool:
    from decimal import Decimal, DecimalException  # most answers have no number that needs it

    try:
        return Decimal(literal) == Decimal(value)
    except DecimalException:
        return False


def _none_of_json(word: str) -> NoReturn:
    raise JsonError(f"holds the number {_LESS[word]}, which JSON does not have")


def _too_deep() -> JsonError:
    return JsonError(f"is nested deeper than {DEEPEST} levels")


def _problem(value: Json, halves: bool) -> str:
    """Return the reason why a value cannot be written as JSON text again; "" if it can."""
    todo = [(value, 0)]
    while todo:
        one, depth = todo.pop()
        match one:
            case str() if not halves and _HALF.search(one):
                return "holds half a character"
            case dict() | list() if depth == DEEPEST:
                return str(_too_deep())
            case dict():
                todo.extend((part, depth + 1) for pair in one.items() for part in pair)
            case list():
                todo.extend((part, depth + 1) for part in one)
    return ""


class _JsonReader:
    """A reader of one value. The value begins at ``at``; after reading, ``at`` is behind it."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at

    def value(self, depth: int) -> Json:
        self._skip()
        char = self.text[self.at : self.at + 1]
        if char in ("[", "{"):
            if depth == DEEPEST:
                raise _too_deep()
            return self._list(depth + 1) if char == "[" else self._object(depth + 1)
        if char in _STRINGS:
            return self._string(char)
        if char.isdigit() or char == "-":
            return self._number()
        return self._word()

    def _skip(self) -> None:
        found = _BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _list(self, depth: int) -> list[Json]:
        found: list[Json] = []
        self._parts("]", "a list", lambda: found.append(self.value(depth)))
        return found

    def _object(self, depth: int) -> dict[str, Json]:
        pairs: list[tuple[str, Json]] = []
        self._parts("}", "an object", lambda: pairs.append(self._pair(depth)))
        return _object(pairs)

    def _pair(self, depth: int) -> tuple[str, Json]:
        quote = self.text[self.at : self.at + 1]
        if quote not in _STRINGS:
            self._refuse("holds a field whose name is not in quotes")
        name = self._string(quote)
        self._skip()
        if not self._takes(":"):
            self._refuse(f"has no colon behind the field {_named(name)}")
        return name, self.value(depth)

    def _parts(self, end: str, kind: str, take: Callable[[], None]) -> None:
        """Read the parts of a list or an object, up to its bracket."""
        self.at += 1
        self._skip()
        if self._takes(end):
            return
        while True:
            take()
            self._skip()
            if self._takes(end):
                return
            if not self._takes(","):
                self._refuse(f"has neither a comma nor `{end}` behind a part of {kind}")
            comma = self.at
            self._skip()
            if self._takes(end):
                # With a blank line or a gap in a list, a part may be missing.
                if end == "]" and not _LAST_COMMA.fullmatch(self.text, comma, self.at - 1):
                    raise JsonError("has a comma in a list with nothing behind it")
                return

    def _takes(self, char: str) -> bool:
        if not self.text.startswith(char, self.at):
            return False
        self.at += 1
        return True

    def _string(self, quote: str) -> str:
        found = _STRINGS[quote].match(self.text, self.at)
        if found is None:
            self._refuse("holds a text without an end, or with a character that needs a backslash")
        self.at = found.end()
        inner = found[1] if quote == '"' else re.sub(r"\\.|\"", _requoted, found[1])
        return str(json.loads(f'"{inner}"'))

    def _number(self) -> Json:
        found = _NUMBER.match(self.text, self.at)
        if found is None:
            self._refuse("holds a number that is not written as JSON writes it")
        self.at = found.end()
        return _float(found[0]) if found[1] or found[2] else _int(found[0])

    def _word(self) -> Json:
        found = _WORD.match(self.text, self.at)
        word = found[0] if found else ""
        if word in _LESS:
            _none_of_json(word)
        if word not in _WORDS:
            self._refuse("holds something that is no JSON value")
        self.at += len(word)
        return _WORDS[word]

    def _refuse(self, why: str) -> NoReturn:
        if self.at >= len(self.text):
            raise JsonError("ends before its JSON does")
        raise JsonError(f"{why} (at character {self.at + 1:,})")


def _requoted(found: re.Match[str]) -> str:
    """Rewrite a quote or an escape of a text in single quotes for a text in double quotes."""
    return {"\\'": "'", '"': '\\"'}.get(found[0], found[0])
