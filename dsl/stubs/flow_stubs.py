"""The flows of a file as their stubs describe them: parameters, results and comments."""

from __future__ import annotations

from collections.abc import Iterator

from .. import plan as p
from ..checked import Checked
from ..marked_plan import make_plan
from ..records import dataclass
from ..types import Type


@dataclass(frozen=True, slots=True)
class StubParam:
    """A parameter. ``default`` is its constant default, None without one. ``required``: a caller must give it."""

    name: str
    type: Type
    required: bool
    default: p.Constant | None


@dataclass(frozen=True, slots=True)
class StubFlow:
    """A flow that callers may call. ``path`` is the path of its file from the stub, ``comment`` the text before it."""

    name: str
    path: str
    params: tuple[StubParam, ...]
    result: Type
    comment: str


def stub_flows(checked: Checked, path: str) -> tuple[StubFlow, ...]:
    """Return the flows of a file, in the order of the text."""
    comments = _comments(checked)
    found = []
    for flow in checked.file.flows:
        plan = make_plan(checked.settled, flow.name.text)
        params = tuple(_param(one) for one in plan.params)
        found.append(StubFlow(plan.flow, path, params, plan.type, comments.get(flow.name.text, "")))
    return tuple(found)


def _param(param: p.Param) -> StubParam:
    default = param.default if isinstance(param.default, p.Constant) else None
    return StubParam(param.name, param.type, param.required, default)


def _comments(checked: Checked) -> dict[str, str]:
    """Return the comments that stand right above flows, by the names of the flows."""
    text = checked.file.span.source.text
    found = {}
    for flow in checked.file.flows:
        above = text[: flow.span.start].split("\n")[:-1]
        lines = list(_above(above))
        if lines:
            found[flow.name.text] = "\n".join(reversed(lines)).strip()
    return found


def _above(lines: list[str]) -> Iterator[str]:
    """Yield the lines of the comment at the end of some lines, the last one first, without their marks."""
    for line in reversed(lines):
        words = line.strip()
        if not words.startswith("#"):
            return
        if not words.startswith("# flowrun:"):
            yield words.removeprefix("#").removeprefix(" ").rstrip()
