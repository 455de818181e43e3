"""The receipt of a paid request: the facts about it besides its answers and its tokens."""

from __future__ import annotations

from flowrun.dsl import dataclass

LONGEST_NAME = 128
"""The most characters of a model's name or a request's id that are kept."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The facts that a server tells about a request that it took, and its cost.

    ``served`` is the model that the server says it used, and ``id`` the server's name for the request. Both are "" if
    the server names none. ``cost`` is in dollars, as the run reckoned it when the answer came. It is None if the price
    is not known, and in the reply of a provider.
    """

    served: str = ""
    id: str = ""
    cost: float | None = None


NO_RECEIPT = Receipt()


def readable_name(text: str, most: int = LONGEST_NAME) -> str:
    """Return the first ``most`` characters of a foreign name, without those that control a display."""
    text = text[:most]
    return text if text.isprintable() else "".join(filter(str.isprintable, text))
