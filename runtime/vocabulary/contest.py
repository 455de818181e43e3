"""The account of a search or a tournament, beside its tally."""

from __future__ import annotations

from typing import Literal

from flowrun.dsl import dataclass

from .plurals import plural

Method = Literal["first", "enough", "knockout", "pairs"]


@dataclass(frozen=True, slots=True)
class Contest:
    """The account of a search (``first``, ``enough``) or of a tournament (``knockout``, ``pairs``).

    ``place`` is the place of the winner, from 0; None without a winner. ``tried`` results of at most ``of`` were looked
    at. A tournament has ``matches``. In ``agreed`` matches the judge named the same candidate in both orders. ``won``
    are the matches of the winner that it won, of its ``played`` ones, and ``margin`` is its lead in wins.
    """

    method: Method
    place: int | None
    tried: int
    of: int
    matches: int = 0
    agreed: int = 0
    won: float = 0
    played: int = 0
    margin: float = 0
    unit: str = "sample"

    @property
    def text(self) -> str:
        """The account in words."""
        if self.method in ("first", "enough"):
            return self._searched()
        named = "" if self.place is None else f"{self.unit} {self.place + 1} of {self.of} won "
        matches = "match" if self.played == 1 else "matches"
        told = f"{named}{self.won:g} of {self.played} {matches}, {self.agreed} of {self.matches} alike in both orders"
        return told if self.method == "knockout" else f"{told}, margin {self.margin:g}"

    def _searched(self) -> str:
        if self.place is None:
            word = "passed" if self.method == "first" else "was enough"
            return f"none of {self.tried} {plural(self.unit)} {word}"
        word = "passed at" if self.method == "first" else "enough at"
        return f"{word} {self.unit} {self.place + 1} of {self.of}"

    def as_json(self) -> dict[str, object]:
        """Return the account as plain data."""
        found: dict[str, object] = {"method": self.method, "of": self.of, "tried": self.tried}
        found["at"] = None if self.place is None else self.place + 1
        if self.matches:
            found |= {"matches": self.matches, "agreed": self.agreed, "won": self.won, "played": self.played}
        if self.method == "pairs":
            found["margin"] = self.margin
        return found
