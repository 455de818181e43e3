"""Regular expressions that are compiled at their first use.

To compile one takes 0.1 to 1 ms, and most commands use few of those in the modules that they load.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class _Pattern:
    """Stands for a compiled pattern, which it makes when one of its attributes is first asked for."""

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._text, self._flags = text, flags

    def __getattr__(self, name: str) -> Any:
        # As attributes of its own, the methods cost no more than those of a compiled pattern.
        compiled = re.compile(self._text, self._flags)
        self.__dict__.update((one, getattr(compiled, one)) for one in _ATTRIBUTES)
        return getattr(compiled, name)


_ATTRIBUTES = (
    *("match", "fullmatch", "search", "split", "findall", "finditer", "sub", "subn"),
    *("pattern", "flags", "groups", "groupindex"),
)


def pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return what `re.compile` returns, but compile the pattern at its first use. A wrong pattern fails only then."""
    return cast("re.Pattern[AnyStr]", _Pattern(text, flags))
