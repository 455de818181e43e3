"""The builder of the site: it collects the pages, writes the reference, runs Zensical and checks the result.

`make site` runs it. The pages of ``docs/`` are Markdown as GitHub shows it. The pages of the reference are made from
the program itself and are never committed, so nobody can forget to write them again.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
OUT = ROOT / "build" / "site"


class SiteError(Exception):
    """A fault in the pages, in the navigation or in the built site. Each line names one."""
