"""The words that tell of the stage before, in the condition of a stage of a cascade."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..syntax.stage_words import LAST
from .context import Context, clause_of
from .proposals import NEAR, Proposals
from .scopes import stage_at
from .values import Completion
from .view import View
from .words import OF_STAGES


def stage_words(view: View, at: int, context: Context, proposals: Proposals) -> Iterator[Completion]:
    """Yield the words that fit the stage before, if the place is in the condition of a stage."""
    stage = stage_at(view, at) if clause_of(context) == "WHEN" else None
    last = None if stage is None else stage.scope.symbols.get(LAST)
    if last is None or last.step is None:
        return
    node = last.step.line.node
    words: tuple[str, ...] = ("sure",) if isinstance(node, s.Ask) else ()
    if isinstance(node, s.Map | s.Repeat | s.Fanout):
        rule = view.catalog.reducers.get(node.reduce.rule.text)
        words = ("agreement", "margin") if rule is not None and rule.votes else ()
    for word in words:
        yield proposals.one(word, "value", "", OF_STAGES[word], rank=NEAR)
