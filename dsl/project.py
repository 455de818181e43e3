"""The address of the project. All links to its pages are made from here.

The first `make release` writes ``HOME`` from the address of the repository, here and under `[project.urls]` of
pyproject.toml. ``SITE`` is set by hand once there is a site. As long as an address is empty, no link to it is made.
"""

from __future__ import annotations

HOME = ""
"""The address of the repository, without a slash at its end. "" as long as it is not known."""
SITE = ""
"""The address of the site, with a slash at its end. "" as long as there is no site."""

EDITION = 1
"""The edition of the language. A file names none: each file so far is of this edition."""


def explain_link(code: str) -> str:
    """Return the address of the page of a diagnostic, or "" if there is no site. `flowrun explain` shows the same."""
    return f"{SITE}codes/{code}/" if SITE else ""
