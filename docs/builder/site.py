"""The way of the site: pages are collected and made, Zensical builds them, and the result is checked."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from markdown_it import MarkdownIt

from flowrun.dsl.project import HOME

from . import ROOT, SiteError, tool
from .html_pages import COUNTED, Built, read_html
from .links import faults_of, other_sites
from .made import made_pages
from .navigation import Group, navigation
from .pictures import with_pictures
from .plain import for_python_markdown
from .policy import with_policy
from .reference.codes import lint_files
from .sources import Links, files_of_pages, written_pages


@dataclass(frozen=True)
class Site:
    """A site that was built: its folder, the number of its pages, and its links to other sites."""

    folder: Path
    pages: int
    external: dict[str, int]


@dataclass(frozen=True)
class Pages:
    """The Markdown of all pages by their places, the other files, and the navigation."""

    texts: dict[str, str]
    files: dict[str, bytes]
    sections: tuple[Group, ...]


def collected() -> Pages:
    """Return all pages, those that people write and those that are made. Raises SiteError for a fault of theirs."""
    written = written_pages()
    made = made_pages()
    sections = navigation(written, made)
    titles = {place: title for section in sections for title, place in section.titles()}
    links = Links(written, lint_files(), titles)
    texts: dict[str, str] = {}
    for source, place in written.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        texts[place] = with_pictures(links.changed(text, source, place), source, place)
    files: dict[str, bytes] = {}
    for one in made.values():
        texts |= one.pages
        files |= {name: text.encode() for name, text in one.files.items()}
    files |= {place: (ROOT / path).read_bytes() for path, place in links.copied.items()}
    for path in files_of_pages():
        files[path.relative_to(ROOT / "docs").as_posix()] = path.read_bytes()
    for name in tool.OWN_FILES:
        files[f"assets/{name}"] = (tool.THEME / name).read_bytes()
    return Pages(texts, files, sections)


def build_site(out: Path, site: str = "", playground: Path | None = None) -> Site:
    """Build the site in a folder and check it. ``playground`` is the folder of the built playground, which joins it.

    Raises SiteError with all faults.
    """
    found = collected()
    if playground is not None:
        if not (playground / "index.html").is_file():
            raise SiteError(f"there is no playground in {playground}: `make playground` builds it")
        found.texts["playground.md"] = _with_link(found.texts["playground.md"])
    shutil.rmtree(out, ignore_errors=True)
    for place, text in found.texts.items():
        _put(out / "pages" / place, for_python_markdown(text).encode())
    for place, data in found.files.items():
        _put(out / "pages" / place, data)
    tool.build(tool.write_settings(out, found.sections, site, HOME))
    html = out / "html"
    pages: dict[str, Built] = {}
    for path in sorted(html.rglob("*.html")):
        text = tool.without_shim(path.read_text(encoding="utf-8"))
        inside = path.relative_to(html).as_posix()
        pages[inside] = read_html(text)
        path.write_text(with_policy(text, pages[inside]), encoding="utf-8")
    if playground is not None:
        # It has a policy of its own.
        shutil.copytree(playground, html / "playground")
    faults = [*faults_of(html, pages), *missing_parts(found.texts, pages)]
    if faults:
        raise SiteError("\n".join(faults))
    return Site(html, len(pages), other_sites(pages))


def missing_parts(texts: dict[str, str], pages: dict[str, Built]) -> list[str]:
    """Return where a page of the site has other lists, tables, blocks or words than GitHub shows of its Markdown."""
    faults = []
    for place, text in texts.items():
        wanted = as_github(text)
        built = pages[re.sub(r"\.md$", ".html", place)]
        faults += [
            f"{place}: the site has {built.parts[name]} of <{name}>, and GitHub {wanted.parts[name]}"
            for name in COUNTED
            if built.parts[name] != wanted.parts[name]
        ]
        if built.words != wanted.words:
            pairs = enumerate(zip_longest(built.words, wanted.words))
            at = next(number for number, (one, other) in pairs if one != other)
            here, there = (" ".join(words[max(at - 3, 0) : at + 5]) for words in (built.words, wanted.words))
            faults.append(f"{place}: the site says “{here}”, and GitHub “{there}”")
    return faults


def as_github(text: str) -> Built:
    """Return a page as GitHub reads it."""
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)
    return read_html(f"<article>{html}</article>")


def _with_link(text: str) -> str:
    """Return the page about the playground with a link to it below its title."""
    return text.replace("\n\n", '\n\n<a href="playground/index.html">Open the playground</a>\n\n', 1)


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
