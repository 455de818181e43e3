"""The call is made and paid for, and nothing mentions its answer. Mostly a mention was forgotten, or the line is
a left-over. Mention the answer, return it, or delete the line. The last line of a block and the branches of a
fan-out need no mention: the block takes their values.

```flow bad
flow reply(email: text) {
  mood = ask "How does the writer feel? {{ email }}"
  answer = ask "Reply to this: {{ email }}"
  return answer
}
```

```flow good
flow reply(email: text) {
  mood = ask "How does the writer feel? {{ email }}"
  answer = ask "Reply to this {{ mood }} e-mail: {{ email }}"
  return answer
}
```
"""

from __future__ import annotations

from ..catalog import Catalog
from ..checking.program import Flow, Program, Step
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint
from .parts import Costs, mentions, walk


def unused_answer(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    costs = Costs(program, catalog)
    found = [step for flow in program.flows for step in _unused(flow) if costs.pays(step)]
    return [_finding(step, person=step.line.node.number in typed.nodes.people) for step in found]


def _unused(flow: Flow) -> list[Step]:
    # The element and the results of a block are the block's own: mentioning them is no use of its value.
    used = {one.symbol.step for one in mentions(flow) if one.symbol and one.symbol.kind in ("step", "branch")}
    return [step for step in walk(flow) if step not in used and not _is_value(step)]


def _is_value(step: Step) -> bool:
    """Tell whether a block uses the step's value without a mention: the step is its last line, or a branch."""
    if step.parent is None:
        return False
    return step.scope.fanout or bool(step.branch) or step is step.parent.steps[-1]


def _finding(step: Step, *, person: bool) -> Diagnostic:
    what = f"`{step.title}`" if step.symbol else "the value of this line"
    note = "the call is sent and charged even if no step reads its answer"
    if person:
        note = "the question takes a person's time even if no step reads the answer"
    return Diagnostic(
        "F0701",
        f"{what} is asked of a person and never used" if person else f"{what} is paid for and never used",
        step.span,
        note=note,
        help=f"mention `{step.title}`, return it, or delete the line"
        if step.symbol
        else "give the value a name and mention it, or delete the line",
    )


LINT = Lint("F0701", unused_answer, near=True)
