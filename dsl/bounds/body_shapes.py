"""The bounds of a map's bodies that differ only in the words of their prompts.

A list may have many thousand elements. The bounds of a body that only asks and calculates depend on the tokens of its
prompts, and most elements share these numbers with others.
"""

from __future__ import annotations

from dataclasses import replace

from .. import plan as p
from .ask_bounds import prompts_of
from .expression_sizes import SizeScope
from .sizes import Known
from .survey import BodyBounds, Survey


class BodyShapes:
    """The bodies of a map that were worked out, by the tokens of their prompts."""

    def __init__(self, survey: Survey, node: p.Map) -> None:
        self._survey = survey
        self._block = node.body
        self._steps = {step.name: step for step in node.body.steps}
        inside = {*node.names, *self._steps}
        self._plain = all(_is_plain(step, inside) for step in node.body.steps)
        self._first: BodyBounds | None = None
        self._found: dict[tuple[object, ...], BodyBounds] = {}

    def body(self, scope: SizeScope, *, vote: bool, sharing: bool) -> BodyBounds:
        """Work out a body as ``Survey.body`` does. ``scope`` has the element."""
        found = self._found.get(self._key(scope, self._first)) if self._first is not None else None
        if found is not None:
            self._survey.effort.spent += len(self._steps)
            return replace(found, value=self._survey.size(p.Ref(self._block.result), scope))
        made = self._survey.body(self._block, scope, vote=vote, sharing=sharing)
        if self._plain:
            self._first = self._first or made
            self._found[self._key(scope, self._first)] = made
        return made

    def _key(self, scope: SizeScope, first: BodyBounds) -> tuple[object, ...]:
        """Return everything that the bounds of a body depend on. The values of its steps are put into ``scope``."""
        survey = self._survey
        key: list[object] = []
        for name, done in first.steps.items():
            step = self._steps[name]
            if isinstance(step.node, p.Ask):
                key += prompts_of(step.node, survey.models, scope, survey.world)
                # The size of an answer depends on its type and on constants.
                scope.sizes[name] = done.value
            else:
                assert isinstance(step.node, p.Value)
                size = scope.sizes[name] = survey.typed(step.node.expr, step, scope)
                key.append(isinstance(size, Known))
        return tuple(key)


def _is_plain(step: p.Step, inside: set[str]) -> bool:
    """Tell whether a step is a value, or an ask whose model and options are the same for all elements."""
    if step.when is not None or not all(isinstance(option, p.Constant) for option in step.options.values()):
        return False
    node = step.node
    if isinstance(node, p.Ask):
        model = node.model
        return model is None or isinstance(model, p.Constant) or (isinstance(model, p.Ref) and model.name not in inside)
    return isinstance(node, p.Value)
