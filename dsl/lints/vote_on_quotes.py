"""A vote counts equal answers, and two models hardly ever copy the same words. So each quote gets one vote, and the
first of them wins. Vote on a field with few words. The value of the vote is then the first answer with the winning
word, and its quote comes along.

```flow bad
flow refund(mail: text) {
  verdict = repeat 3 {
    ask "Does this mail ask for money back? {{ mail }}" -> { answer: yes | no, words: quote of mail }
  } reduce majority(by: "words")
  return verdict
}
```

```flow good
flow refund(mail: text) {
  verdict = repeat 3 {
    ask "Does this mail ask for money back? {{ mail }}" -> { answer: yes | no, words: quote of mail }
  } reduce majority(by: answer)
  return verdict
}
```
"""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog
from ..checking.bodies import word_of
from ..checking.program import Program, Step
from ..checking.reducer_arguments import named
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint
from .parts import rule_of, votes


def vote_on_quotes(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    for step, node in votes(program, catalog):
        rule = rule_of(node, catalog)
        by = dict(named(rule.params, node.reduce.args)).get("by") if rule is not None else None
        ballots = step.steps if isinstance(node, s.Fanout) else step.steps[-1:]
        field = word_of(by)
        if by is not None and any(_is_quote(ballot, field, typed) for ballot in ballots):
            found.append(
                Diagnostic(
                    "F0535",
                    f"this vote counts the quotes in `{field}`, and two quotes are almost never equal",
                    by.span,
                    note="each answer then has a single vote, and only the first answer is used",
                    help="vote on a field with few words; the quote of the first answer that wins comes along",
                )
            )
    return found


def _is_quote(ballot: Step, field: str, typed: Typed) -> bool:
    node = ballot.line.node
    answer = typed.nodes.answers.get(node.number) if isinstance(node, s.Ask) else None
    known = t.unwrapped(answer) if answer is not None else None
    found = known.field(field) if isinstance(known, t.Record) else None
    return found is not None and bool(t.quotes_of(found.type))


LINT = Lint("F0535", vote_on_quotes)
