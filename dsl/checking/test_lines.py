"""The lines of a test together with those of its setups."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from .. import syntax as s
from ..records import dataclass
from .program import Flow, Program
from .test_paths import PathNode, find, own_asks
from .units import Unit


@dataclass(frozen=True, slots=True)
class TestedLine:
    """A line of a test. ``own`` is False if it is one of a setup."""

    line: s.TestLine
    own: bool


def whole_lines(test: s.TestDecl, program: Program, unit: Unit, flow: Flow) -> list[TestedLine]:
    """Return the lines of a test: those of its setups first, without the lines that a later line replaces."""
    setups = {one.name.text: one for one in reversed(program.file.setups)}
    used = [line.name.text for line in test.lines if isinstance(line, s.SetupUse)]
    shared = [TestedLine(line, False) for name in used if name in setups for line in setups[name].lines]
    lines = [one for one in (*shared, *(TestedLine(line, True) for line in test.lines)) if not _is_use(one.line)]
    last = {key: at for at, one in enumerate(lines) for key in keys(one.line, unit, flow)}
    return [one for at, one in enumerate(lines) if one.own or _stays(one.line, at, last, unit, flow)]


def _is_use(line: s.TestLine) -> bool:
    return isinstance(line, s.SetupUse)


def _stays(line: s.TestLine, at: int, last: dict[Hashable, int], unit: Unit, flow: Flow) -> bool:
    found = list(keys(line, unit, flow))
    return not found or any(last[key] == at for key in found)


def keys(line: s.TestLine, unit: Unit, flow: Flow) -> Iterator[Hashable]:
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
            found = find(unit, flow, line.path)
            asks = own_asks(found) if isinstance(found, PathNode) else []
            # A path to asks of different types is a mistake of its own.
            for ask in asks if len({ask.answer for ask in asks}) == 1 else ():
                yield "reply", ask.path, tuple(node.index for node in ask.chain), line.when
