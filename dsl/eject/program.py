"""The whole program: its head, the helpers that it needs, its constants, and a function for each flow."""

from __future__ import annotations

from textwrap import wrap

from .. import plan as p
from .. import types as t
from ..patterns import pattern
from .answers import reader_of
from .blocks import PLACES, Blocks, seeded
from .bodies import Bodies, defined
from .layout import broken, joined_imports, laid_out
from .library import Library
from .output import Output, literal, text_literal
from .problems import EjectError
from .scopes import FlowNames, Scope
from .wire import Wire

_TARGET = pattern(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)")
WIDEST = 110
HEAD = (
    "It asks the same models with the same prompts, and its steps need the same steps before them. It counts votes by "
    "the same rules, and corrects answers that do not fit in the same words.\n"
    "It keeps no journal: a run that breaks off begins anew, and pays again. It keeps to no budget, no rate and no "
    "limit, remembers no answer, and says nothing about its progress. Each sample is a request of its own. The merges "
    "of a tree wait for all results. A step that fails ends the program.\n"
)


def ejected(plan: p.Plan, library: Library, wire: Wire, *, model: str, folder: str) -> str:
    """Return a program that does what a plan does. ``folder`` is the flow's folder, from that of the program.

    Raises EjectError if a part of the plan has no plain form.
    """
    return _Program(plan, library, wire, model, folder).text()


class _Program:
    def __init__(self, plan: p.Plan, library: Library, wire: Wire, model: str, folder: str) -> None:
        self.plan = plan
        self.library = library
        self.folder = folder
        self.out = out = Output(library.names(), wire, model, library.every())
        names = {name for flow in plan.flows.values() for name in flow.names}
        names |= p.Flow(plan.params, plan.steps, plan.result, plan.type).names
        for name in sorted(names - out.reserved):
            out.names.free(name, sign="")
        self.models = {one.name: one for one in plan.models}
        self.bodies = Bodies(out, self.models)
        self.blocks = Blocks(self.bodies, plan, self.flow, self.extern)
        self.functions: dict[str, str] = {}
        self.texts: list[list[str]] = []
        self.externs: dict[str, str] = {}
        self.at = ""

    def text(self) -> str:
        plan, out = self.plan, self.out
        if plan.endpoints:
            raise EjectError("a flow that declares endpoints has no plain form", "name models by their addresses")
        main = out.names.free(plan.flow, sign="_flow")
        self._checked(plan.params)
        self.texts.append(self._function(main, plan.params, plan.steps, plan.result, given=True))
        out.use("main")
        imports, helpers = self.library.copies(out.kit)
        code = [*out.imports, *imports, *self.externs_lines(), "from typing import Any"]
        functions = [laid_out(one) for one in [*self._prompts(), *self.texts]]
        bodies = [*helpers, *self._constants(), *functions]
        everything = "\n\n\n".join(bodies)
        if "FOLDER" in everything:
            code.append("from pathlib import Path")
            bodies.insert(0, f"FOLDER = Path(__file__).parent / {text_literal(self.folder)}")
        if "Json" in everything:
            bodies.insert(0, "Json = Any")
        parts = [self._head(), "from __future__ import annotations", joined_imports(code)]
        return (
            "\n\n".join(parts)
            + "\n\n"
            + "\n\n\n".join(bodies)
            + f'\n\n\nif __name__ == "__main__":\n    main({main})\n'
        )

    def _head(self) -> str:
        needs = "It needs Python 3.11 and nothing else."
        if "by_heading" in self.out.kit:
            needs = "It needs Python 3.11 and the package markdown-it-py, which finds headings."
        if self.externs:
            needs += " It imports the functions that the flow names."
        file = self.plan.source.rpartition("/")[2]
        first = f"The flow `{self.plan.flow}` of {file} as plain Python, written by `flowrun eject`."
        lines = [*wrap(first, WIDEST), ""]
        for text in (*HEAD.rstrip("\n").split("\n"), needs):
            lines += [*wrap(text, WIDEST), ""]
        lines.append(f'    python {self.plan.flow}.py \'{{"name of an input": "its value"}}\'')
        return '"""' + "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''") + '\n"""'

    def _constants(self) -> list[str]:
        lines = [broken(f"{name} = {text}") for text, name in self.out.constants.items()]
        return ["\n".join(lines)] if lines else []

    def _prompts(self) -> list[list[str]]:
        return [f"def {name}{text}".split("\n") for text, name in self.out.prompts.items()]

    def _checked(self, params: tuple[p.Param, ...]) -> None:
        for param in params:
            if t.holds_image(param.type) or t.holds_model(param.type):
                raise EjectError(f"the parameter `{param.name}` is an image or a model, which has no plain form")

    def _function(
        self, name: str, params: tuple[p.Param, ...], steps: tuple[p.Step, ...], result: p.Expr, *, given: bool
    ) -> list[str]:
        flow = FlowNames(self.out, self.models)
        scope = Scope(flow)
        said, lines = [], []
        if not given and seeded(self.plan, steps):
            said.append(f"{PLACES}: tuple[tuple[int, int], ...] = ()")
            scope.places = (f"*{PLACES}",)
        for param in params:
            own = flow.own(param.name)
            if param.required:
                said.append(f"{own}: Any")
            elif param.default is None or isinstance(param.default, p.Constant):
                said.append(f"{own}: Any = {'None' if param.default is None else literal(param.default.value)}")
            else:
                said.append(f"{own}: Any = ...")
                default = self.bodies.expressions.write(param.default, Scope(flow))
                lines += defined(f"if {own} is ...:", [f"{own} = {default}"])
            if given:
                reader = reader_of(self.out, param.type)
                lines.append(f"{own} = {self.out.use('taken')}({text_literal(param.name)}, {own}, {reader})")
            scope.values[param.name] = own
        scope.lines = lines
        self.bodies.body(steps, scope)
        scope.lines.append(f"return {self.bodies.expressions.write(result, scope)}")
        head = ", ".join(["*", *said]) if said else ""
        return defined(f"async def {name}({head}) -> Any:", scope.lines)

    def flow(self, key: str, scope: Scope) -> str:
        """Return the function of a called flow. It is written when it is first called."""
        if key not in self.functions:
            flow = self.plan.flows[key]
            self.functions[key] = name = self.out.names.free(p.plain_name(key).replace(" ", "_"), sign="_flow")
            before, self.at, line = self.at, key, self.bodies.expressions.line
            try:
                text = self._function(name, flow.params, flow.steps, flow.result, given=False)
            except EjectError as error:
                error.flow = error.flow or key
                raise
            self.at, self.bodies.expressions.line = before, line
            self.texts.append(text)
        return self.functions[key]

    def extern(self, key: str) -> str:
        """Return the name of an imported function."""
        if key not in self.externs:
            self.externs[key] = self.out.names.free(self.plan.externs[key].target.partition(":")[2], sign="_of")
        return self.externs[key]

    def externs_lines(self) -> list[str]:
        lines = []
        for key, name in self.externs.items():
            found = _TARGET.fullmatch(self.plan.externs[key].target)
            if found is None:
                raise EjectError(f"the extern `{p.plain_name(key)}` has no plain form")
            lines.append(f"from {found[1]} import {found[2]}" + ("" if name == found[2] else f" as {name}"))
        return lines
