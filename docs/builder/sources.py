"""The pages that people write, with their places on the site, and their links to files of the repository."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

from flowrun.dsl import CODES

from . import DOCS, ROOT, SiteError
from .markdown import outside_code

HOME = "index.md"
_NAMED = {"README.md": HOME, "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_NAMED |= {"SECURITY.md": "security.md"}
_PLACES = {"index.md": "pages.md"}
"""The places of pages whose own place another page has: the README of the repository comes first on the site."""
_CODE = re.compile(r"(?<![\w\[/`(#-])F\d{4}(?![\w`\]/])|(?<=\()F\d{4}(?=[,)])")
_NAMED_FILE = re.compile(r"\[([\w-]+\.md)\]\(([^)\s]+)\)")
_TARGET = re.compile(r"(?<=\]\()([^)\s]+)(?=[)\s])")
PICTURES = frozenset({".png", ".svg", ".jpg", ".webp", ".gif"})
_OWN_FOLDERS = frozenset({"builder", "playground", "node_modules"})
"""The folders of ``docs/`` that hold no pages."""


def written_pages() -> dict[str, str]:
    """Return the place on the site of each page that people write, by its path in the repository."""
    found = {name: place for name, place in _NAMED.items() if (ROOT / name).exists()}
    for path in sorted(DOCS.rglob("*.md")):
        inside = path.relative_to(DOCS)
        if not _OWN_FOLDERS & {*inside.parts}:
            found[f"docs/{inside.as_posix()}"] = _PLACES.get(inside.as_posix(), _place_of(inside))
    return found


def _place_of(inside: Path) -> str:
    """Return the place of a page of ``docs/``. The README of a folder is its first page."""
    return inside.with_name("index.md").as_posix() if inside.name == "README.md" else inside.as_posix()


def files_of_pages() -> list[Path]:
    """Return the pictures and other files beside the pages."""
    return [
        path
        for path in sorted(DOCS.rglob("*"))
        if path.suffix in PICTURES and not _OWN_FOLDERS & {*path.relative_to(DOCS).parts}
    ]


class Links:
    """The links of pages, changed from paths in the repository to places on the site.

    A page of a diagnostic, a flow of ``workflows/`` and a picture have a place of their own. Any other file of the
    repository is copied as a text: ``copied`` has the places of those that pages mention.
    """

    def __init__(self, places: Mapping[str, str], lints: Mapping[str, str], titles: Mapping[str, str]) -> None:
        self._places = places
        self._titles = titles
        self._lints = lints
        self.copied: dict[str, str] = {}

    def changed(self, text: str, source: str, place: str) -> str:
        """Return the text of a page with its links as the site needs them. Raises SiteError for a dead link.

        A code of a diagnostic becomes a link to its page. A link whose text is the name of its file gets the title of
        the page instead.
        """

        def prose(part: str) -> str:
            named = _NAMED_FILE.sub(lambda found: f"[{self._title(found[1], found[2], source)}]({found[2]})", part)
            linked = _TARGET.sub(lambda found: self._target(found[1], source, place), named)
            return _CODE.sub(lambda found: self._code(found[0], place), linked)

        return outside_code(text, prose)

    def _title(self, text: str, link: str, source: str) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link.partition("#")[0]))
        place = self._places.get(path, "") if posixpath.basename(path) == text else ""
        return self._titles.get(place, text)

    def _code(self, name: str, place: str) -> str:
        if name not in CODES:
            return name
        return f"[{name}]({posixpath.relpath(code_place(name), posixpath.dirname(place) or '.')})"

    def _target(self, link: str, source: str, place: str) -> str:
        if re.match(r"[a-z][a-z0-9+.-]*:", link) or link.startswith("#"):
            return link
        name, sign, part = link.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), name))
        return posixpath.relpath(self._place(path, source, link), posixpath.dirname(place) or ".") + sign + part

    def _place(self, path: str, source: str, link: str) -> str:
        if path in self._places:
            return self._places[path]
        if path in self._lints:
            return code_place(self._lints[path])
        if found := re.fullmatch(r"dsl/explain/(F\d{4})\.md", path):
            return code_place(found[1])
        if found := re.fullmatch(r"workflows/(?:\w+/)*(\w+)\.flow", path):
            return example_place(path)
        if f"{path}/README.md" in self._places:
            return self._places[f"{path}/README.md"]
        if path.startswith("docs/") and Path(path).suffix in PICTURES and (ROOT / path).is_file():
            return path.removeprefix("docs/")
        if (ROOT / path).is_dir():
            raise SiteError(f"{source}: the link {link} leads to a folder; let it lead to a file of it")
        if not (ROOT / path).is_file():
            raise SiteError(f"{source}: the link {link} leads nowhere")
        self.copied[path] = f"files/{path.replace('/.', '/').lstrip('.')}.txt"
        return self.copied[path]


def code_place(code: str) -> str:
    """Return the place of the page of a diagnostic."""
    return f"codes/{code}/index.md"


def example_place(path: str) -> str:
    """Return the place of the page of a flow of ``workflows/``."""
    return f"examples/{path.removeprefix('workflows/').removesuffix('.flow')}.md"
