"""The page of a diagnostic code. It is the docstring of a lint, or a file of ``explain/``."""

from __future__ import annotations

from inspect import cleandoc
from pkgutil import get_data

from .codes import CODES
from .lints import lint_pages


def page(code: str) -> str:
    """Return the page of a code as Markdown. Raises KeyError for an unknown code."""
    title = CODES[code].title
    pages = lint_pages()
    if code in pages:
        return f"# {code}: {title}\n\n{cleandoc(pages[code])}\n"
    return (get_data(__package__, f"explain/{code}.md") or b"").decode()
