"""The traits of a provider: facts that the rest of flowrun needs before the provider is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from flowrun.dsl import dataclass

if TYPE_CHECKING:
    from .protocol import Provider, Surroundings

Count = Callable[[str], int]
"""A function that counts the tokens of a text."""


@dataclass(frozen=True, slots=True)
class Traits:
    """The traits of one provider. The defaults are those of an unknown hosted provider.

    Attributes:
        local: the provider's models run on this machine and cost nothing.
        bare: the provider itself enforces the form of an answer, so the prompt names no schema.
        shares_prompt: one request can ask for several samples, or the server charges less for a repeated prompt.
        price_list: the provider's name in the table of genai-prices; "" if the table has no prices for it.
        price_variable: an environment variable that names a server of the user's own, whose prices are unknown.
        most_written: the most tokens of an answer that a request asks for if the flow sets no number.
        concurrency: the requests in flight at first, if the flow sets no number; None if the number is unknown. It
            grows as far as the server takes more; 1 is a ceiling, too.
        api: the API of ``option_names`` whose words it has for further options; "any" if it takes them as they are, and
            "" if it takes none.
        least_kept: returns the fewest tokens of a prompt's head that the server keeps, to charge less for reading it
            again, given the model's name; None if it keeps none.
        tokens: returns a counter by a model's own vocabulary, given the model's name; None if it is not known.
    """

    local: bool = False
    bare: bool = False
    shares_prompt: bool = True
    price_list: str = ""
    price_variable: str = ""
    most_written: int | None = None
    concurrency: int | None = None
    api: str = ""
    lacks: frozenset[str] = frozenset()
    tokens: Callable[[str], Count | None] = lambda name: None
    least_kept: Callable[[str], int | None] = lambda name: None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSpec:
    """The declaration of a provider. A module of this folder binds it as ``PROVIDER``.

    Attributes:
        name: the word before the colon in the full name of a model; also the name of the module.
        title: the service in a few words, for `flowrun models`.
        example: the full name of a model.
        open: returns the provider of one model, given the name behind the colon. It sends and loads nothing yet.
        traits: the facts that are needed before a model is opened.
        nameless: the provider's name alone also stands for a model.
        variables: the environment variables that it reads.
        base_variable: the variable with the base URL of its server; "" if it has none.
    """

    name: str
    title: str
    example: str
    open: Callable[[str, Surroundings], Provider]
    traits: Traits = Traits()
    nameless: bool = False
    variables: tuple[str, ...] = ()
    base_variable: str = ""

    def address(self, environ: Mapping[str, str]) -> str:
        """Return the base URL of its server. "" if it has none."""
        return environ.get(self.base_variable, "").strip()

    def traits_for(self, name: str) -> Traits:
        """Return the traits of one of its models, which may differ if several makers' models are served."""
        return self.traits

    def places(self, environ: Mapping[str, str]) -> int | None:
        """Return how many requests may be in flight when a run begins, if the flow sets no number."""
        return self.traits.concurrency

    def single(self, environ: Mapping[str, str]) -> bool:
        """Tell whether one place, if ``places`` returns 1, is also the most that a run takes."""
        return True
