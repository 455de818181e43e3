"""Providers enforce the type of an answer only up to a size that they document. OpenAI takes 1,000 choices, 10 levels
of records, 5,000 fields, and a limited number of characters in names and choices. Azure takes 5 levels and 100 fields.
Anthropic takes 16 parts that may be missing. A provider refuses a request beyond its limits. flowrun then asks for the
type in words, and the model may not follow them. Ask for less at once, or in several steps. The warning needs an `ask`
whose model is declared.

```flow bad
model claude = "anthropic:claude-sonnet-4-5"
type Form = {
  a: text?  b: text?  c: text?  d: text?  e: text?  f: text?  g: text?  h: text?  i: text?
  j: text?  k: text?  l: text?  m: text?  n: text?  o: text?  p: text?  q: text?
}

flow read(scan: text) {
  form = ask claude "Fill in the form: {{ scan }}" -> Form
  return form
}
```

```flow good
model claude = "anthropic:claude-sonnet-4-5"
type Form = {
  a: text   b: text   c: text   d: text   e: text   f: text   g: text   h: text   i: text
  j: text?  k: text?  l: text?  m: text?  n: text?  o: text?  p: text?  q: text?
}

flow read(scan: text) {
  form = ask claude "Fill in the form: {{ scan }}" -> Form
  return form
}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog
from ..checking.endpoints import limits_of
from ..checking.program import Program, Scope
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Label
from ..source import Span
from .lint import Lint
from .parts import asks, walk

# OpenAI: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas (5,000 properties, 10 levels,
# 120,000 characters of names and choices, 1,000 choices, 15,000 characters of one list of more than 250 choices).
# Azure: https://learn.microsoft.com/azure/ai-foundry/openai/how-to/structured-outputs (100 properties, 5 levels).
# Anthropic: https://platform.claude.com/docs/en/build-with-claude/structured-outputs#schema-complexity-limits (16 parts
# with a union; an optional part is one, since it is a value or null). Gemini documents none:
# https://ai.google.dev/gemini-api/docs/structured-output.

MOST_LEVELS = 10
MOST_FIELDS = 5_000
MOST_CHARACTERS = 120_000
MOST_CHOICES = 1_000
LONG_CHOICE = 250
MOST_OF_LONG_CHOICE = 15_000
MOST_UNIONS = 16
AZURE_LEVELS = 5
AZURE_FIELDS = 100
_NAMES = {"openai": "OpenAI", "azure": "Azure", "anthropic": "Anthropic"}


def provider_limits(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    models = {model.name.text: model for model in program.file.models}
    found = []
    for ask, scope in _asks(program) if models else ():
        symbol = scope.lookup(ask.model.word.text) if isinstance(ask.model, s.Name) else None
        model = models.get(symbol.name) if symbol and symbol.kind == "model" else None
        type_ = typed.nodes.answers.get(ask.number, t.UNKNOWN)
        if model is None or ask.answer is None or isinstance(type_, t.Simple):
            continue
        for address in (model.address, model.fallback):
            provider = limits_of(address.value, program.file, catalog.limits) if address else ""
            if address and (beyond := _beyond(provider, type_)):
                found.append(_finding(ask.answer.span, address.span, *beyond))
    return found


def _asks(program: Program) -> Iterator[tuple[s.Ask, Scope]]:
    for flow in program.flows:
        for step in walk(flow):
            node = step.line.node
            if isinstance(node, s.Ask):
                yield node, step.scope
            elif isinstance(node, (s.Fanout, s.Map, s.Repeat)):
                for ask in asks(node.reduce):
                    yield ask, step.reduce_scope or step.scope


class _Measure:
    """The size of the schema that is sent for a type. No provider can enforce a schema that is ``open``.

    ``longest`` is the number of characters in the longest list of more than 250 choices.
    """

    def __init__(self) -> None:
        self.fields = self.levels = self.characters = self.choices = self.unions = self.longest = 0
        self.open = False

    def add(self, type_: t.Type, level: int = 0) -> None:
        self.levels = max(self.levels, level)
        match type_:
            case t.Choice(options):
                length = sum(map(len, options))
                self.choices += len(options)
                self.characters += length
                if len(options) > LONG_CHOICE:
                    self.longest = max(self.longest, length)
            case t.ListOf(item):
                self.add(item, level)
            case t.Optional(item):
                self.unions += 1
                self.add(item, level)
            case t.Union(members):
                self.unions += 1
                for member in members:
                    self.add(member, level)
            case t.Record(fields):
                self.levels = max(self.levels, level + 1)
                for one in fields:
                    self.fields += 1
                    self.characters += len(one.name)
                    self.add(one.type, level + 1)
            case t.Simple("json" | "unknown"):
                self.open = True


def _beyond(provider: str, type_: t.Type) -> tuple[str, str] | None:
    """Return the limits of a provider that a type exceeds, and the way out. None if it exceeds none."""
    if provider not in _NAMES:
        return None
    measure = _Measure()
    # A type that is no record is sent as the only field of a record.
    measure.add(type_ if isinstance(type_, t.Record) else t.Record((t.Field("answer", type_),)))
    if measure.open:
        return None
    if provider == "anthropic":
        if measure.unions <= MOST_UNIONS:
            return None
        told = f"{measure.unions} parts of this answer may be missing, and Anthropic takes at most {MOST_UNIONS}"
        return told, "delete some of the `?`, or ask for the parts in several steps"
    azure = provider == "azure"
    limits = (
        (
            measure.choices,
            MOST_CHOICES,
            "choices in one answer",
            "ask for a group first and then for the choices in that group, or ask for a text",
        ),
        (
            measure.longest,
            MOST_OF_LONG_CHOICE,
            f"characters in a choice of more than {LONG_CHOICE} words",
            "use shorter words",
        ),
        (
            measure.levels,
            AZURE_LEVELS if azure else MOST_LEVELS,
            "levels of records in one answer",
            "ask for the inner parts in another step",
        ),
        (
            measure.fields,
            AZURE_FIELDS if azure else MOST_FIELDS,
            "fields in one answer",
            "ask for the parts in several steps",
        ),
        (measure.characters, MOST_CHARACTERS, "characters of names and choices in one answer", "use shorter words"),
    )
    for count, most, what, help in limits:
        if count > most:
            return f"{count:,} {what}, and {_NAMES[provider]} takes at most {most:,}", help
    return None


def _finding(answer: Span, address: Span, message: str, help: str) -> Diagnostic:
    return Diagnostic(
        "F0724",
        message,
        answer,
        labels=(Label(address, "the provider"),),
        note="above this limit the provider refuses the type: flowrun then describes the type in the prompt, "
        "and the model may not follow it",
        help=help,
    )


LINT = Lint("F0724", provider_limits)
