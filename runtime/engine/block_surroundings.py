"""The facts about a block that all its bodies share, such as its path and its budgets."""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import dataclass

from ..costs.budget import Ledger
from ..vocabulary.usage import Usage


class TokenCount(dict[str, tuple[int, int] | None]):
    """The number of input and output tokens of a vote's answers, by the address of the model.

    The value is None if the server gave no counts for one of the answers. ``calls`` counts the answers.
    """

    calls = 0

    def add(self, model: str, usage: Usage) -> None:
        self.calls += 1
        before = self.get(model, (0, 0))
        read, written = usage.input_tokens, usage.output_tokens
        known = before is not None and read is not None and written is not None
        self[model] = (before[0] + read, before[1] + written) if known else None  # type: ignore[index,operator]

    def join(self, tokens: Mapping[str, tuple[int, int] | None], calls: int) -> None:
        """Add the tokens of calls that were counted elsewhere."""
        self.calls += calls
        for model, more in tokens.items():
            before = self.get(model, (0, 0))
            known = None if before is None or more is None else (before[0] + more[0], before[1] + more[1])
            self[model] = known


@dataclass(frozen=True, slots=True)
class Around:
    """The facts about a block that all its bodies share. They are worked out once.

    ``path`` is the path of the block, ``serial`` its number, and ``lane`` the number of the outermost block. ``ballot``
    is True if the answers in the bodies are ballots of a vote. ``sampled`` is True if the bodies are inside a repeat
    or inside rounds.
    ``votes`` are the token counts of the votes and searches around the bodies, ``ledgers`` the budgets of the called
    flows around them. Both begin with the innermost.
    """

    path: str
    serial: int
    lane: int
    ballot: bool
    sampled: bool
    votes: tuple[TokenCount, ...]
    ledgers: tuple[Ledger, ...]
