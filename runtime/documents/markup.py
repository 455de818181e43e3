"""Takes HTML apart in one pass, whatever it is, and puts blocks of text together.

The standard library's parser takes time that grows with the square of a hostile page (half a minute for 200 KB of
`<!--` in Python 3.11), and attributes are of no use here: a reader of tags and text is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import unescape
from typing import Literal, NamedTuple

_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)")
_STOP = re.compile(r"[>\"']")
# What stands in these is no markup, up to their end tag.
_RAW = frozenset({"script", "style", "title", "textarea", "noscript", "xmp", "iframe"})


class Part(NamedTuple):
    """``value`` is the text, or the name of the tag in lower case."""

    kind: Literal["text", "open", "close"]
    value: str


def parts(html: str) -> Iterator[Part]:
    at = 0
    while at < len(html):
        begin = html.find("<", at)
        if begin == -1:
            yield Part("text", _plain(html[at:]))
            return
        if begin > at:
            yield Part("text", _plain(html[at:begin]))
        tag = _TAG.match(html, begin)
        if tag:
            at = _after_tag(html, tag.end())
            name = tag[2].lower()
            yield Part("close" if tag[1] else "open", name)
            if name in _RAW and not tag[1]:
                end = _raw_end(html, name, at)
                yield Part("text", _plain(html[at:end]) if name in ("title", "textarea") else html[at:end])
                at = end
        elif html.startswith("<!--", begin):
            at = _behind(html, "-->", begin + 2)
        elif html.startswith("<![CDATA[", begin):
            at = _behind(html, "]]>", begin)
            yield Part("text", html[begin + 9 : at].removesuffix("]]>"))
        elif html.startswith(("<!", "<?", "</"), begin):
            at = _behind(html, ">", begin)
        else:
            yield Part("text", "<")
            at = begin + 1


def _after_tag(html: str, at: int) -> int:
    """Behind the `>` of a tag, not fooled by one inside quotes; a quote that is never closed is none."""
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


def blocks_text(blocks: Iterable[tuple[str, bool]]) -> str:
    """One text of blocks; of two tight ones in a row the second follows without a blank line."""
    out: list[str] = []
    tight_before = False
    for text, tight in blocks:
        if out:
            out.append("\n" if tight and tight_before else "\n\n")
        out.append(text)
        tight_before = tight
    return "".join(out)
