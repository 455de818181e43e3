"""The joining of a page: the HTML frame, one style and one script, which the page's policy allows by their hashes.

The files of ``assets/`` are joined in the order of SCRIPTS. The first file makes the object ``F``, to which each of the
others adds one name. The last file starts the page.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

SCRIPTS = (
    "base.js",
    "store.js",
    "table.js",
    "call.js",
    "votes.js",
    "sums.js",
    "graph.js",
    "lanes.js",
    "timeline_paint.js",
    "timeline_text.js",
    "timeline.js",
    "main.js",
)
"""The order of the scripts. A new part stands before ``main.js``."""
LIVE_SCRIPTS = (*SCRIPTS[:-1], "people.js", "live.js", SCRIPTS[-1])
STYLES = ("page.css", "graph.css", "timeline.css")
_FRAME = "page.html"


def assemble(
    slots: Mapping[str, str], *, frame: str = _FRAME, scripts: tuple[str, ...] = SCRIPTS, extra: str = ""
) -> str:
    """Fill the frame. ``slots`` are HTML by name, already escaped. ``extra`` are further directives of the policy.

    The policy allows no source but the script and the style by their hashes. So no text in the page can load or run
    anything.
    """
    script, style = _joined(scripts), _joined(STYLES)
    filled = {"policy": policy_of(scripts, extra), "style": style, "script": script, **slots}
    # A slot's text may hold the mark of another slot, so that the frame is split, not searched again and again.
    parts = _text(frame).split("@@")
    return "".join(filled[part] if number % 2 else part for number, part in enumerate(parts))


def policy_of(scripts: tuple[str, ...], extra: str = "") -> str:
    """Return the policy of a page with these scripts."""
    script, style = _joined(scripts), _joined(STYLES)
    policy = f"default-src 'none'; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'"
    if script:
        policy += f"; script-src '{_hash(script)}'"
    return policy + extra


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _joined(names: tuple[str, ...]) -> str:
    return "".join(_text(name) for name in names)


@cache
def _text(name: str) -> str:
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")
