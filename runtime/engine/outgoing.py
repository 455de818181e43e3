"""The calls that the engine has sent and that have no answer yet."""

from __future__ import annotations

from collections.abc import Callable


class Outgoing:
    """The numbers of the calls under way, and how many of them each model has.

    ``places`` returns the requests that the endpoint of a model takes at once; None if that is not known.
    """

    __slots__ = ("_counts", "_models", "places")

    def __init__(self) -> None:
        self._models: dict[int, str] = {}
        self._counts: dict[str, int] = {}
        self.places: Callable[[str], int | None] = _unknown

    def __len__(self) -> int:
        return len(self._models)

    def __contains__(self, number: int) -> bool:
        return number in self._models

    def add(self, number: int, model: str) -> None:
        self._models[number] = model
        self._counts[model] = self._counts.get(model, 0) + 1

    def discard(self, number: int) -> None:
        model = self._models.pop(number, None)
        if model is not None:
            self._counts[model] -= 1

    def free(self, model: str) -> int | None:
        """Return the places of a model's endpoint that no call of this run takes. None if that is not known."""
        places = self.places(model)
        return None if places is None else max(0, places - self._counts.get(model, 0))


def _unknown(model: str) -> int | None:
    return None
