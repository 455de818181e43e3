"""The names of a stub: free ones, in the style of its language."""

from __future__ import annotations

from collections.abc import Iterable

from ..patterns import pattern

_PARTS = pattern(r"[A-Za-z0-9]+")


class Names:
    """The names that are taken in a module. A name that is taken gets a sign behind it, or a number."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def free(self, wanted: str, sign: str = "_") -> str:
        """Take a name that is like the wanted one."""
        name, number = wanted, 2
        if name in self._taken and sign:
            name = wanted + sign
        while name in self._taken:
            name, number = f"{wanted}{number}", number + 1
        self._taken.add(name)
        return name


def type_name(*words: str) -> str:
    """Return the words as the name of a type: ``mail_box`` becomes ``MailBox``."""
    parts = [part for word in words for part in _PARTS.findall(word)]
    name = "".join(part[0].upper() + part[1:] for part in parts)
    return name if name and not name[0].isdigit() else f"T{name}"
