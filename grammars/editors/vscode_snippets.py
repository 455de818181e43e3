"""The snippets of the VS Code extension: the forms that the language server proposes, for a place without a server."""

from __future__ import annotations

from flowrun.dsl.ide.snippets import DECLARATIONS, LINES, NODES, STEPS, Snippet

GROUPS: tuple[tuple[str, tuple[Snippet, ...]], ...] = (
    ("", DECLARATIONS),
    ("step ", STEPS),
    ("", NODES),
    ("line of a test: ", LINES),
)


def snippets() -> dict[str, dict[str, object]]:
    """Return the file of snippets, as VS Code reads it."""
    return {
        f"{group}{one.label}": {"prefix": one.label, "body": one.text.split("\n"), "description": one.documentation}
        for group, forms in GROUPS
        for one in forms
    }
