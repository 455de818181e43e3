"""The facts about models that bounds need, and the evaluation of values that depend on no answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Protocol

from .. import plan as p
from ..plain_data import Json
from ..records import dataclass
from .expression_sizes import Evaluator, Lookup, UnsettledError
from .type_bounds import Count

CACHED_FROM = 1024
"""The length in tokens of the shortest prompt that a provider keeps in a cache."""


@dataclass(frozen=True, slots=True)
class Rates:
    """The dollars for an input token and an output token: ``least`` for a short prompt, ``most`` the highest price.

    ``kept`` is the price of an input token that the provider reads from its cache, None if it is that of any other.
    """

    least: tuple[float, float]
    most: tuple[float, float]
    kept: float | None = None

    def least_read(self, tokens: float) -> float:
        """Return the least dollars for a token of a prompt of this length."""
        return self.least[0] if self.kept is None or tokens < CACHED_FROM else min(self.kept, self.least[0])


@dataclass(frozen=True, slots=True)
class Served:
    """A model and the facts of its provider that matter to bounds.

    ``shares`` says that one prompt may give several samples. ``bare`` says that the schema or the choices of an answer
    take no tokens. ``longest`` is the greatest length of an answer in tokens, if the flow sets none. ``rates`` is None
    if the price is not known. Models of one ``endpoint`` share its ``places``: the number of requests that may be in
    flight. None means no limit. A flow may set another number. ``keeps`` is the fewest tokens of a head that the server
    keeps, to charge less for reading it again; None if it keeps none. ``batch`` says that the model is asked through
    its batch API, unless its options say otherwise. ``tiers`` has the rates of service tiers, by their names.
    """

    address: str
    count: Count
    rates: Rates | None = None
    shares: bool = True
    bare: bool = False
    longest: int | None = None
    endpoint: str = ""
    places: int | None = None
    keeps: int | None = None
    batch: bool = False
    tiers: Mapping[str, Rates] = field(default_factory=dict)


class World(Evaluator, Protocol):
    """The source of everything that bounds cannot see in the plan: models, token counts, and values.

    ``count`` counts the tokens of a text for no particular model. ``served`` finds a model by its address.
    """

    @property
    def count(self) -> Count: ...

    def served(self, address: str) -> Served: ...


class Blank:
    """A ``World`` for callers who know nothing: it reads no file, estimates tokens, and knows no price."""

    def count(self, text: str) -> int:
        return -(-len(text) // 4)

    def value(self, expr: p.Expr, lookup: Lookup) -> Json:
        raise UnsettledError

    def text(self, template: str, lookup: Lookup) -> str:
        raise UnsettledError

    def served(self, address: str) -> Served:
        return Served(address, self.count)
