"""The samples that votes send only for haste: beyond those that they need, and only into free places.

A vote with ``launch: latency`` sends at once the samples that could decide it if they agree. The others use places that
would be free. If a vote sent them into the queue of a full endpoint, they would keep back the samples that other votes
need, and the run would end later.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from flowrun.dsl import plan as p

from .pending import Outgoing
from .scopes import Context

Models = tuple[str, ...]


class InHaste(Protocol):
    """A running vote in haste. ``models`` are those that its samples ask."""

    models: Models

    def open_extra(self) -> bool:
        """Open one more sample than the vote needs. Return False if it has no more, or may not open them."""


class Haste:
    """The votes in haste, by the models that their samples ask. ``out`` are the calls under way."""

    def __init__(self, out: Outgoing) -> None:
        self.out = out
        self._votes: dict[Models, dict[InHaste, None]] = {}

    def known(self, models: Models) -> bool:
        """Tell whether the places of these models are known."""
        return bool(models) and all(self.out.places(model) is not None for model in models)

    def add(self, vote: InHaste) -> None:
        self._votes.setdefault(vote.models, {})[vote] = None

    def serve(self) -> bool:
        """Let a vote open one more sample, if there is a free place for it. Return False if there is none."""
        for models, votes in self._votes.items():
            while votes and all(self.out.free(model) for model in models):
                vote = next(iter(votes))
                # The votes take turns.
                del votes[vote]
                if vote.open_extra():
                    votes[vote] = None
                    return True
        return False


def models_of(steps: Iterable[p.Step], context: Context) -> Models:
    """Return the addresses of the models that the steps of a body ask. Empty if some are not known before the run."""
    found: dict[str, None] = {}
    for step in p.walk_steps(steps):
        if isinstance(step.node, p.FlowCall):
            return ()
        if not isinstance(step.node, p.Ask) or step.node.person:
            continue
        model = step.node.model
        if model is None:
            found[context.default_model.address] = None
        elif isinstance(model, p.Ref) and model.name in context.models:
            found[context.models[model.name].address] = None
        else:
            return ()
    return tuple(found)
