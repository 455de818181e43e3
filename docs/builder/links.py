"""The check of the built site: every link leads to a file and a name that exist, and nothing comes from elsewhere.

Zensical checks the links of Markdown. This check reads the HTML: the navigation, the theme, pictures and pages that the
theme makes are in it, too. Links to other sites are counted, and never tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

from .html_pages import Built

_FETCHED = {"script", "link", "img", "source", "iframe", "object", "video", "audio", "embed"}
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//")
_MADE_BY_SCRIPTS = {"__search"}


def faults_of(folder: Path, pages: Mapping[str, Built]) -> Iterator[str]:
    """Yield each fault of a built site. ``pages`` has its HTML by path in the folder."""
    names = {path: {*page.ids} for path, page in pages.items()}
    for path, page in pages.items():
        for name in sorted({one for one in page.ids if page.ids.count(one) > 1}):
            yield f"{path}: two parts have the name {name}"
        for found in page.handlers:
            yield f"{path}: {found} is against the policy of the page"
        for tag, link in page.links:
            if fault := _fault(folder, path, tag, link, names):
                yield f"{path}: {fault}"


def _fault(folder: Path, path: str, tag: str, link: str, names: Mapping[str, set[str]]) -> str:
    if _SCHEME.match(link):
        elsewhere = tag in _FETCHED and not link.startswith("data:")
        return f"<{tag}> fetches {link} from elsewhere" if elsewhere else ""
    target, _, name = link.partition("#")
    target, name = unquote(target.partition("?")[0]), unquote(name)
    if target.startswith("/"):
        return f"the link {link} begins at the top of the server" if path != "404.html" else ""
    file = (folder / path).parent / target if target else folder / path
    file = Path(str(file.resolve()) if target else str(folder / path))
    if file.is_dir():
        file /= "index.html"
    if not file.is_file() or not file.is_relative_to(folder.resolve()):
        return f"the link {link} leads nowhere"
    inside = file.relative_to(folder.resolve()).as_posix()
    if name and inside in names and name not in names[inside] and name not in _MADE_BY_SCRIPTS:
        return f"the link {link} leads to a name that {inside} does not have"
    return ""


def other_sites(pages: Mapping[str, Built]) -> dict[str, int]:
    """Return how often the pages link to each address of other sites."""
    found: dict[str, int] = {}
    for page in pages.values():
        for tag, link in page.links:
            if tag == "a" and re.match(r"https?:", link):
                found[link] = found.get(link, 0) + 1
    return dict(sorted(found.items()))
