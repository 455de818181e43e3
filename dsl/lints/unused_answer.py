"""An answer that is paid for and that nothing mentions."""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..diagnostics import Diagnostic
from ..names import Flow, Program, Step
from ..typecheck import Typed


def unused_answer(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [_finding(step) for flow in program.flows for step in _unused(flow) if _pays(step)]


def _unused(flow: Flow) -> list[Step]:
    mentions = [*flow.mentions, *(mention for step in flow.walk() for mention in step.mentions)]
    # The element and the results of a block are the block's own: mentioning them is no use of its value.
    used = {mention.symbol.step for mention in mentions if mention.symbol and mention.symbol.kind in ("step", "branch")}
    return [step for step in flow.walk() if step not in used and not _is_value(step)]


def _is_value(step: Step) -> bool:
    """Whether the block takes the step's value without a mention: its last line, or a branch."""
    if step.parent is None:
        return False
    return step.scope.fanout or step is step.parent.steps[-1]


def _pays(step: Step) -> bool:
    node = step.line.node
    if isinstance(node, s.Ask) or (isinstance(node, (s.Map, s.Repeat, s.Fanout)) and node.reduce.ask is not None):
        return True
    return any(_pays(inner) for inner in step.steps)


def _finding(step: Step) -> Diagnostic:
    what = f"`{step.title}`" if step.symbol else "the value of this line"
    return Diagnostic(
        "F0701",
        f"{what} is paid for and never used",
        step.span,
        help=f"mention `{step.title}`, return it, or delete the line"
        if step.symbol
        else "give it a name and mention it",
    )
