"""`map` and `repeat` run their bodies side by side. With `concurrency: 1` each call waits for the one before, although
no call needs another. This saves no calls and no money, unless the rule may end early, as a vote or `first` may. Mostly
it is left over from a test. Leave it out. If a server takes only one request at a time, say so once, at the declaration
of its model: `model local = "openai:llama3.1" with concurrency: 1`.

```flow bad
flow label(mails: [text]) {
  labels = map mail in mails {
    ask "Is this spam? {{ mail }}" -> YES | NO
  } reduce collect with concurrency: 1
  return labels
}
```

```flow good
flow label(mails: [text]) {
  labels = map mail in mails {
    ask "Is this spam? {{ mail }}" -> YES | NO
  } reduce collect with concurrency: 8
  return labels
}
```
"""

from __future__ import annotations

from ..catalog import Catalog
from ..checking.origins import origins
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint
from .parts import Block, blocks, option, rule_of

_WHOLE = "this saves no calls and no money: the block takes as long as all its calls one after another"
_EARLY = "each call waits for the previous call; this saves only the calls that remain when the reducer decides early"
_MANY = 9
"""The number of results for testing whether a rule may end early: such a rule needs fewer than all of them."""


def one_at_a_time(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    for step, node in blocks(program):
        limit = option(step.line.options, "concurrency")
        if limit and typed.folding.number(limit.value, step.scope) == 1:
            found.append(
                Diagnostic(
                    "F0715",
                    "this block makes its calls one after another, not side by side",
                    limit.value.span,
                    labels=origins(limit.value, step.scope, typed.folding),
                    note=_EARLY if _ends_early(node, catalog) else _WHOLE,
                    help="delete `concurrency`; to limit the load of a server, set it on the model: "
                    '`model NAME = "…" with concurrency: 1`',
                )
            )
    return found


def _ends_early(node: Block, catalog: Catalog) -> bool:
    rule = rule_of(node, catalog)
    return rule is not None and (rule.votes or rule.adaptive or rule.fewest(_MANY, _MANY, {}) < _MANY)


LINT = Lint("F0715", one_at_a_time, near=True)
