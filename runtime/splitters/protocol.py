"""The protocol of a splitter. It finds the stretches of a text that become the pieces.

A stretch is a (start, end) pair.

All splitters treat the stretches in the same way, so that nothing is lost but blank space at their edges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from flowrun.dsl import ParamSpec, dataclass, pattern

from ..vocabulary.errors import FlowrunError, UsageError, mistake_in

Stretch = tuple[int, int]
_LINE = pattern(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_INK = pattern(r"\S")


@dataclass(frozen=True, slots=True)
class Splitter:
    """A rule of the function ``split``.

    Its own function ``split`` gets the rule's arguments, and among them ``overlap`` if the flow sets one.
    """

    name: str
    params: tuple[ParamSpec, ...]
    split: Callable[[str, Mapping[str, Any]], list[str]]
    summary: str


def guarded(splitter: Splitter, who: str) -> Splitter:
    """Return a safe version of a splitter of another package. Its faults become UsageErrors that name the package."""

    if not (callable(splitter.split) and all(isinstance(param, ParamSpec) for param in splitter.params)):
        raise TypeError("its `split` must be a function, and its params a tuple of ParamSpec")

    def split(text: str, args: Mapping[str, Any]) -> list[str]:
        try:
            pieces = splitter.split(text, args)
        except FlowrunError:
            raise
        except Exception as mistake:  # noqa: BLE001 (the splitter is somebody else's)
            raise UsageError(f"{who} failed: {mistake_in(mistake)}") from None
        if isinstance(pieces, list) and all(isinstance(piece, str) for piece in pieces):
            return pieces
        raise UsageError(f"{who} returned no list of texts, but {pieces!r:.80}")

    return replace(splitter, split=split)


def lines(text: str) -> Iterator[Stretch]:
    """Yield each line with its end, which is ``\\n``, ``\\r`` or both, as in Markdown."""
    for found in _LINE.finditer(text):
        if found.end() > found.start():
            yield found.span()


def line_end(text: str, start: int) -> int:
    """Return the offset at which the line that begins at ``start`` ends. The line includes its line end."""
    found = _LINE.match(text, start)
    return found.end() if found else len(text)


def pieces(text: str, stretches: Iterable[Stretch], overlap: int) -> list[str]:
    """Return the texts of the stretches. With an overlap, each piece repeats the last words of the piece before it."""
    out = []
    before: Stretch | None = None
    for start, end in stretches:
        kept = trimmed(text, start, end)
        if kept is None:
            continue
        out.append(text[overlapped(text, before, overlap, kept[0]) if before else kept[0] : kept[1]])
        before = kept
    return out


def trimmed(text: str, start: int, end: int) -> Stretch | None:
    """Trim a stretch: drop the blank lines before it and the blank space behind it. None if all of it is blank.

    The first line keeps its indentation.
    """
    while end > start and text[end - 1].isspace():
        end -= 1
    ink = _INK.search(text, start, end)
    if ink is None:
        return None
    first = ink.start()
    return max(start, text.rfind("\n", start, first) + 1, text.rfind("\r", start, first) + 1), end


def overlapped(text: str, before: Stretch, overlap: int, fallback: int) -> int:
    """Return the start of a piece that repeats the end of the piece before it.

    The repeated part has whole words and at most ``overlap`` characters.
    """
    start, end = before
    place = max(start, end - overlap)
    while place < end and not is_border(text, place):
        place += 1
    return place if place < end else fallback


def is_border(text: str, place: int) -> bool:
    """Tell whether a word begins at this offset. In scripts without spaces between words, a clause must begin there."""
    return not text[place].isspace() and (place == 0 or text[place - 1].isspace() or text[place - 1] in "。！？、，；")


def number(args: Mapping[str, Any], name: str, least: int, default: int | None = None, unit: str = "characters") -> int:
    value = args.get(name, default)
    if value is None and default is not None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(f"`{name}` must be a whole number of {unit}, at least {least}, and here it is {value!r:.40}")
    return value


def overlap_of(args: Mapping[str, Any], unit: str = "characters") -> int:
    return number(args, "overlap", 0, 0, unit)


def size_of(args: Mapping[str, Any], unit: str) -> tuple[int, int]:
    """Return the greatest size of a piece and of its overlap.

    Raises UsageError if the overlap is not smaller than the piece.
    """
    most = number(args, "n", 1, unit=unit)
    overlap = overlap_of(args, unit)
    if overlap >= most:
        raise UsageError(f"the overlap of {overlap} {unit} must be less than the {most} {unit} of a piece")
    return most, overlap
