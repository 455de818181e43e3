"""A stage of a cascade that always runs, or never: its condition compares a word with the end of its range, or it waits
for a failure of a stage that cannot fail. `agreement` is from 0 to 1, so `agreement <= 1` always holds and
`agreement < 0` never does. Write `agreement < 1` for votes that are not unanimous.

```flow bad
model cheap  = "openai:gpt-4o-mini"
model strong = "openai:gpt-4o"

flow label(mail: text) {
  kind = cascade {
    repeat 3 { ask cheap "Spam? {{ mail }}" -> spam | fine } reduce majority
    else ask strong "Spam? {{ mail }}" -> spam | fine when agreement <= 1
  }
  return kind
}
```

```flow good
model cheap  = "openai:gpt-4o-mini"
model strong = "openai:gpt-4o"

flow label(mail: text) {
  kind = cascade {
    repeat 3 { ask cheap "Spam? {{ mail }}" -> spam | fine } reduce majority
    else ask strong "Spam? {{ mail }}" -> spam | fine when agreement < 1
  }
  return kind
}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..catalog import Catalog
from ..checking.cascade_names import with_blank
from ..checking.cascade_types import constant_reason, may_fail
from ..checking.program import Program, Step
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Edit, Fix
from .lint import Lint
from .parts import walk


def idle_stage(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        found
        for flow in program.flows
        for step in walk(flow)
        if isinstance(step.line.node, s.Cascade)
        for found in _findings(step)
    ]


def _findings(step: Step) -> Iterator[Diagnostic]:
    for before, stage in zip(step.steps, step.steps[1:], strict=False):
        when = stage.line.when
        if when is None and not may_fail(before):
            yield Diagnostic(
                "F0775",
                "this stage never runs: the stage before cannot fail",
                stage.line.span,
                note="a stage without `when` is for failures of the stage before",
                help="write a condition, `when …`, or delete the stage",
            )
        elif when is not None and (reason := constant_reason(when.condition)):
            never = " never " in reason
            yield Diagnostic(
                "F0775",
                f"{reason}, so this stage {'runs only after a failure' if never else 'always runs'}",
                when.condition.span,
                note="a failure of the stage before leads to this stage under every condition",
                help="delete the condition: the stage is then for failures alone"
                if never
                else "write `< 1` for a vote that is not unanimous, or make both stages the steps of a `chain`",
                fix=_fix(when, never=never),
            )


def _fix(when: s.When, *, never: bool) -> Fix | None:
    if never:
        return Fix("delete the condition", (Edit(with_blank(when.span), ""),), safe=False)
    text = when.condition.span.text
    if text.count("<=") != 1:
        return None
    return Fix("write `<`", (Edit(when.condition.span, text.replace("<=", "<")),), safe=False)


LINT = Lint("F0775", idle_stage, near=True)
