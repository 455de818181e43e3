"""The pages of the Python API: signatures, types, fields and errors, from the objects and their docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any, get_origin

from .. import SiteError
from ..markdown import code, fenced, page, table
from ..navigation import Made
from .docstrings import first_sentence, paragraphs

MODULES = {
    "flowrun": "Run flows of calls to language models from Python.",
    "flowrun.events": "The events of a run, as listeners get them and as the journal keeps them.",
    "flowrun.replay": "A recorded run, repeated without a call.",
    "flowrun.dsl": "The language: from text to a checked flow to a plan. It uses no clock, no network and no disk.",
    "flowrun.dsl.types": "The types of the language: how they fit, how they are written, and their JSON Schema.",
    "flowrun.testing": "Tests of flows from Python, fakes of what is around a run, and the suites for plugins.",
}
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def made_api() -> Made:
    """Make a page for each public module, and the list of all."""
    pages = {"api/index.md": _list()}
    for name, text in MODULES.items():
        pages[_place(name)] = _module(name, text)
    return Made(pages, {_place(name): name for name in MODULES} | {"api/index.md": "All modules"})


def _place(name: str) -> str:
    return f"api/{name}.md"


def module_of(name: str) -> ModuleType:
    """Import a public module. Some are attributes of the package above them."""
    if name in ("flowrun.events", "flowrun.replay"):
        found: ModuleType = getattr(import_module("flowrun"), name.rpartition(".")[2])
        return found
    return import_module(name)


def public_names(module: ModuleType) -> list[str]:
    """Return the public names of a module, but for modules, which have pages of their own."""
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    ]
    return sorted((name for name in names if not isinstance(getattr(module, name), ModuleType)), key=str.lower)


def _list() -> str:
    rows = []
    for name, text in MODULES.items():
        names = ", ".join(f"[`{one}`]({name}.md#{one.lower()})" for one in public_names(module_of(name)))
        rows.append((f"[`{name}`]({name}.md)", text, names))
    return page(
        "Python API",
        "[Python](../python.md) tells how to run, test and extend flows from Python. These pages are made from "
        "the code. Names that are not here are not promised to others. `flowrun.dsl.plan` has the classes of "
        "[the JSON of a plan](../reference/plan.md).",
        table(("module", "about", "names"), rows),
    )


def _module(name: str, text: str) -> str:
    module = module_of(name)
    parts = [text]
    for one in public_names(module):
        parts += [f"## `{one}`", *_object(one, getattr(module, one))]
    return page(f"`{name}`", *parts)


def _object(name: str, value: Any) -> Iterator[str]:
    if inspect.isclass(value):
        yield from _class(name, value)
    elif callable(value) and not get_origin(value) and hasattr(value, "__code__"):
        yield fenced(f"{'async ' if inspect.iscoroutinefunction(value) else ''}def {name}{_signature(value)}", "python")
        yield paragraphs(inspect.getdoc(value) or "")
    else:
        shown = re.sub(r"\b(?:flowrun|collections|typing)(?:\.\w+)*\.", "", str(value))
        yield f"A constant: {code(_short(shown))}." if not get_origin(value) else f"A type: {code(_short(shown))}."


def _class(name: str, value: type) -> Iterator[str]:
    bases = [base.__name__ for base in value.__bases__ if base is not object and not base.__name__.startswith("_")]
    head = f"class {name}" + (f"({', '.join(bases)})" if bases else "")
    fields = dataclasses.fields(value) if dataclasses.is_dataclass(value) else ()
    yield fenced(head, "python")
    yield paragraphs(_own_doc(value))
    for base in value.__mro__[1:]:
        if dataclasses.is_dataclass(base) and fields and _own_doc(base) and base.__module__.startswith("flowrun"):
            yield f"Of `{base.__name__}`:"
            yield paragraphs(_own_doc(base))
    rows = [(code(one.name), code(_type(one.type)), _default(one)) for one in fields if not one.name.startswith("_")]
    if rows:
        yield table(("field", "type", "default"), rows)
    yield from _members(value)


def _own_doc(value: type) -> str:
    doc = value.__dict__.get("__doc__") or ""
    return "" if doc.startswith(f"{value.__name__}(") else inspect.cleandoc(doc)


def _members(value: type) -> Iterator[str]:
    rows = []
    for name, member in sorted(_inherited(value).items()):
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            kind = inspect.signature(member.fget).return_annotation if member.fget else ""
            rows.append((code(name), code(_type(kind)), first_sentence(inspect.getdoc(member))))
        elif isinstance(member, (classmethod, staticmethod)) or inspect.isfunction(member):
            function = getattr(value, name)
            rows.append((code(f"{name}{_signature(function)}"), "", first_sentence(inspect.getdoc(function))))
    if rows:
        yield table(("member", "type", "about"), rows)


def _inherited(value: type) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in reversed(value.__mro__):
        if base.__module__.startswith("flowrun"):
            found |= vars(base)
    return found


def _signature(function: Any) -> str:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise SiteError(f"{function!r} has no signature: {error}") from None
    first = next(iter(signature.parameters), "")
    if first == "self":
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    text = _ADDRESS.sub("", str(signature))
    text = re.sub(r"<function (\w+)>", r"\1", text)
    return re.sub(r"'([^']*)'(?=[,)\] =]|$)", r"\1", text)


def _type(kind: Any) -> str:
    return kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))


def _default(one: dataclasses.Field[Any]) -> str:
    if one.default is not dataclasses.MISSING:
        name = getattr(one.default, "__name__", "")
        return code(_short(name or repr(one.default)))
    if one.default_factory is not dataclasses.MISSING:
        return code(_short(repr(one.default_factory())))
    return "needed"


def _short(text: str) -> str:
    text = _ADDRESS.sub("", text)
    return text if len(text) <= 100 else f"{text[:97]}…"
