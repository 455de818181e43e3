"""The navigation of the site: ``docs/site.toml``, with the pages that are made in their places."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import DOCS, SiteError

FILE = DOCS / "site.toml"


@dataclass(frozen=True)
class Group:
    """A part of the navigation: a title, the titles and places of its pages, and the groups in it."""

    title: str
    pages: tuple[tuple[str, str], ...]
    groups: tuple[Group, ...] = ()

    def titles(self) -> Iterator[tuple[str, str]]:
        """Yield the title and the place of each page, also of those in its groups."""
        yield from self.pages
        for group in self.groups:
            yield from group.titles()

    def places(self) -> Iterator[str]:
        return (place for _, place in self.titles())

    def as_nav(self) -> dict[str, Any]:
        """Return the group as Zensical takes it."""
        return {self.title: [*({title: place} for title, place in self.pages), *(one.as_nav() for one in self.groups)]}


@dataclass(frozen=True)
class Made:
    """Pages that the builder makes. A line ``"made:NAME"`` of the navigation stands for them.

    ``pages`` has their Markdown by their places. ``titles`` has short titles for the navigation. ``groups`` splits them
    into groups; without it they stand side by side. ``files`` are pictures and other files that the pages mention.
    """

    pages: Mapping[str, str]
    titles: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


def settings() -> dict[str, Any]:
    """Return what ``docs/site.toml`` says."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def navigation(written: Mapping[str, str], made: Mapping[str, Made]) -> tuple[Group, ...]:
    """Return the navigation. ``written`` has the places of the written pages, ``made`` the made ones by their name.

    Raises SiteError if a page has no place in it, or two, or if it names a page that does not exist.
    """
    sections = tuple(_group(one, written, made) for one in settings()["section"])
    check(sections, [*written.values(), *(place for one in made.values() for place in one.pages)])
    return sections


def check(sections: Iterable[Group], places: Iterable[str]) -> None:
    """Check that every page stands once in the navigation. Raises SiteError."""
    named = [place for section in sections for place in section.places()]
    known = set(places)
    faults = [f"docs/site.toml: {place} is outside the navigation" for place in sorted(known - set(named))]
    faults += [f"docs/site.toml: {place} does not exist" for place in sorted(set(named) - known)]
    faults += [f"docs/site.toml: {place} stands there twice" for place in sorted(set(named)) if named.count(place) > 1]
    if faults:
        raise SiteError("\n".join(faults))


def _group(table: Mapping[str, Any], written: Mapping[str, str], made: Mapping[str, Made]) -> Group:
    pages: list[tuple[str, str]] = []
    groups: list[Group] = []
    for key, title in table.get("pages", {}).items():
        name = key.removeprefix("made:")
        if name == key:
            pages.append((title, written.get(key) or written.get(f"docs/{key}") or key))
        elif name not in made:
            raise SiteError(f"docs/site.toml: nothing makes {key}")
        else:
            found = made[name]
            inside = {place for places in found.groups.values() for place in places}
            pages += [(_title(found, place, title), place) for place in found.pages if place not in inside]
            groups += [
                Group(name, tuple((_title(found, place, ""), place) for place in places))
                for name, places in found.groups.items()
            ]
    groups += [_group(one, written, made) for one in table.get("group", ())]
    return Group(table["title"], tuple(pages), tuple(groups))


def _title(made: Made, place: str, title: str) -> str:
    return made.titles.get(place) or title
