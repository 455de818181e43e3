"""Comments that silence warnings: ``# flowrun: ignore[F0702]``, and ``ignore-file[F0702]`` at the head of a file.

A comment behind a line covers that line. A comment behind the last line of a step also covers the step's first line, so
that it still works after the formatter has broken the step into lines. A comment on a line of its own covers the next
line that is not a comment. A warning belongs to the line of its caret. Only warnings can be silenced, each by its code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from .. import syntax as s
from ..codes import CODES
from ..diagnostics import Diagnostic, did_you_mean
from ..patterns import pattern
from ..records import dataclass
from ..source import Span

_COMMENT = pattern(r"#\s*flowrun\s*(:?)\s*([\w-]+)\s*(\[[^\]#]*\]?|\()?", re.IGNORECASE)
_CODE = pattern(r"[^\s,\[\]]+")
_LINE, _FILE = "ignore", "ignore-file"
_ELSEWHERE = frozenset("allow disable noqa nolint off silence skip suppress".split())
"""The words that other checkers use for such comments."""
_OWN = frozenset({"F0719", "F0720"})
"""The codes of warnings about these comments themselves."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """A code that a comment silences on the given lines. Empty ``lines`` stand for the whole file."""

    code: str
    lines: tuple[int, ...]
    span: Span


def silence(file: s.File, warnings: Iterable[Diagnostic], *, complete: bool) -> list[Diagnostic]:
    """Return the warnings that no comment silences, and the problems with such comments.

    ``complete`` says that every lint has run. Otherwise a comment that silences nothing may still be needed, so it is
    not reported.
    """
    ignores, wrong = _read(file)
    used: set[Ignore] = set()
    left = list(_left(warnings, ignores, used))
    if complete:
        wrong += [_unused(ignore) for ignore in ignores if ignore not in used and ignore.code not in _OWN]
    left += _left(wrong, ignores, used)
    if complete:
        left += [_unused(ignore) for ignore in ignores if ignore not in used and ignore.code in _OWN]
    return left


def _left(found: Iterable[Diagnostic], ignores: list[Ignore], used: set[Ignore]) -> Iterator[Diagnostic]:
    by_place: dict[tuple[str, int | None], list[Ignore]] = {}
    for ignore in ignores:
        for line in ignore.lines or (None,):
            by_place.setdefault((ignore.code, line), []).append(ignore)
    for one in found:
        covering = [*by_place.get((one.code, one.span.line), ()), *by_place.get((one.code, None), ())]
        # Only the first comment that covers a warning counts as used: a second with the same code is then reported as
        # idle.
        used.update(covering[:1])
        if not covering:
            yield one


def _read(file: s.File) -> tuple[list[Ignore], list[Diagnostic]]:
    ignores: list[Ignore] = []
    wrong: list[Diagnostic] = []
    head = file.items[0].span.start if file.items else file.span.end
    begins: dict[int, list[int]] | None = None
    for comment in file.comments:
        for found in _COMMENT.finditer(comment.text):
            said = _Said(comment, found)
            if (problem := said.problem(head)) is not None:
                wrong.append(problem)
            elif said.meant:
                begins = _begins(file) if begins is None else begins
                lines = () if said.word == _FILE else _lines(comment, begins)
                for code, span in said.codes():
                    if (unknown := _refused(code, span)) is not None:
                        wrong.append(unknown)
                    else:
                        ignores.append(Ignore(code, lines, span))
    return ignores, wrong


class _Said:
    """The text behind ``# flowrun`` in a comment, read as an instruction to the checker."""

    def __init__(self, comment: s.Comment, found: re.Match[str]) -> None:
        self._comment = comment
        self._found = found
        self.word = found[2]
        self._codes = found[3] or ""
        near = _near(self.word) != ""
        # Prose may begin with the name of the tool; only text in the form of an order counts as one.
        if found[1]:
            self.meant = near or self.word.lower() in _ELSEWHERE or bool(found[3])
        else:
            self.meant = near and bool(found[3])

    def codes(self) -> Iterator[tuple[str, Span]]:
        for code in _CODE.finditer(self._codes):
            yield code[0], self._span(self._found.start(3) + code.start(), self._found.start(3) + code.end())

    def problem(self, head: int) -> Diagnostic | None:
        """Return the mistake in the form of the comment. None if the form is right, or if the comment is just prose."""
        if not self.meant:
            return None
        found = self._found
        whole = self._span(found.start(), found.start() + len(found[0].rstrip()))
        word = self._span(*found.span(2))
        if not found[1]:
            return _wrong("a colon must follow `flowrun` here", whole, f"write `# flowrun: {_LINE}[F0702]`")
        if self.word not in (_LINE, _FILE):
            way = _near(self.word) or f"to silence a warning write `{_LINE}[F0702]`"
            return _wrong(f"the word `{self.word}` is unknown here", word, way)
        if not self._codes.startswith("[") or not any(self.codes()):
            return _wrong(
                f"`{self.word}` needs the code of a warning",
                word,
                f"write `{self.word}[F0702]`, with the code of the warning; separate several codes by commas",
                "a comment without a code would also silence later warnings on this line",
            )
        if not self._codes.endswith("]"):
            return _wrong("the list of codes has no closing `]`", whole, "write them as in `[F0702, F0709]`")
        if self.word == _FILE and self._comment.span.start > head:
            return _wrong(
                f"`{_FILE}` must be at the top of the file",
                word,
                f"move it before the first declaration, or write `{_LINE}` for one line",
                "a comment for the whole file counts only at the top of the file",
            )
        return None

    def _span(self, start: int, end: int) -> Span:
        place = self._comment.span
        return Span(place.source, place.start + start, place.start + end)


def _refused(code: str, span: Span) -> Diagnostic | None:
    if code not in CODES:
        return _wrong(
            f"no warning has the code `{code}`",
            span,
            _like(code) or "write the code in brackets that follows `warning` in its message",
        )
    if CODES[code].severity == "error":
        return _wrong(
            f"`{code}` is an error, and cannot be silenced",
            span,
            "correct the error, and delete this comment",
            "only warnings can be silenced: a flow with an error cannot run",
        )
    return None


@lru_cache(64)
def _near(word: str) -> str:
    return did_you_mean(word, (_LINE, _FILE))


@lru_cache(64)
def _like(code: str) -> str:
    return did_you_mean(code, [known for known, entry in CODES.items() if entry.severity == "warning"])


def _lines(comment: s.Comment, begins: dict[int, list[int]]) -> tuple[int, ...]:
    """Return the lines that a comment covers. The first one is the line that messages name."""
    number = comment.span.line
    if not comment.own_line:
        return (number, *begins.get(number, ()))
    source = comment.span.source
    last = source.position(len(source.text))[0]
    number += 1
    while number < last and source.line(number).lstrip().startswith("#"):
        number += 1
    return (number,)


def _begins(file: s.File) -> dict[int, list[int]]:
    """Map the last line of each step that has several lines to the first lines of the steps that end there."""
    found: dict[int, list[int]] = {}
    todo = [line for flow in file.flows for line in flow.body.lines]
    while todo:
        line = todo.pop()
        if isinstance(line.node, (s.Fanout, s.Map, s.Repeat, s.Chain, s.Match, s.Rounds, s.Cascade)):
            todo.extend(line.node.body.lines)
        first, last = line.span.line, line.span.source.position(line.span.end)[0]
        if first < last:
            found.setdefault(last, []).append(first)
    return found


def _wrong(message: str, span: Span, help: str, note: str = "") -> Diagnostic:
    return Diagnostic("F0720", message, span, note=note, help=help)


def _unused(ignore: Ignore) -> Diagnostic:
    where = f"on line {ignore.lines[0]}" if ignore.lines else "in this file"
    return Diagnostic(
        "F0719",
        f"this comment silences nothing: the checker finds no {ignore.code} {where}",
        ignore.span,
        note="the comment would hide such a warning later",
        help="delete the comment, or move it to the line that the warning names: at the end of that line, or "
        "alone on the line before"
        if ignore.lines
        else "delete the comment",
    )
