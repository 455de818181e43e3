"""Names of files made of texts that a model or a stranger may have written. Each is one safe name in its folder."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from ..vocabulary.json_value import Json
from ..vocabulary.quoting import json_text

MOST_BYTES = 150
"""The most bytes of a name before its ending. File systems take 255 for the whole name."""
_DEVICES = frozenset(
    [
        *"CON PRN AUX NUL CONIN$ CONOUT$ CLOCK$".split(),
        *(f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"),
    ]
)
"""Names that are devices on Windows, with any ending (Microsoft, Naming Files, Paths, and Namespaces)."""
_REPLACED = frozenset('/\\:*?"<>|')
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def safe_name(text: str) -> str:
    """Return a name like ``text`` that is no path, no hidden file, no option and no device. "" if nothing is left.

    Separators, control characters and characters without a shape become ``_``. The name is in Unicode's form NFC.
    """
    signs = (_safe_sign(sign) for sign in unicodedata.normalize("NFC", text[: 4 * MOST_BYTES]))
    name = _cut("".join(signs).strip(" ").lstrip(". ")).rstrip(". ")
    if name.startswith(("-", "~")):
        name = f"_{name[1:]}"
    return f"_{name}" if name.partition(".")[0].rstrip().upper() in _DEVICES else name


class Names:
    """The names of the elements of a list, each used once. An element is named by a text, or else by its number.

    Names that differ only in case or in Unicode's form count as one, because some file systems take them for one.
    A name that is used already gets a number, as in ``note-2``.
    """

    def __init__(self, suffix: str, reserved: Iterable[str] = ()) -> None:
        self.suffix = suffix
        self._used = {_folded(name) for name in reserved}
        self._tried: dict[str, int] = {}
        self._count = 0

    def next(self, value: Json) -> str:
        """Return the name of the next element's file. ``value`` is the text, number or bool in it; None for none."""
        self._count += 1
        text = value if isinstance(value, str) else "" if value is None else json_text(value)
        stem = safe_name(text) or f"{self._count:04}"
        key = _folded(stem)
        number = self._tried.get(key, 0)
        while True:
            number += 1
            name = f"{stem}{f'-{number}' if number > 1 else ''}{self.suffix}"
            if _folded(name) not in self._used:
                break
        self._tried[key] = number
        self._used.add(_folded(name))
        return name


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _safe_sign(sign: str) -> str:
    if sign in _REPLACED:
        return "_"
    kind = unicodedata.category(sign)
    return "_" if kind in _INVISIBLE else " " if kind == "Zs" else sign


def _cut(name: str) -> str:
    return name.encode()[:MOST_BYTES].decode(errors="ignore")
