"""Pictures of flows in place of Mermaid, whose script would come from another site.

GitHub draws a block of Mermaid by itself. On the site stands the picture that `flowrun graph` draws.
"""

from __future__ import annotations

import posixpath
import re
from functools import cache

from flowrun.dsl import Source, check_flow, make_plan, picture_of, to_mermaid, to_svg
from flowrun.runtime.catalog import catalog

from . import ROOT, SiteError
from .markdown import FENCE, title_of


@cache
def flow_pictures() -> dict[str, tuple[str, str]]:
    """Return the drawing in Mermaid and the picture of each flow that ships, by the place of the picture."""
    found = {}
    for path in sorted((ROOT / "workflows").glob("*.flow")):
        source = Source(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
        picture = picture_of(make_plan(check_flow(source, catalog(), _load)), catalog().functions)
        found[place_of(path.stem)] = (to_mermaid(picture).strip(), to_svg(picture))
    return found


def place_of(flow: str) -> str:
    """Return the place of the picture of a flow that ships."""
    return f"assets/flows/{flow}.svg"


def _load(path: str) -> Source | str:
    file = ROOT / path
    return Source(file.read_text(encoding="utf-8"), path) if file.is_file() else "there is no such file"


def with_pictures(text: str, source: str, place: str) -> str:
    """Return a page with pictures for its blocks of Mermaid. Raises SiteError for a block that no flow draws."""

    def drawn(found: re.Match[str]) -> str:
        if found[3].strip() != "mermaid":
            return found[0]
        for at, (mermaid, _) in flow_pictures().items():
            if mermaid == found[4].strip():
                name = posixpath.basename(at).removesuffix(".svg")
                return f"![The graph of {name}.flow]({posixpath.relpath(at, posixpath.dirname(place) or '.')})"
        raise SiteError(f"{source}: a block of Mermaid is no drawing of a flow of workflows/ ({title_of(text)})")

    return FENCE.sub(drawn, text)
