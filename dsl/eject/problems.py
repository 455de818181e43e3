"""The reasons why a flow cannot be ejected."""

from __future__ import annotations


class EjectError(Exception):
    """A part of a flow has no plain form. ``line`` is its line in the file, 0 if that is not known.

    ``flow`` is the key of the called flow that has the part, "" for the flow itself.
    """

    def __init__(self, what: str, help: str = "", line: int = 0, flow: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.help = help
        self.line = line
        self.flow = flow
