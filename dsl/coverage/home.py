"""A checked file as coverage sees it: its flows with numbered steps, and the marks of their parts."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import normpath
from typing import Literal, NamedTuple

from .. import syntax as s
from ..checked import Checked, units_of
from ..checking.program import Flow, Step
from ..checking.test_paths import path_nodes
from ..checking.units import Unit
from ..path_names import REDUCE
from ..records import dataclass
from ..source import Span

Kind = Literal["ask", "branch", "round", "policy", "answer"]


class CoverageMark(NamedTuple):
    """The mark of a part that a run can reach. It is the same in each check of the file.

    ``step`` is the number of the step in its flow, in the order of the file. ``part`` is a part of the step, and
    ``detail`` tells parts of one kind apart, such as answers. A model has its name as ``flow``, and no step.
    """

    file: str
    flow: str
    step: int
    part: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CoverageItem:
    """A part of a file that tests should reach. ``missed`` says in words that no test did.

    A branch has the mark of the ``other`` one of its condition. If no test takes either, ``untried`` says so instead.
    """

    mark: CoverageMark
    kind: Kind
    line: int
    column: int
    missed: str
    other: CoverageMark | None = None
    untried: str = ""


class Home:
    """A checked file with its steps.

    ``steps`` has the flow and the number of each step, ``paths`` its path as a test writes it.
    """

    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        self.file = normpath(checked.file.span.source.name)
        self.steps: dict[Step, tuple[Flow, int]] = {
            step: (flow, number) for flow in checked.program.flows for number, step in enumerate(flow.walk())
        }
        unit = Unit("", checked.program, checked.typed, checked.imported, units_of(checked.imports))
        self.paths: dict[Step, str] = {}
        todo = [node for flow in checked.program.flows for node in path_nodes(unit, flow.steps)]
        while todo:
            node = todo.pop()
            self.paths[node.step] = node.path
            todo += path_nodes(unit, node.step.steps, node)

    def path(self, step: Step, part: str) -> str:
        """Return the path of an ask as a test writes it. ``part`` is that of ``asks_in``."""
        return self.paths[step] if part == "ask" else f"{self.paths[step]}.{REDUCE}"

    def mark(self, step: Step, part: str, detail: str = "") -> CoverageMark:
        flow, number = self.steps[step]
        return CoverageMark(self.file, flow.decl.name.text, number, part, detail)

    def model_mark(self, name: str, part: str) -> CoverageMark:
        return CoverageMark(self.file, name, -1, part)

    def item(self, mark: CoverageMark, kind: Kind, span: Span, missed: str) -> CoverageItem:
        return CoverageItem(mark, kind, span.line, span.column, missed)


def asks_in(step: Step) -> Iterator[tuple[str, s.Ask]]:
    """Yield the asks of a line itself, each with the name of its part.

    "ask": the line asks. "reduce": the reducer combines with an ask. "decide": an ask of the reducer decides.
    """
    node = step.line.node
    if isinstance(node, s.Ask):
        yield "ask", node
    elif isinstance(node, s.Map | s.Repeat | s.Fanout):
        if node.reduce.ask is not None:
            yield "reduce", node.reduce.ask
        for arg in node.reduce.args:
            if isinstance(arg.value, s.Ask):
                yield "decide", arg.value
