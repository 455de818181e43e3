"""The parsing of any HTML in one pass, and the joining of blocks of text.

The standard library's parser needs time that grows with the square of a hostile page: half a minute for 200 KB of
`<!--` in Python 3.11. This parser yields tags and texts, and reads attributes only on request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from io import StringIO
from typing import Literal, NamedTuple

from ..vocabulary.errors import InputError

MOST_CHARACTERS = 64 * 1024 * 1024
"""The most characters that a reader may make of a document."""
_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)")
_STOP = re.compile(r"[>\"']")
_ATTRIBUTE = re.compile(r"([^\s=/>\"']+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+)))?")
_MOST_ATTRIBUTES = 16 * 1024
# Elements whose content is no markup, up to their end tag.
_RAW = frozenset({"script", "style", "title", "textarea", "noscript", "xmp", "iframe"})


class HtmlToken(NamedTuple):
    """A tag or a text. ``value`` is the text, or the tag's name in lower case. ``inside`` is the rest of the tag."""

    kind: Literal["text", "open", "close"]
    value: str
    inside: str = ""

    @property
    def attributes(self) -> dict[str, str]:
        return attributes_of(self.inside)


def attributes_of(inside: str) -> dict[str, str]:
    """Return the attributes of a tag by their names in lower case. If a name occurs twice, the first counts."""
    found: dict[str, str] = {}
    for one in _ATTRIBUTE.finditer(inside[:_MOST_ATTRIBUTES]) if inside else ():
        found.setdefault(one[1].lower(), _plain(one[2] or one[3] or one[4] or ""))
    return found


def parts(html: str) -> Iterator[HtmlToken]:
    at = 0
    while at < len(html):
        begin = html.find("<", at)
        if begin == -1:
            yield HtmlToken("text", _plain(html[at:]))
            return
        if begin > at:
            yield HtmlToken("text", _plain(html[at:begin]))
        tag = _TAG.match(html, begin)
        if tag:
            at = _after_tag(html, tag.end())
            name = tag[2].lower()
            yield HtmlToken("close" if tag[1] else "open", name, html[tag.end() : at].removesuffix(">"))
            if name in _RAW and not tag[1]:
                end = _raw_end(html, name, at)
                yield HtmlToken("text", _plain(html[at:end]) if name in ("title", "textarea") else html[at:end])
                at = end
        elif html.startswith("<!--", begin):
            at = _behind(html, "-->", begin + 2)
        elif html.startswith("<![CDATA[", begin):
            at = _behind(html, "]]>", begin)
            yield HtmlToken("text", html[begin + 9 : at].removesuffix("]]>"))
        elif html.startswith(("<!", "<?", "</"), begin):
            at = _behind(html, ">", begin)
        else:
            yield HtmlToken("text", "<")
            at = begin + 1


def _after_tag(html: str, at: int) -> int:
    """Return the offset behind the `>` of a tag.

    A `>` inside quotes does not count, unless the quote is never closed.
    """
    while stop := _STOP.search(html, at):
        if stop[0] == ">":
            return stop.end()
        closing = html.find(stop[0], stop.end())
        if closing == -1:
            return _behind(html, ">", stop.end())
        at = closing + 1
    return len(html)


def _behind(html: str, mark: str, at: int) -> int:
    found = html.find(mark, at)
    return len(html) if found == -1 else found + len(mark)


def _raw_end(html: str, name: str, at: int) -> int:
    found = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(html, at)
    return found.start() if found else len(html)


def _plain(text: str) -> str:
    try:
        return unescape(text)
    except ValueError:
        # A character's number with thousands of digits: no character, so the text stays as written.
        return text


class Blocks:
    """The text of a document, written block by block. There is no blank line between two ``tight`` blocks."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._out = StringIO()
        self._size = 0
        self._tight = False

    def put(self, text: str, *, tight: bool = False) -> None:
        """Add a block. Raise InputError if the document is too long."""
        if self._size:
            self._out.write("\n" if tight and self._tight else "\n\n")
        self._size += len(text)
        if self._size > MOST_CHARACTERS:
            raise InputError(
                f"{self.name} has more than {MOST_CHARACTERS // 1024**2} Mi characters; split it into smaller files"
            )
        self._out.write(text)
        self._tight = tight

    def text(self) -> str:
        return self._out.getvalue()
