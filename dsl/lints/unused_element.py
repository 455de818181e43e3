"""A map whose body never mentions its element makes the same call again and again."""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..diagnostics import Diagnostic
from ..names import Program
from ..typecheck import Typed


def unused_element(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    for flow in program.flows:
        for step in flow.walk():
            node = step.line.node
            if not isinstance(node, s.Map) or not step.steps:
                continue
            inside = (mention for inner in step.steps for one in inner.walk() for mention in one.mentions)
            if not any(m.symbol and m.symbol.kind == "element" and m.symbol.step is step for m in inside):
                name = node.element.text
                found.append(
                    Diagnostic(
                        "F0702",
                        f"the body never mentions `{name}`: each call is the same",
                        node.element.span,
                        help=f"place it in the prompt, `{{{{ {name} }}}}`; to ask the same N times write `repeat N`",
                    )
                )
    return found
