"""The traits of a provider: what the rest of flowrun needs to know of it before it is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Count = Callable[[str], int]
"""Counts the tokens of a text."""


@dataclass(frozen=True, slots=True)
class Traits:
    """The defaults are those of a hosted provider of which nothing is known.

    Attributes:
        local: its models run on this machine and cost nothing.
        bare: it holds an answer to its form itself, and no schema is told in the prompt.
        shares_prompt: one request can ask for several samples, or its server reads a prompt again for less.
        price_list: its name in the table of genai-prices; "" where that has no prices of it.
        price_variable: an environment variable that names a server of the user's own, whose prices nobody knows.
        most_written: the greatest length of an answer, in tokens, that it sends along where the flow sets none.
        concurrency: the requests that it takes at once to begin with; None where nobody knows.
        at_home: the same for a server on this machine that speaks as it does; None where that is no other number.
        tokens: counts by the vocabulary of a model, given its name; None where that is not known.
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
