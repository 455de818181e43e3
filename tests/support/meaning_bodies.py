"""The ends of the bodies of a block."""

from __future__ import annotations

from dataclasses import dataclass, field

from .meaning_values import Got
from .meaning_votes import Lost
from .oracle import Key


@dataclass
class Bodies:
    """The ends of the bodies of a block, in order: a value with its calls, or a loss.

    ``names`` are the branches of a fan-out.
    """

    ends: list[Got | Lost]
    names: tuple[str, ...] = ()
    counted: bool = True
    items: list[Got] = field(default_factory=list)

    @property
    def lost(self) -> list[Lost]:
        return [one for one in self.ends if isinstance(one, Lost)]

    @property
    def calls(self) -> frozenset[Key]:
        return frozenset[Key]().union(*(one.calls for one in self.items))
