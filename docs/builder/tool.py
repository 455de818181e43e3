"""Zensical: its settings, its run, and its warnings.

https://zensical.org/docs/setup/basics/ lists the settings. Fonts of Google's, the only thing that its theme would fetch
from elsewhere unasked, are off. Addresses of pages end in ``.html``, so the pages also open from a folder.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from . import DOCS, SiteError
from .navigation import Group, settings
from .project import version

THEME = DOCS / "builder" / "theme"
OWN_FILES = ("flowrun.css", "frame-worker.js")
SEARCH_STYLE = "'sha256-NwSx/R2V/U4jnW0Tq5pQ53Y/rzPVJ4dqE7D6UTA/J1k='"
"""The hash of the style that the search of Zensical's script adds to a page, for the policy of the page."""
_SHIM = re.compile(r'(<script src=")https://unpkg\.com/iframe-worker/shim(")')
_BASE = re.compile(r'"base":"([^"]*)"')
_FEATURES = (
    "navigation.tabs",
    "navigation.top",
    "navigation.prune",
    "navigation.footer",
    "navigation.path",
    "content.code.copy",
    "search.highlight",
    "toc.follow",
)
_EXTENSIONS: dict[str, dict[str, Any]] = {
    "tables": {"use_align_attribute": True},
    "toc": {"permalink": True, "slugify": {"object": "pymdownx.slugs.slugify", "kwds": {"case": "lower"}}},
    "pymdownx.highlight": {"use_pygments": True, "guess_lang": False, "anchor_linenums": False},
    "pymdownx.superfences": {},
    "pymdownx.magiclink": {},
    "pymdownx.tilde": {"subscript": False},
    "md_in_html": {},
}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def write_settings(folder: Path, sections: Iterable[Group], site: str, repository: str) -> Path:
    """Write the settings of Zensical into a folder, and return the file. ``site`` and ``repository`` may be unknown."""
    own = settings()
    project: dict[str, Any] = {
        "site_name": own["name"],
        "site_description": own["description"],
        "docs_dir": "pages",
        "site_dir": "html",
        "use_directory_urls": False,
        "extra_css": ["assets/flowrun.css"],
        "extra": {"generator": False},
        "nav": [section.as_nav() for section in sections],
        "markdown_extensions": _EXTENSIONS,
        "plugins": {"search": {}, "offline": {}},
        "theme": {
            "custom_dir": str(THEME),
            "font": False,
            "language": "en",
            "features": list(_FEATURES),
            "icon": {"logo": "lucide/split"},
            "palette": [
                {"media": "(prefers-color-scheme: light)", "scheme": "default", "primary": "teal", "accent": "teal"}
                | {"toggle": {"icon": "lucide/sun", "name": "Dark"}},
                {"media": "(prefers-color-scheme: dark)", "scheme": "slate", "primary": "teal", "accent": "teal"}
                | {"toggle": {"icon": "lucide/moon", "name": "Light"}},
            ],
        },
    }
    project |= {"site_url": site} if site else {}
    # `repo_url` would make the script of the theme ask another site about the repository.
    source = f' · <a href="{escape(repository)}">source</a>' if repository else ""
    project["copyright"] = f"flowrun {escape(version())} · Apache License 2.0{source}"
    path = folder / "zensical.toml"
    path.write_text(f"[project]\n{_toml(project)}", encoding="utf-8")
    return path


def _toml(table: dict[str, Any]) -> str:
    return "".join(f"{_key(name)} = {_value(value)}\n" for name, value in table.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(name)} = {_value(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def build(settings_file: Path) -> None:
    """Build the site. Raises SiteError with the warnings of Zensical if there is any."""
    if find_spec("zensical") is None:
        raise SiteError("Zensical is not installed: python -m pip install -e '.[site]'")
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "-f", str(settings_file)]
    done = subprocess.run(command, cwd=settings_file.parent, capture_output=True, text=True, check=False)
    told = _COLOURS.sub("", done.stdout + done.stderr)
    if done.returncode:
        raise SiteError(told.partition("Traceback (most recent call last)")[0].strip() or told.strip())


def without_shim(html: str) -> str:
    """Return a page with the site's own script where the plugin `offline` puts one from another site."""
    base = _BASE.search(html)
    top = base[1].rstrip("/") if base else "."
    return _SHIM.sub(rf"\1{top}/assets/frame-worker.js\2", html)
