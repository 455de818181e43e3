"""The asks that use a declared prompt: they find it, and give it values that fit its parameters."""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..diagnostics import did_you_mean
from .callees import Prompt
from .declarations import Declarations
from .program import Scope, Symbol


class PromptUses(Declarations):
    """The part of the type checker that checks the use of prompts. ``given`` has the types of the given values."""

    def __init__(self) -> None:
        super().__init__()
        self.given: dict[Symbol, t.Type] = {}

    def prompt_use(self, ask: s.Ask, use: s.PromptUse, scope: Scope) -> Scope:
        """Check the use of a prompt. Return the scope of the messages, if the ask of a plan has them itself."""
        if ask.messages:
            return self._given(use, scope)
        found = self._prompt(use, scope)
        if found is None:
            for arg in use.args:
                if not isinstance(arg.value, s.Ask):
                    self.expressions.infer(arg.value, scope)
            return scope
        self.expressions.arguments(_written(use), found.params, use.args, use.span, scope)
        self._plain(use)
        self.typed.nodes.prompts[ask.number] = found
        return scope

    def _given(self, use: s.PromptUse, scope: Scope) -> Scope:
        self._plain(use)
        inner = Scope(scope)
        for arg, written in zip(use.args, use.types, strict=True):
            if arg.name is not None and not isinstance(arg.value, s.Ask):
                type_ = self.written.read_data(written, "a given value")
                symbol = inner.symbols[arg.name.text] = Symbol(arg.name.text, "given", arg.name.span, inner)
                self.given[symbol] = type_
                self.expressions.expect(arg.value, scope, type_, f"`{symbol.name}`")
        return inner

    def _plain(self, use: s.PromptUse) -> None:
        """Report arguments that read files or cut texts. Such work is a step, which other steps need not wait for."""
        for arg in use.args:
            if (found := self.reading(arg.value)) is not None:
                help = f"give it a name on a line of its own, `x = {found.text}(…)`, and mention `x` here"
                self.report("F0645", f"`{found.text}` cannot stand in the argument of a prompt", found, help)

    def _prompt(self, use: s.PromptUse, scope: Scope) -> Prompt | None:
        """Find the prompt that an ask names. Report a problem and return None if it does not exist."""
        name = use.name.text
        prefix = use.prefix.text if use.prefix is not None else ""
        found = self.typed.prompts.get(name) if not prefix else None
        imported = self.expressions.imported
        found = found or imported.prompts.get((prefix, name))
        if found is not None or prefix in imported.broken:
            return found
        known = [*([] if prefix else self.typed.prompts), *imported.names(prefix, "prompts")]
        if prefix and prefix not in imported.paths:
            self.report("F0641", f"no import has the prefix `{prefix}`", use.span, did_you_mean(prefix, imported.paths))
        elif not prefix and (self._called(name) or (not known and any(isinstance(a.value, s.Text) for a in use.args))):
            bracket = use.name.span.source.text.index("(", use.name.span.end)
            span = use.name.span.source.span(bracket, bracket + 1)
            help = f'write `ask {name} "…"`'
            if self._called(name):
                help = f'give the value a name, `words = {name}(…)`, and write `ask "{{{{ words }}}}"`'
            self.report("F0101", "an `ask` has no brackets around its text", span, help)
        else:
            where = f"`{imported.paths[prefix]}` has no prompt" if prefix else "no prompt is called"
            there = ", ".join(f"`{one}`" for one in known[:8])
            declare = f'declare it at the top of the file: `prompt {name}(…) from "{name}.md"`'
            if not prefix and scope.lookup(name) is not None:
                declare = f'write `ask "{{{{ {name} }}}}"` for a prompt that is a value; or {declare}'
            help = did_you_mean(name, known) or (f"the prompts are {there}" if there else declare)
            self.report("F0641", f"{where} `{name}`", use.name.span, help)
        return None

    def _called(self, name: str) -> bool:
        """Tell whether a function, a flow or an extern has this name."""
        flows = self.expressions.imported.flows
        return name in self.catalog.functions or name in self.typed.own or ("", name) in flows


def _written(use: s.PromptUse) -> str:
    return f"{use.prefix.text}.{use.name.text}" if use.prefix is not None else use.name.text
