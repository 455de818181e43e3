"""What a plan has that no flow could be written for."""

from __future__ import annotations


class UnfitError(ValueError):
    """A part of a plan stands where the language has no place for it. ``place`` is the name of what it is a part of."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place
