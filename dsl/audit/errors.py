"""The error for parts of a plan that no flow could have."""

from __future__ import annotations


class UnfitError(ValueError):
    """The error for a part of a plan that the language does not allow in its place.

    ``place`` is the name of the step that holds the part, or of another named part of the plan.
    """

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place
