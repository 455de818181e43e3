"""The findings about calls of what does not exist."""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..diagnostics import Diagnostic, did_you_mean
from .callees import Imported
from .other_names import another_form, as_call
from .typed import Typed


def unknown_callee(expr: s.Call, catalog: Catalog, imported: Imported, typed: Typed) -> Diagnostic:
    """Return the finding about a call whose name is neither a function nor a flow nor an extern."""
    name = expr.function.text
    prefix = expr.prefix.text if expr.prefix else ""
    if path := imported.paths.get(prefix) if prefix else None:
        known = imported.names(prefix, "flows")
        there = ", ".join(f"`{word}`" for word in known)
        said = f"`{path}` has no flow `{name}`"
        help = did_you_mean(name, known) or (f"its flows: {there}" if known else "the file declares no flows")
        return Diagnostic("F0208", said, expr.function.span, help=help)
    if prefix:
        if (spec := catalog.functions.get(name)) is not None:
            help = f"write `{as_call(spec, prefix)}`"
        else:
            help = did_you_mean(prefix, imported.paths) or f"in a text write `{{{{ {prefix} | {name} }}}}`"
        return Diagnostic(
            "F0101", "values have no methods: write a function before its brackets", expr.function.span, help=help
        )
    if name in typed.prompts or ("", name) in imported.prompts:
        said = f"`{name}` is a prompt, and only an `ask` uses it"
        return Diagnostic("F0208", said, expr.function.span, help=f"write `ask {name}(…)`")
    known = [*catalog.functions, *typed.own, *imported.names("", "flows")]
    functions = ", ".join(f"`{word}`" for word in sorted(catalog.functions))
    help = another_form(name) or did_you_mean(name, known) or f"the functions are {functions}"
    return Diagnostic("F0208", f"no function or flow is called `{name}`", expr.function.span, help=help)
