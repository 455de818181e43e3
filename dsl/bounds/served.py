"""What bounds have to know of the world: models, their tokens and their prices, and values that no answer decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .. import plan as p
from .expression_sizes import Json, Lookup, UnsettledError, Values
from .sizes import Count


@dataclass(frozen=True, slots=True)
class Rates:
    """Dollars for one token in and out: of a short prompt, and of the dearest."""

    least: tuple[float, float]
    most: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Served:
    """A model as its provider serves it.

    ``shares`` says that several samples may come for one prompt; ``bare`` that the form of an answer takes no tokens;
    ``longest`` is the greatest length of an answer where the flow sets none. ``rates`` are None where not known.
    Models of one ``endpoint`` share its ``places``: the requests that may be in flight where the flow does not say,
    None for any number.
    """

    address: str
    count: Count
    rates: Rates | None = None
    shares: bool = True
    bare: bool = False
    longest: int | None = None
    endpoint: str = ""
    places: int | None = None


class World(Values, Protocol):
    """``count`` is for values that go to no model in particular; ``served`` gets a model's address."""

    @property
    def count(self) -> Count: ...

    def served(self, address: str) -> Served: ...


class Blank:
    """A world of which nothing is known: no file is read, and every model counts and costs what it likes."""

    def count(self, text: str) -> int:
        return -(-len(text) // 4)

    def value(self, expr: p.Expr, lookup: Lookup) -> Json:
        raise UnsettledError

    def text(self, template: str, lookup: Lookup) -> str:
        raise UnsettledError

    def served(self, address: str) -> Served:
        return Served(address, self.count)
