"""The conformance suite of splitters."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from flowrun.dsl import ParamSpec, types
from flowrun.runtime.splitters import Splitter
from flowrun.runtime.vocabulary.errors import FlowrunError

from .faults import Faults, is_plain, shown

_TEXTS = {
    "an empty text": "",
    "a blank text": " \n\t\r\n ",
    "a single word": "word",
    "a single letter": "é",
    "paragraphs": "# Head\n\nFirst one. Second one!\n\n## Next\n\nThird: 1,000 words? No.\n",
    "lines of Windows": "a\r\nb\r\n\r\nc\r\n",
    "a page break": "one\n\ftwo\n",
    "text without blanks": "你好。再见！" * 40,
    "a long word": "x" * 500,
    "a fence": "```\n# code\n\nmore\n```\n\nafter\n",
    "unusual characters": "a\u2028b\ufeff c\x0b😀\u0301",
}


def check_splitter(splitter: Splitter, args: Mapping[str, Any] | None = None) -> None:
    """Check that a splitter keeps its rules. ``args`` are its arguments; without them the suite chooses some that fit.

    A splitter returns the pieces in the order of the text. No piece is blank, and the pieces hold all of the text but
    blank space. The same text and arguments always give the same pieces. A splitter changes no argument. It raises
    UsageError for an argument that does not fit.

    Raises: NonconformityError.
    """
    faults = Faults(f"the splitter `{splitter.name}`")
    faults.unless(splitter.name.isidentifier(), f"its name is no word: {splitter.name!r}")
    faults.unless(bool(splitter.summary.strip()), "it has no summary")
    given = {param.name: _fitting(param) for param in splitter.params if param.required} if args is None else dict(args)
    for title, text in _TEXTS.items():
        _check(splitter, title, text, given, faults)
    for param in splitter.params:
        if types.is_number(param.type) and param.required:
            _refuses(splitter, {**given, param.name: "many"}, faults)
    faults.finish()


def _check(splitter: Splitter, title: str, text: str, args: dict[str, Any], faults: Faults) -> None:
    before = deepcopy(args)
    try:
        pieces = splitter.split(text, args)
        again = splitter.split(text, args)
    except Exception as error:  # noqa: BLE001 (whatever it raises is the finding)
        return faults.add(f"it fails for {title}: {type(error).__name__}: {error}")
    faults.unless(args == before, "it changes its arguments")
    if not faults.unless(
        isinstance(pieces, list) and all(isinstance(one, str) for one in pieces),
        f"it returns no list of texts: {shown(pieces)}",
    ):
        return None
    faults.unless(pieces == again, f"it gives other pieces the second time, for {title}")
    faults.unless(all(piece.strip() for piece in pieces), f"it gives a blank piece, for {title}")
    faults.unless(is_plain(pieces), f"its pieces are no plain data, for {title}")
    if solid("".join(pieces)) != solid(text):
        faults.add(f"its pieces are not the text, in order and without a loss, for {title}: {shown(pieces)}")
    return None


def _refuses(splitter: Splitter, args: dict[str, Any], faults: Faults) -> None:
    try:
        splitter.split("one two three", args)
    except FlowrunError:
        return None
    except Exception as error:  # noqa: BLE001 (whatever it raises is the finding)
        return faults.add(f"it refuses a wrong argument by {type(error).__name__} and not by a UsageError")
    faults.add(f"it takes {shown(args)}, where a number is wanted")
    return None


def _fitting(param: ParamSpec) -> Any:
    """Choose an argument that fits: a number of medium size, or a word."""
    if types.is_number(param.type):
        return int(min(max(param.low or 0, 25), param.high or 25))
    return "word"


def solid(text: str) -> str:
    """Return a text without its blank space."""
    return "".join(text.split())
