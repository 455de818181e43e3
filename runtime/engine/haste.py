"""The samples that votes send only for haste: beyond those that they need, and only into free places.

A vote with ``launch: latency`` sends at once the samples that could decide it if they agree. The others use places that
would be free. If a vote sent them into the queue of a full endpoint, they would keep back the samples that other votes
need, and the run would end later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from flowrun.dsl import plan as p

from ..values.model_values import ModelValue
from ..vocabulary.errors import FlowrunError
from ..vocabulary.json_value import Json
from .pending import Outgoing
from .scopes import Scope

Models = tuple[str, ...]


class InHaste(Protocol):
    """A running vote in haste. ``asks`` are the models that its next sample asks."""

    @property
    def asks(self) -> Models: ...

    def open_extra(self) -> bool:
        """Open one more sample than the vote needs. Return False if it has no more, or may not open them."""


class Haste:
    """The votes in haste, by the models that their next samples ask. ``out`` are the calls under way."""

    def __init__(self, out: Outgoing) -> None:
        self.out = out
        self._votes: dict[Models, dict[InHaste, None]] = {}

    def known(self, models: Models) -> bool:
        """Tell whether the places of these models are known."""
        return bool(models) and all(self.out.places(model) is not None for model in models)

    def add(self, vote: InHaste) -> None:
        self._votes.setdefault(vote.asks, {})[vote] = None

    def serve(self) -> bool:
        """Let a vote open one more sample, if there is a free place for it. Return False if there is none."""
        for models, votes in self._votes.items():
            while votes and all(self.out.free(model) for model in models):
                vote = next(iter(votes))
                # The votes take turns.
                del votes[vote]
                # A panel that has opened samples meanwhile may ask others. It stands with those, too.
                if vote.asks == models and vote.open_extra():
                    self.add(vote)
                    return True
        return False


def models_of(steps: Iterable[p.Step], scope: Scope) -> Models:
    """Return the addresses of the models that the steps of a body ask. Empty if some are not known before the body."""
    found: dict[str, None] = {}
    for step in p.walk_steps(steps):
        if isinstance(step.node, p.FlowCall):
            return ()
        if not isinstance(step.node, p.Ask) or step.node.person:
            continue
        model = step.node.model
        if model is None:
            found[scope.context.default_model.address] = None
        elif isinstance(model, p.Ref) and isinstance(known := _known(model.name, scope), ModelValue):
            found[known.address] = None
        else:
            return ()
    return tuple(found)


def _known(name: str, scope: Scope) -> Json:
    try:
        return scope.value(name)
    except FlowrunError:
        return None  # a name of the body itself


def models_of_items(steps: Sequence[p.Step], element: str, items: Iterable[Json], scope: Scope) -> list[Models]:
    """Return the models that a panel asks with each of its items. Empty if some are not known."""
    found: dict[str, Models] = {}
    each = []
    for item in items:
        key = item.address if isinstance(item, ModelValue) else ""
        if key not in found:
            found[key] = models_of(steps, scope.among({element: item}))
        each.append(found[key])
    return each if all(each) else []
