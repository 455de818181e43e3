"""The Content-Security-Policy of each page: scripts, styles and pictures come from the site itself.

The theme has short scripts inside its pages. Their hashes stand in the policy, so no other script of a page runs. A
policy in a page holds for what follows, so it stands before all scripts, behind the encoding.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable

from . import tool
from .html_pages import Built

_HEAD = re.compile(r"(<head[^>]*>(?:\s*<meta charset=[^>]*>)?)")


def policy_of(page: Built) -> str:
    """Return the policy of a page."""
    scripts = " ".join(["'self'", *_hashes(page.scripts)])
    styles = " ".join(["'self'", tool.SEARCH_STYLE, *_hashes(page.styles)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'"
    )


def _hashes(texts: Iterable[str]) -> list[str]:
    found = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts}
    return sorted(f"'sha256-{one}'" for one in found)


def with_policy(html: str, page: Built) -> str:
    """Return the HTML of a page with its policy, and without a referrer for other sites."""
    metas = (
        f'<meta http-equiv="Content-Security-Policy" content="{policy_of(page)}">'
        '<meta name="referrer" content="same-origin">'
    )
    return _HEAD.sub(lambda found: found[1] + metas, html, count=1)
