"""The traits of a provider: the facts that the rest of flowrun needs before the provider is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Count = Callable[[str], int]
"""A function that counts the tokens of a text."""


@dataclass(frozen=True, slots=True)
class Traits:
    """The traits of one provider. The defaults are those of a hosted provider that nobody knows.

    Attributes:
        local: the provider's models run on this machine and cost nothing.
        bare: the provider itself enforces the form of an answer, so the prompt names no schema.
        shares_prompt: one request can ask for several samples, or the server charges less for a repeated prompt.
        price_list: the provider's name in the table of genai-prices; "" where the table has no prices for it.
        price_variable: an environment variable that names a server of the user's own, whose prices nobody knows.
        most_written: the most tokens of an answer that a request names where the flow sets no number.
        concurrency: the requests in flight at once when a run begins; None where nobody knows.
        at_home: the same for a server of this kind on this machine; None where the number is the same.
        tokens: returns a counter by a model's own vocabulary, given the model's name; None where it is not known.
    """

    local: bool = False
    bare: bool = False
    shares_prompt: bool = True
    price_list: str = ""
    price_variable: str = ""
    most_written: int | None = None
    concurrency: int | None = None
    at_home: int | None = None
    tokens: Callable[[str], Count | None] = lambda name: None
