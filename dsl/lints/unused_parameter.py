"""The lint for a parameter that nothing mentions: every run must give it, and no prompt ever contains it."""

from __future__ import annotations

from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .parts import mentions


def unused_parameter(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    for flow in program.flows:
        used = {mention.symbol.param.number for mention in mentions(flow) if mention.symbol and mention.symbol.param}
        for param in flow.decl.params:
            if param.number not in used:
                name = param.name.text
                found.append(
                    Diagnostic(
                        "F0711",
                        f"this flow never mentions its parameter `{name}`",
                        param.name.span,
                        note="the value of this parameter has no effect",
                        help=f"insert it in a prompt, `{{{{ {name} }}}}`, or delete the parameter",
                    )
                )
    return found
