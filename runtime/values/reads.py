"""The functions whose values need time or a file: they read files, or they cut a long text.

An expression cannot make such a value itself. The dispatcher makes it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..vocabulary.json_value import Json
from .functions import FUNCTIONS

LONG = 8 * 1024
"""The most characters of a text that ``split`` cuts in place. The slowest rule takes about a microsecond for each."""


class ReadNeeded(Exception):
    """An expression needs the value of this call before it can be evaluated.

    It is not a FlowrunError, because nothing has failed. The expression is evaluated again when the value is there.
    """

    def __init__(self, function: str, args: Mapping[str, Json]) -> None:
        super().__init__(function)
        self.function = function
        self.given = args


def is_read(function: str, args: Mapping[str, Json]) -> bool:
    """Tell whether a call is a read. A read takes time or needs a file, and is done outside of the event loop."""
    known = FUNCTIONS.get(function)
    if known is None or not known.spec.reads:
        if function == "pages":
            return True
        document = args.get("document")
        return function == "split" and isinstance(document, str) and len(document) > LONG
    return True
