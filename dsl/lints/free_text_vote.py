"""A vote counts equal answers. A model hardly ever says the same thing twice in the same words, so each answer
gets one vote and the first of them wins. Give the answer a type, and the votes can meet: `-> YES | NO`. If the answer
has to be a text, let an ask tell which answers say the same:
`reduce majority(same: ask "…{{ a }}…{{ b }}" -> yes | no)`. One call can also read all answers and pick one:
`reduce consistent(judge: ask "…{{ results }}…")`. To combine texts, let one more call do it:
`reduce ask "…{{ results }}…"`.

```flow bad
flow mood(review: text) {
  verdict = repeat 3 {
    ask "Is this review positive or negative? {{ review }}"
  } reduce majority
  return verdict
}
```

```flow good
flow mood(review: text) {
  verdict = repeat 3 {
    ask "Is this review positive or negative? {{ review }}" -> positive | negative
  } reduce majority
  return verdict
}
```
"""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog
from ..checking.program import Program, Step
from ..checking.reducer_arguments import is_same
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Edit, Fix
from ..path_names import COMPARED, SAME
from .lint import Lint
from .parts import Block, argument, rule_of, votes

_EXAMPLE = 'same: ask "Do these say the same? {{ a }} {{ b }}" -> yes | no'

_CLASHES = ("stands", "risk")
"""Arguments with which a vote compares nothing, or has a bound for samples that are equal in writing."""


def free_text_vote(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    for step, node in votes(program, catalog):
        if any(map(is_same, node.reduce.args)):
            continue
        fix = _compared(program, catalog, step, node)
        for value in step.steps if isinstance(node, s.Fanout) else step.steps[-1:]:
            if t.plain(t.unwrapped(typed.steps.get(value, t.UNKNOWN))) not in (t.TEXT, t.DOCUMENT):
                continue
            found.append(
                Diagnostic(
                    "F0704",
                    "this vote counts free texts, and two free texts are almost never equal",
                    value.line.span,
                    note="each answer then has a single vote, and only the first answer is used",
                    help="give the answer a type, `-> YES | NO`, or let an ask tell which answers say the same, "
                    f"`reduce {_written(node.reduce)}{_EXAMPLE})`",
                    fix=fix,
                )
            )
            fix = None
    return found


def _written(reduce: s.Reduce) -> str:
    """Return the reducer with its arguments, up to the place of one more."""
    if not reduce.args or any(argument(reduce, name) is not None for name in _CLASHES):
        return f"{reduce.rule.text}("
    text = reduce.rule.span.source.text[reduce.rule.span.start : reduce.args[-1].span.end]
    return f"{reduce.rule.text}(…, " if "\n" in text else f"{text}, "


def _compared(program: Program, catalog: Catalog, step: Step, node: Block) -> Fix | None:
    """Return the fix that lets the model of the answers compare them. None if the vote cannot compare."""
    reduce, rule = node.reduce, rule_of(node, catalog)
    model = _model(program, step)
    scope = step.inner if isinstance(node, s.Fanout) and step.inner is not None else step.scope
    if (
        model is None
        or rule is None
        or SAME not in [one.name for one in rule.params]
        or any(argument(reduce, name) is not None for name in _CLASHES)
        or any(isinstance(arg.value, s.Ask) for arg in reduce.args)
        or any(scope.lookup(name) for name in COMPARED)
    ):
        return None
    judge = _EXAMPLE.replace("ask ", f"ask {model} ", 1) if model else _EXAMPLE
    source, at = reduce.rule.span.source, reduce.rule.span.end
    if reduce.args:
        at, text = reduce.args[-1].span.end, f", {judge}"
    elif source.text[at:].lstrip().startswith("("):
        return None
    else:
        text = f"({judge})"
    # The questions cost money.
    return Fix(f"write `{judge}`", (Edit(source.span(at, at), text),), safe=False)


def _model(program: Program, step: Step) -> str | None:
    """Return the declared model that gives the last answer, "" for the one of the run. None for anything else."""
    node = step.steps[-1].line.node if step.steps else None
    if not isinstance(node, s.Ask):
        return None
    if node.model is None:
        return ""
    name = node.model.word.text if isinstance(node.model, s.Name) else ""
    known = program.scope.symbols.get(name)
    return name if known is not None and known.kind == "model" else None


LINT = Lint("F0704", free_text_vote, near=True)
