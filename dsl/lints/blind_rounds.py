"""The steps of these rounds do not read `last`, the value of the round before. So each round asks the same questions
again, and a model has no reason to answer better. Show the next round what was wrong with the one before.

```flow bad
flow slogan(topic: text) {
  final = chain up to 4 {
    draft = ask "A slogan for {{ topic }}"
    verdict = ask "Is this short and clear? {{ draft }}" -> pass | fail
    { draft, verdict }
  } until verdict == pass
  return final.draft
}
```

```flow good
flow slogan(topic: text) {
  final = chain up to 4 {
    draft = ask "A slogan for {{ topic }} {% if last %}Shorter than: {{ last.draft }}{% endif %}"
    verdict = ask "Is this short and clear? {{ draft }}" -> pass | fail
    { draft, verdict }
  } until verdict == pass
  return final.draft
}
```
"""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program, Step
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint
from .parts import Costs, walk


def blind_rounds(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    costs = Costs(program, catalog)
    return [
        Diagnostic(
            "F0752",
            "no step of these rounds mentions `last`",
            node.most.span,
            note="so each round asks the same questions as the round before, and pays for them",
            help="show a step the round before: `{% if last %}{{ last… }}{% endif %}`",
        )
        for flow in program.flows
        for step in walk(flow)
        if isinstance(node := step.line.node, s.Rounds) and costs.pays(step) and not _mentions_last(step)
    ]


def _mentions_last(rounds: Step) -> bool:
    return any(
        mention.symbol is not None and mention.symbol.kind == "last" and mention.symbol.step is rounds
        for inner in rounds.steps
        for step in inner.walk()
        for mention in step.mentions
    )


LINT = Lint("F0752", blind_rounds)
