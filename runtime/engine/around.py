"""The surroundings of a block's bodies."""

from __future__ import annotations

from dataclasses import dataclass

from ..costs.budget import Ledger
from ..vocabulary.usage import Usage


class TokenCount(dict[str, tuple[int, int] | None]):
    """The tokens in and out of a vote's answers by the address of the model, None if a server gave no counts."""

    def add(self, model: str, usage: Usage) -> None:
        before = self.get(model, (0, 0))
        read, written = usage.input_tokens, usage.output_tokens
        known = before is not None and read is not None and written is not None
        self[model] = (before[0] + read, before[1] + written) if known else None  # type: ignore[index,operator]


@dataclass(frozen=True, slots=True)
class Around:
    """The surroundings of a block's bodies, worked out once for all of them.

    ``path`` is the path of the block, ``serial`` its number, and ``lane`` the number of the outermost block.
    ``ballot``: the answers of the bodies are ballots of a vote. ``sampled``: the bodies are in a repeat. ``votes``
    count the tokens of ballots, and ``ledgers`` are the budgets of called flows, both from the inside out.
    """

    path: str
    serial: int
    lane: int
    ballot: bool
    sampled: bool
    votes: tuple[TokenCount, ...]
    ledgers: tuple[Ledger, ...]
