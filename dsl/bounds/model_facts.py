"""The facts about models that bounds need, and the evaluation of values that depend on no answer."""

from __future__ import annotations

from typing import Protocol

from .. import plan as p
from ..plain_data import Json
from ..records import dataclass
from .bound import Bound
from .expression_sizes import Evaluator, Lookup, UnsettledError
from .type_bounds import Count


@dataclass(frozen=True, slots=True)
class Rates:
    """The dollars for an input token and an output token: ``least`` for a short prompt, ``most`` the highest price.

    ``kept`` is the price of an input token that the provider reads from its cache, None if it is that of any other. A
    prompt of ``kept_from`` tokens or more may be read from there. ``stored`` is the highest price of an input token of
    a call that may write to the cache. ``tiers`` has the rates of the service tiers with prices of their own, and of
    batches.
    """

    least: tuple[float, float]
    most: tuple[float, float]
    kept: float | None = None
    kept_from: float = 0
    stored: float = 0
    tiers: tuple[tuple[str, Rates], ...] = ()

    def least_read(self, prompt: Bound) -> float:
        """Return the least dollars for a prompt. A longer one may cost less, if the provider keeps only long ones."""
        full = prompt.least * self.least[0]
        if self.kept is None or (prompt.most is not None and prompt.most < self.kept_from):
            return full
        return min(full, max(prompt.least, self.kept_from) * self.kept)

    def tier(self, name: str) -> Rates:
        """Return the rates of a service tier. One without prices of its own costs as much as the ordinary one."""
        return dict(self.tiers).get(name, self)

    def __or__(self, other: Rates) -> Rates:
        """Return the rates of a call that may have either."""
        kept = [one.least[0] if one.kept is None else one.kept for one in (self, other)]
        return Rates(
            (min(self.least[0], other.least[0]), min(self.least[1], other.least[1])),
            (max(self.most[0], other.most[0]), max(self.most[1], other.most[1])),
            min(kept),
            min(self.kept_from, other.kept_from),
            max(self.stored, other.stored),
            self.tiers,
        )


@dataclass(frozen=True, slots=True)
class Served:
    """A model and the facts of its provider that matter to bounds.

    ``shares`` says that one prompt may give several samples. ``bare`` says that the schema or the choices of an answer
    take no tokens. ``longest`` is the greatest length of an answer in tokens, if the flow sets none. ``rates`` is None
    if the price is not known. Models of one ``endpoint`` share its ``places``: the number of requests that may be in
    flight. None means no limit. A flow may set another number. ``keeps`` is the fewest tokens of a head that the server
    keeps, to charge less for reading it again; None if it keeps none. ``batch`` says that the model is asked through
    its batch API, unless its options say otherwise. ``single``: a provider with one place keeps to that.
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
    single: bool = True


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
