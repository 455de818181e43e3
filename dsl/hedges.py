"""Hedged votes: votes whose ballots are asked with the option `hedge`."""

from __future__ import annotations

from . import syntax as s
from .checked import Checked
from .checking.program import Step


def hedges(step: Step, node: s.Repeat, checked: Checked) -> bool:
    """Return True if the ballots of a vote are asked with `hedge`."""
    spec = checked.catalog.reducers.get(node.reduce.rule.text)
    if spec is None or not spec.votes or node.reduce.ask is not None:
        return False
    models = {model.name.text: model for model in checked.file.models}
    for inner in step.steps:
        for one in inner.walk():
            ask = one.line.node
            if not isinstance(ask, s.Ask):
                continue
            model = models.get(ask.model.word.text) if isinstance(ask.model, s.Name) else None
            options = (*one.line.options, *(model.options if model is not None else ()))
            if any(option.name.text == "hedge" for option in options):
                return True
    return False
