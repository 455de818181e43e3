"""This step is in the body of a map and does not depend on the element. So the same prompt is sent and paid once for
each element. Write the step before the map. Its answer is then made once, and every element can mention it. A step in a
branch of a match is asked only for elements that take the branch; before the map it is asked once, also if none does.

```flow bad
flow audit(sections: [text], policy: text) {
  findings = map section in sections {
    rules = ask "Sum up this policy in ten rules: {{ policy }}"
    ask "Which rule does this break? {{ rules }} {{ section }}"
  } reduce collect
  return findings
}
```

```flow good
flow audit(sections: [text], policy: text) {
  rules = ask "Sum up this policy in ten rules: {{ policy }}"
  findings = map section in sections {
    ask "Which rule does this break? {{ rules }} {{ section }}"
  } reduce collect
  return findings
}
```
"""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program, Step
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Label
from .lint import Lint
from .parts import Costs, blocks, followers, mentions


def same_for_each(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    costs = Costs(program, catalog)
    users: dict[Step, list[Step]] = {}
    for flow in program.flows:
        for mention in mentions(flow):
            owner = mention.symbol.step if mention.symbol and mention.symbol.kind in ("element", "index") else None
            # The mentions of a `where` are not in the body.
            if owner and mention.step and mention.step is not owner:
                users.setdefault(owner, []).append(mention.step)
    # Another lint reports a body without any mention of its element.
    return [
        _finding(step, block, node)
        for block, node in blocks(program)
        if isinstance(node, s.Map) and block in users
        for step in _same(block, users[block], costs)
    ]


def _same(block: Step, users: list[Step], costs: Costs) -> list[Step]:
    reached: set[Step] = set()
    for user in users:
        inside: Step | None = user
        while inside is not None and inside is not block and inside not in reached:
            reached.add(inside)
            inside = inside.parent
    if not _outside(block, reached, costs):
        return []
    return _outside(block, followers(block, users), costs)


def _outside(block: Step, reached: set[Step], costs: Costs) -> list[Step]:
    """Return the outermost paid steps of a body that do not depend on the element. A block may depend in part."""
    found = []
    todo = list(block.steps)
    while todo:
        step = todo.pop()
        if step not in reached:
            found += [step] if costs.pays(step) else []
        elif isinstance(step.line.node, (s.Chain, s.Fanout, s.Match, s.Rounds, s.Cascade)):
            todo.extend(step.steps)
    return found


def _finding(step: Step, block: Step, node: s.Map) -> Diagnostic:
    name = node.element.text
    what = f"`{step.title}`" if step.symbol else "this line"
    paid, how = _advice(step, block)
    return Diagnostic(
        "F0718",
        f"{what} sends the same prompt for each `{name}`",
        step.span,
        labels=(Label(node.element.span, "the prompt does not use this element"),),
        note=f"the flow pays for the same prompt once for {paid}",
        help=f"move the step before the map and give it a name: {how}",
    )


def _advice(step: Step, block: Step) -> tuple[str, str]:
    """Return for what the flow pays, and what a step before the map is good for."""
    around = []
    inside: Step | None = step
    while inside is not None and inside is not block:
        around.append(inside)
        inside = inside.parent
    if any(isinstance(one.line.node, s.Rounds) for one in around[1:]):
        return "each round of each element", "each round can then mention its answer"
    if any(one.branch for one in around):
        how = "the branch can then mention its answer, which is made once, also if no element takes the branch"
        return "each element that takes the branch", how
    return "each element", "each element can then mention its answer"


LINT = Lint("F0718", same_for_each)
