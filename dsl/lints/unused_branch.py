"""A fan-out makes the calls of all its branches, but nothing uses this branch. The prompt of the reducer mentions only
the others, or only other fields of the record are read. Mention the branch there, or delete it.

```flow bad
flow weigh(plan: text) {
  view = fanout {
    legal = ask "What could a lawyer object to? {{ plan }}"
    money = ask "What will it cost? {{ plan }}"
    people = ask "Who will have more work? {{ plan }}"
  } reduce ask "Should this be done? Legal: {{ legal }} Money: {{ money }}"
  return view
}
```

```flow good
flow weigh(plan: text) {
  view = fanout {
    legal = ask "What could a lawyer object to? {{ plan }}"
    money = ask "What will it cost? {{ plan }}"
    people = ask "Who will have more work? {{ plan }}"
  } reduce ask "Should this be done? Legal: {{ legal }} Money: {{ money }} People: {{ people }}"
  return view
}
```
"""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog
from ..checking.program import Mention, Program, Step
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from ..patterns import pattern
from .lint import Lint
from .parts import Costs, blocks, mentions

_FIELD = pattern(r"\s*\.\s*(\w+)")


def unused_branch(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    costs = Costs(program, catalog)
    uses: dict[Step, list[Mention]] = {}
    for flow in program.flows:
        for mention in mentions(flow):
            if mention.symbol and mention.symbol.step and mention.symbol.kind in ("step", "branch"):
                uses.setdefault(mention.symbol.step, []).append(mention)
    found = []
    for step, node in blocks(program):
        if isinstance(node, s.Fanout):
            unread = _unmentioned(step, uses) if node.reduce.ask is not None else _unread(step, uses, typed)
            where = "the reducer's prompt" if node.reduce.ask is not None else "every step that takes this record"
            found += [_finding(branch, where) for branch in unread if costs.pays(branch)]
    return found


def _unmentioned(fanout: Step, uses: dict[Step, list[Mention]]) -> list[Step]:
    """Return the branches that a prompt leaves out while it mentions others.

    Empty if it mentions no branch at all, because another lint reports that.
    """
    if any(one.symbol and one.symbol.kind == "results" and one.symbol.step is fanout for one in fanout.mentions):
        return []
    unread = [branch for branch in fanout.steps if branch not in uses]
    return unread if len(unread) < len(fanout.steps) else []


def _unread(fanout: Step, uses: dict[Step, list[Mention]], typed: Typed) -> list[Step]:
    """Return the branches of a record that nothing reads. Empty if any mention uses the record as a whole."""
    value = t.unwrapped(typed.steps.get(fanout, t.UNKNOWN))
    titles = [branch.title for branch in fanout.steps]
    last = fanout.parent is not None and (fanout.scope.fanout or fanout.branch or fanout is fanout.parent.steps[-1])
    if last or not isinstance(value, t.Record) or [field.name for field in value.fields] != titles:
        return []
    read: set[str] = set()
    for use in uses.get(fanout, ()):
        # In a template, too, a field stands right behind its record.
        field = _FIELD.match(use.span.source.text, use.span.end)
        if field is None:
            return []
        read.add(field[1])
    return [branch for branch in fanout.steps if branch.title not in read] if read else []


def _finding(branch: Step, where: str) -> Diagnostic:
    return Diagnostic(
        "F0723",
        f"the branch `{branch.title}` is paid for and never used",
        branch.span,
        note=f"{where} mentions other branches but not this one, and its calls still cost money",
        help=f"mention `{branch.title}` there, or delete the branch",
    )


LINT = Lint("F0723", unused_branch)
