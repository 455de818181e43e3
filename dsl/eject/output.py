"""The program as it grows: the helpers that it needs, its constants and its functions."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Mapping
from keyword import kwlist, softkwlist
from typing import Any

from ..stubs.names import Names
from .wire import Wire

_MODULES = "annotations Any Json asyncio json os random re sys time Path folder FOLDER field dataclass html"


class Output:
    """The parts of a program. ``kit`` are the names of helpers that it uses, and ``copied`` those that helpers need.

    ``constants`` and ``prompts`` have definitions by their text, so that equal ones are written once. ``adaptive`` are
    the lists of votes that choose the number of their samples.
    """

    def __init__(self, helpers: Iterable[str], wire: Wire, model: str, copied: Iterable[str] = ()) -> None:
        self.helpers = frozenset(helpers)
        self.wire = wire
        self.model = model
        self.reserved = {*self.helpers, *copied, *dir(builtins), *kwlist, *softkwlist, *_MODULES.split()}
        self.names = Names(self.reserved)
        self.kit: dict[str, None] = {}
        self.imports: dict[str, None] = {}
        self.constants: dict[str, str] = {}
        self.prompts: dict[str, str] = {}
        self.adaptive: set[str] = set()

    def use(self, name: str) -> str:
        """Return the name of a helper, which the program then has."""
        assert name in self.helpers, name
        self.kit[name] = None
        return name

    def constant(self, wanted: str, text: str) -> str:
        """Return the name of a constant with this value."""
        if text not in self.constants:
            self.constants[text] = self.names.free(wanted.upper(), sign="")
        return self.constants[text]

    def model_constant(self, wanted: str, address: str, fallback: str | None = None) -> str:
        """Return the name of the constant for a model at an address, with the model that takes its place."""
        other = "" if fallback is None else f", other={self.model_constant(f'{wanted}_other', fallback)}"
        found = self.wire.model(address)
        keys = literal(tuple(found.keys))
        text = (
            f"Model({text_literal(found.name)}, {text_literal(found.url)}, {text_literal(found.base)}, {keys}{other})"
        )
        self.use("Model")
        return self.constant(wanted, text)

    def prompt(self, wanted: str, head: str, body: list[str]) -> str:
        """Return the name of a function. ``head`` are its parameters."""
        text = "\n".join([f"({head}) -> str:", *body])
        if text not in self.prompts:
            self.prompts[text] = self.names.free(wanted, sign="")
        return self.prompts[text]


def literal(value: Any) -> str:
    """Write data as Python does, on one line."""
    match value:
        case str():
            return text_literal(value)
        case Mapping():
            return "{" + ", ".join(f"{text_literal(str(name))}: {literal(one)}" for name, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(literal, value)) + "]"
        case tuple():
            return "(" + ", ".join(map(literal, value)) + ("," if len(value) == 1 else "") + ")"
    return repr(value)


def text_literal(text: str) -> str:
    """Write a text between double quotes. Characters that nobody sees are written by their codes."""
    return '"' + inside_quotes(text) + '"'


def inside_quotes(text: str) -> str:
    out = []
    for char in text:
        if char.isprintable() and char not in '"\\':
            out.append(char)
        elif ord(char) > 0xFFFF:
            out.append(f"\\U{ord(char):08x}")
        elif char == "\x7f" or "\x80" <= char <= "\x9f":
            out.append(f"\\x{ord(char):02x}")
        else:
            out.append(json.dumps(char)[1:-1])
    return "".join(out)
