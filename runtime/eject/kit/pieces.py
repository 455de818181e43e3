"""The pieces of a text, by the rules that flows name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flowrun.runtime.splitters.chars import _Characters
from flowrun.runtime.splitters.heading import _sections
from flowrun.runtime.splitters.page import _pages
from flowrun.runtime.splitters.paragraph import _paragraphs
from flowrun.runtime.splitters.protocol import lines, overlap_of, pieces, size_of
from flowrun.runtime.splitters.sentence import _sentences
from flowrun.runtime.splitters.windows import windows

from .failures import Failure

Args = Mapping[str, Any]


def split_text(split: Callable[[str, Args], list[str]], text: Any, overlap: int | None, **rule: Any) -> list[str]:
    """Split a text by a rule, with its arguments."""
    if not isinstance(text, str):
        raise Failure("`split` takes a text")
    return split(text, {**rule, "overlap": overlap})


def by_line(text: str, args: Args) -> list[str]:
    return pieces(text, lines(text), overlap_of(args))


def by_paragraph(text: str, args: Args) -> list[str]:
    return pieces(text, _paragraphs(text), overlap_of(args))


def by_sentence(text: str, args: Args) -> list[str]:
    return pieces(text, _sentences(text), overlap_of(args))


def by_page(text: str, args: Args) -> list[str]:
    return pieces(text, _pages(text), overlap_of(args))


def by_chars(text: str, args: Args) -> list[str]:
    most, overlap = size_of(args, "characters")
    return [text[start:end] for start, end in windows(text, most, overlap, _Characters())]


def by_heading(text: str, args: Args) -> list[str]:
    """Split at the headings of Markdown. It needs the package markdown-it-py."""
    return pieces(text, _sections(text, args.get("level")), overlap_of(args))
