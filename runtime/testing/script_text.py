"""The answers of a script from Python, written as the lines of a test, so that the checker checks them as such."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from flowrun.dsl import dataclass, pattern, quoted
from flowrun.runtime.inputs.python_values import plain_inputs
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.runtime.vocabulary.json_value import Json
from flowrun.runtime.vocabulary.quoting import shown

_KEY = pattern(r"\s*[\w.\[\]]+(\s+when\s[^\r\n]+)?\s*")

Many = Mapping[str, Any]
"""The answers of paths or externs. A list has several answers; any other value is one answer for all calls."""


@dataclass(frozen=True, slots=True)
class Failing:
    """An answer that fails, or that comes late. ``error``, ``malformed``, ``cut`` and ``slow`` make it."""

    word: Literal["error", "malformed", "cut", "slow"]
    value: Any = None
    seconds: float = 0.0
    bare: bool = False


def error(what: str | int) -> Failing:
    """Make a call fail with a status of HTTP, or with a word such as ``timeout``; of an extern, with a message."""
    return Failing("error", str(what))


def malformed(text: str) -> Failing:
    """Answer with a text that does not fit the type of the ask."""
    return Failing("malformed", text)


def cut(text: str) -> Failing:
    """Answer with a text that ended at the limit of tokens."""
    return Failing("cut", text)


def slow(seconds: float, *answer: Any) -> Failing:
    """Answer after so many seconds of virtual time; without an answer, not within them."""
    if len(answer) > 1:
        raise UsageError(f"`slow` takes the seconds and a single answer; found {len(answer)} answers")
    return Failing("slow", answer[0] if answer else None, seconds, not answer)


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """A line of a test with the place in Python from which it comes, such as ``replies['quick']``."""

    text: str
    given: str


def lines_of(replies: Many | None, externs: Many | None, files: Mapping[str, str] | None) -> Iterator[ScriptLine]:
    """Write the lines of a script. Raises UsageError."""
    for word, name, answers in (("reply", "replies", replies), ("extern", "externs", externs)):
        for path, given in _items(answers, name):
            where = f"{name}[{path!r}]"
            if not _KEY.fullmatch(path):
                raise UsageError(
                    f"{where}: a key is a path with or without a condition, as in `kinds[1].k` or `k when mail.id == 3`"
                )
            texts = ", ".join(_answer(one, where) for one in _several(given, where))
            yield ScriptLine(f"{word} {path}: {texts}", where)
    for path, text in _items(files, "files"):
        where = f"files[{path!r}]"
        if not isinstance(text, str):
            raise UsageError(f"{where}: the text of a file is a str; found {shown(repr(text), 60)}")
        yield ScriptLine(f"file {quoted(path)}: {quoted(text)}", where)


def _items(given: object, name: str) -> Iterator[tuple[str, Any]]:
    if given is None:
        return
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        example = '{"policy.md": "Be kind."}' if name == "files" else '{"quick": ["billing", "sales"]}'
        raise UsageError(f"`{name}` is a mapping such as {example}; found {shown(repr(given), 60)}")
    yield from given.items()


def _several(given: Any, where: str) -> Sequence[Any]:
    answers = given if isinstance(given, list | tuple) else [given]
    if not answers:
        raise UsageError(f"{where}: the list has no answer; for an answer that is an empty list write [[]]")
    return answers


def _answer(answer: Any, where: str) -> str:
    if not isinstance(answer, Failing):
        return _literal(plain_inputs({where: answer})[where], where)
    if answer.word != "slow":
        return f"{answer.word}({_literal(answer.value, where)})"
    seconds = answer.seconds
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise UsageError(f"{where}: `slow` takes a number of seconds above 0; found {shown(repr(seconds), 60)}")
    text = "" if answer.bare else f", {_answer(answer.value, where)}"
    return f"slow({_number(seconds)}s{text})"


def _literal(value: Json, where: str) -> str:
    """Write a value as the language does. Raises UsageError, if the language has no such value."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case int() | float() if math.isfinite(value):
            return _number(value)
        case Mapping():
            fields = ", ".join(f"{name}: {_literal(inner, where)}" for name, inner in value.items())
            return f"{{ {fields} }}"
        case list() | tuple():
            return f"[{', '.join(_literal(inner, where) for inner in value)}]"
    raise UsageError(f"{where}: no model answers with {shown(repr(value), 60)}")


def _number(value: float) -> str:
    return format(Decimal(repr(value)), "f")
