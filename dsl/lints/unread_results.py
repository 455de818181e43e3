"""The block makes its calls, and one more call should combine their answers. But the prompt of that call mentions none
of them. So all calls of the block are paid and not used, and the last answer is invented. The answers are in `results`,
in the order of the input. After a fan-out, the branches also have their names. A judge answers with a number, and only
`results` shows numbers.

```flow bad
flow review(document: document) {
  notes = map section in split(document, by: heading) {
    ask "Review this section: {{ section }}"
  } reduce ask "Combine these notes into one review."
  return notes
}
```

```flow good
flow review(document: document) {
  notes = map section in split(document, by: heading) {
    ask "Review this section: {{ section }}"
  } reduce ask "Combine these notes into one review: {% for note in results %}- {{ note }}{% endfor %}"
  return notes
}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program, Step
from ..checking.reducer_arguments import condition_of, is_same
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint
from .parts import Block, Costs, blocks, rule_of

_FORGETS = {
    "next": "the flow pays for the calls of the block, and the fold never uses their answers",
    "so_far": "each call of the fold ignores the earlier calls, so only the last call counts",
}


def unread_results(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    costs = Costs(program, catalog)
    return [
        finding
        for step, node in blocks(program)
        if step.steps and any(costs.pays(inner) for inner in step.steps)
        for finding in _findings(step, node, catalog)
    ]


def _findings(step: Step, node: Block, catalog: Catalog) -> Iterator[Diagnostic]:
    rule = node.reduce.rule
    if node.reduce.ask is None:
        spec = rule_of(node, catalog)
        votes = spec is not None and spec.votes
        for arg in node.reduce.args:
            if arg is condition_of(node.reduce) or is_same(arg):
                continue
            if isinstance(arg.value, s.Ask) and arg.name is not None and not _reads(step, "results", by_name=votes):
                numbers = not votes and _reads(step, "results")
                yield Diagnostic(
                    "F0716",
                    "this prompt should choose a result by its number, and does not show the numbers"
                    if numbers
                    else "this prompt should choose a result, and mentions no results",
                    arg.name.span,
                    note="the call costs money, and its answer is only a guess"
                    + (": the prompt mentions branches by name, and those have no numbers" if numbers else ""),
                    help="insert the results: `{{ results }}`",
                )
    elif rule.text == "fold":
        for name, note in _FORGETS.items():
            if not _reads(step, name):
                help = f"insert it: `{{{{ {name} }}}}`"
                yield Diagnostic("F0716", f"this fold never mentions `{name}`", rule.span, note=note, help=help)
    elif not _reads(step, "results"):
        yield Diagnostic(
            "F0716",
            "this prompt should combine the results, and mentions no results",
            rule.span,
            note="the flow pays for the calls of the block, and the reducer's call does not see their answers",
            help="insert the results: `{% for result in results %}- {{ result }}\\n{% endfor %}`"
            + (", or mention the branches by their names" if isinstance(node, s.Fanout) else ""),
        )


def _reads(block: Step, name: str, *, by_name: bool = True) -> bool:
    """Tell whether the asks of a reducer mention the results. With ``by_name``, a mention of a branch counts too."""
    for mention in block.mentions:
        symbol = mention.symbol
        if mention.part == "reduce" and symbol is not None and symbol.step is not None:
            if symbol.kind == "results" and symbol.step is block and symbol.name == name:
                return True
            if by_name and name == "results" and symbol.kind == "branch" and symbol.step.parent is block:
                return True
    return False


LINT = Lint("F0716", unread_results)
