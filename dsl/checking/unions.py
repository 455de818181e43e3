"""The refusal of choices between types. `A | B` looks like one of two types, but means a choice between two words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from .. import syntax as s
from ..diagnostics import Diagnostic, Edit, Fix
from ..parsing.build_values import NO_VALUE

ELSEWHERE = {
    "string": "text",
    "str": "text",
    "integer": "int",
    "float": "number",
    "double": "number",
    "boolean": "bool",
    "list": "[text]",
    "array": "[text]",
    "dict": "json",
    "object": "json",
    "file": "document",
}
"""The names of types in other languages, each with the name in flowrun."""
SAME = frozenset({"string", "str", "integer", "float", "double", "boolean"})
"""The foreign names with a single sure meaning. For a list, the type of the elements is only a guess."""

WORDS_ONLY = "write words or quoted texts between the bars; for one of several records write records on both sides"

Kind = Literal["record", "choice", "other"]


def union(written: s.TypeChoice, kind_of: Callable[[str], Kind | None]) -> Diagnostic | None:
    """Return the refusal of a choice between types. None for a choice of words.

    ``kind_of`` returns the kind of a type, or None.
    """
    bare = [option for option in written.options if isinstance(option, s.Word)]
    types = {word: kind for word in bare if (kind := kind_of(word.text)) is not None}
    missing = [word for word in bare if word.text.lower() in NO_VALUE and word not in types]
    others = [option for option in written.options if option not in types and option not in missing]
    if all(isinstance(option, s.Word) and option.text.lower() in SAME for option in others):
        # All other options are foreign names of types: none can be meant as a word.
        types = {word: types.get(word, "other") for word in bare if word not in missing}
    if not types:
        return None
    first, *more = types
    what = f"`{first.text}` and `{more[0].text}` are types" if more else f"`{first.text}` is a type"
    help, fix = _way_out(written, types, missing)
    return Diagnostic(
        "F0301",
        f"{what}, and a choice has only words",
        written.span,
        note=f"between bars `{first.text}` would mean the word, never the type of that name",
        help=help,
        fix=fix,
    )


def _way_out(written: s.TypeChoice, types: dict[s.Word, Kind], missing: Sequence[s.Word]) -> tuple[str, Fix | None]:
    names = [option for option in written.options if option not in missing]
    if len(names) == 1 and missing:
        name = names[0].span.text
        better = f"{ELSEWHERE.get(name.lower(), name)}?"
        fix = Fix(f"write `{better}`", (Edit(written.span, better),), safe=False)
        return f"for a value that may be missing write `{better}`", fix
    quotes = " | ".join(f'"{word.text}"' for word in types)
    quoted = Fix(f"write `{quotes}`", tuple(Edit(word.span, f'"{word.text}"') for word in types), safe=False)
    if "choice" in types.values():
        name = next(word.text for word, kind in types.items() if kind == "choice")
        return f'write the words of `{name}` between the bars; if you mean the name as a word, write `"{name}"`', quoted
    if len(types) < len(names):
        return f"for the word write `{quotes}`", quoted
    if set(types.values()) == {"record"}:
        kinds = " | ".join(f'"{word.text.lower()}"' for word in types)
        help = f"write a record with a field that tells the kinds apart, `kind: {kinds}`"
        return f"{help}, and make the fields of a single kind optional, `field: text?`", None
    return f"write a type that includes all of them, such as `text` or `json`; for the words write `{quotes}`", quoted
