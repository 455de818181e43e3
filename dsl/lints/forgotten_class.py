"""Steps with `when` are joined by `??` or `else`. Each of them is for some cases of a choice, and one case has no step.
In that case no step runs, and the value is `none` without a warning. The message names the case. Add a step for it, or
give the last step an `else`. If a missing value is intended, write it: `a ?? b ?? none`.

```flow bad
flow support(mail: text) {
  team = ask "Which team? {{ mail }}" -> billing | technical | account
  bill = ask "Answer about the bill: {{ mail }}" when team == billing
  fault = ask "Answer about the fault: {{ mail }}" when team == technical
  return bill ?? fault
}
```

```flow good
flow support(mail: text) {
  team = ask "Which team? {{ mail }}" -> billing | technical | account
  bill = ask "Answer about the bill: {{ mail }}" when team == billing
  fault = ask "Answer about the fault: {{ mail }}" when team == technical
  other = ask "Answer about the account: {{ mail }}" when team == account
  return bill ?? fault ?? other
}
```
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .. import syntax as s
from ..catalog import Catalog
from ..checking.facts import Facts
from ..checking.program import Program, Scope, Step
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from ..source import Span
from ..tag_facts import allowed
from .cases import Case, Cases, Known, step_of
from .lint import Lint
from .parts import walk

MOST_NAMED = 3


def forgotten_class(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    cases = Cases(typed)
    found: dict[Span, Diagnostic] = {}
    for flow in program.flows:
        uses = [one for returned in flow.decl.returns for one in _values(returned.value, flow.scope)]
        for step in walk(flow):
            uses += _inside(step)
        for value, scope in uses:
            if told := _forgotten(cases, value, scope):
                found[told.span] = told
    return list(found.values())


def _inside(step: Step) -> Iterator[tuple[s.Expr, Scope]]:
    """Yield the values that a step passes on unchanged."""
    node = step.line.node
    parent = step.parent
    given = parent is not None and not isinstance(parent.line.node, s.Chain | s.Rounds)
    if parent and given and (isinstance(parent.line.node, s.Fanout | s.Match | s.Cascade) or step is parent.steps[-1]):
        if isinstance(node, s.Name | s.Binary):
            yield from _values(node, step.scope)
        elif step.line.name and step.line.when and step.line.when.otherwise is not None:
            yield s.Name(step.line.name, step.line.name.span, number=step.line.number), step.scope
    if isinstance(node, s.RecordExpr | s.ListExpr):
        yield from _values(node, step.scope)


def _values(expr: s.Expr, scope: Scope) -> Iterator[tuple[s.Expr, Scope]]:
    match expr:
        case s.Name() | s.Binary("??"):
            yield expr, scope
        case s.RecordExpr(entries):
            for entry in entries:
                yield from _values(entry.value, scope)
        case s.ListExpr(items):
            for item in items:
                yield from _values(item, scope)


def _forgotten(cases: Cases, expr: s.Expr, scope: Scope) -> Diagnostic | None:
    node: s.Node = expr
    facts = scope.known_facts
    guards: list[tuple[s.Expr, Scope]] = []
    # A step with a condition of its own is skipped on purpose: only where it runs something can be forgotten.
    while isinstance(node, s.Name) and (step := step_of(node, scope)) and (when := step.line.when) is not None:
        if when.otherwise is not None:
            break
        guards.append((when.condition, step.scope))
        node, scope = step.line.node, step.scope
    while isinstance(node, s.Name) and (step := step_of(node, scope)) and step.line.when is None:
        node, scope = step.line.node, step.scope
    if not isinstance(node, s.Name) and not (isinstance(node, s.Binary) and node.operator == "??"):
        return None
    every = [
        case
        for case in cases.all([*cases.conditions(node, scope), *guards])
        if all(cases.value(condition, place, case) is not False for condition, place in guards) and _open(case, facts)
    ]
    lost = [case for case in every if cases.missing(node, scope, case)]
    # If no case has a value at all, no case was forgotten: something else is wrong.
    if not lost or len(lost) == len(every):
        return None
    return Diagnostic(
        "F0725",
        f"no step handles {_told(every, lost)}",
        node.span,
        note="each of these steps runs only in its own case; in this case the value is `none`, without an error",
        help="add a step for this case, give the last step an `else`, or write `?? none` if you want a missing value",
    )


def _open(case: Case, facts: Facts) -> bool:
    """Return False for a case that cannot be in the branch of a match around the value."""
    return all(
        allowed(path, str(value).lower() if isinstance(value, bool) else str(value), facts)
        for (_, path), value in case.items()
    )


def _told(every: Sequence[Case], lost: Sequence[Case]) -> str:
    """Describe the lost cases in words.

    The words are the values of one subject, if these describe all lost cases. Otherwise they describe the first case.
    """
    for subject in lost[0]:
        values = list(dict.fromkeys(case[subject] for case in lost))
        if sum(case[subject] in values for case in every) == len(lost):
            named = [_word(value) for value in values[:MOST_NAMED]]
            more = f" and {len(values) - MOST_NAMED} more" if len(values) > MOST_NAMED else ""
            return f"{', '.join(named)}{more} of `{subject[1]}`"
    return "the case that " + " and ".join(f"`{subject[1]}` is {_word(value)}" for subject, value in lost[0].items())


def _word(value: Known) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


LINT = Lint("F0725", forgotten_class)
