"""The types behind the prefix of an import."""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic, did_you_mean, nearest
from .callees import Imported
from .type_parts import instead


def imported_type(imported: Imported, prefix: s.Word, word: s.Word) -> t.Type | Diagnostic:
    """Return the type of a name behind a prefix, or the problem if there is no such prefix or type."""
    if prefix.text in imported.broken:
        return t.UNKNOWN
    path = imported.paths.get(prefix.text)
    if path is None:
        help = did_you_mean(prefix.text, imported.paths) or f'write `import "….flow" as {prefix.text}`'
        return Diagnostic("F0206", f"no import is called `{prefix.text}`", prefix.span, help=help)
    type_ = imported.types.get((prefix.text, word.text))
    if type_ is not None:
        return type_
    known = imported.names(prefix.text, "types")
    listed = "its types: " + ", ".join(f"`{one}`" for one in known) if known else "the file declares no types"
    help, fix = did_you_mean(word.text, known) or listed, instead(word, nearest(word.text, known))
    return Diagnostic("F0206", f"`{path}` has no type `{word.text}`", word.span, help=help, fix=fix)
