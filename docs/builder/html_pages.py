"""The built pages, read as HTML: names, links, scripts and the number of each part."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

COUNTED = ("h1", "h2", "h3", "h4", "ul", "ol", "li", "table", "tr", "th", "td", "pre", "img", "blockquote")
"""The parts that a page has as often on the site as on GitHub."""
_BLOCKS = {"p", "br", "div", "pre", "article", *COUNTED}
_REFERENCES = {"href", "src", "srcset", "data", "poster", "action"}


@dataclass
class Built:
    """The contents of one page: its names, links, inline scripts and styles, and the number of parts in its text."""

    ids: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    handlers: list[str] = field(default_factory=list)
    parts: Counter[str] = field(default_factory=Counter)
    text: list[str] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        """The words of its text."""
        return "".join(self.text).split()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Built()
        self._articles = 0
        self._inside: list[str] | None = None
        self._aside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._articles += tag == "article"
        if self._articles and tag in COUNTED:
            self.page.parts[tag] += 1
        if tag in _BLOCKS:
            self.page.text.append(" ")
        self._aside = tag == "a" and given.get("class") == "headerlink"
        if "id" in given:
            self.page.ids.append(given["id"])
        if tag == "a" and "name" in given:
            self.page.ids.append(given["name"])
        self.page.handlers += [f"<{tag} {name}>" for name in given if name.startswith("on") or name == "style"]
        if not (tag == "link" and given.get("rel") in ("prev", "next", "canonical")):
            self.page.links += [(tag, given[name]) for name in _REFERENCES & given.keys()]
        self._inside = None
        if tag == "script" and "src" not in given and given.get("type", "") in ("", "module", "text/javascript"):
            self.page.scripts.append("")
            self._inside = self.page.scripts
        if tag == "style":
            self.page.styles.append("")
            self._inside = self.page.styles

    def handle_data(self, data: str) -> None:
        if self._inside is not None:
            self._inside[-1] += data
        elif self._articles and not self._aside:
            self.page.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._articles -= tag == "article"
        self._inside = None
        self._aside = False


def read_html(text: str) -> Built:
    """Read one built page."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.page
