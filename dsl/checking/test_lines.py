"""The lines of a test together with those of its setups."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping

from .. import syntax as s
from ..records import dataclass
from .program import Program
from .tested_flow import TestedFlow


@dataclass(frozen=True, slots=True)
class TestedLine:
    """A line of a test. ``own`` is False if it is one of a setup."""

    line: s.TestLine
    own: bool


def setups_of(program: Program) -> dict[str, s.SetupDecl]:
    """Return the setups of a file by name, the first of each name."""
    return {one.name.text: one for one in reversed(program.file.setups)}


def whole_lines(test: s.TestDecl, setups: Mapping[str, s.SetupDecl], tested: TestedFlow) -> list[TestedLine]:
    """Return the lines of a test: those of its setups first, without the lines that a later line replaces."""
    own = [TestedLine(line, True) for line in test.lines if not isinstance(line, s.SetupUse)]
    used = [line.name.text for line in test.lines if isinstance(line, s.SetupUse)]
    if not used:
        return own
    shared = [TestedLine(line, False) for name in used if name in setups for line in setups[name].lines]
    lines = [*(one for one in shared if not isinstance(one.line, s.SetupUse)), *own]
    about = [tuple(keys(one.line, tested)) for one in lines]
    last = {key: at for at, found in enumerate(about) for key in found}
    stays = [one.own or not about[at] or any(last[key] == at for key in about[at]) for at, one in enumerate(lines)]
    return [one for one, kept in zip(lines, stays, strict=True) if kept]


def keys(line: s.TestLine, tested: TestedFlow) -> Iterator[Hashable]:
    """Yield what a line is about. Two lines about the same thing exclude each other."""
    match line:
        case s.Given():
            yield "given", line.name.text
        case s.ExternReply():
            yield "extern", line.name.text, line.when
        case s.FileReply():
            yield "file", line.path.value
        case s.Cases() | s.Cassette():
            yield type(line).__name__
        case s.Reply():
            asks = tested.asks(line.path)
            # A path to asks of different types is a mistake of its own.
            for ask in asks if len({ask.answer for ask in asks}) == 1 else ():
                yield "reply", ask.path, ask.places, line.when
