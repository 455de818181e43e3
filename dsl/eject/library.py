"""Copies of definitions. A program gets those that it names, each with the definitions that it mentions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

from ..records import dataclass

Read = Callable[[str], str]
"""A function that returns the source text of a module, by its dotted name; "" if the name is no module of ours."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A definition that is copied: its text, and the imports of the standard library that it needs."""

    name: str
    text: str
    imports: tuple[str, ...]
    mentions: tuple[tuple[str, str], ...]


class ClashError(Exception):
    """Two definitions that a program needs have one name."""


class Library:
    """The definitions of some modules, ``home`` first. Names are looked up there, and in what the modules import.

    ``faces`` has the modules of names that a package offers as its own: ``("flowrun.dsl", "option_of")``.
    """

    def __init__(self, home: Iterable[str], read: Read, faces: Callable[[str, str], str]) -> None:
        self._read = read
        self._faces = faces
        self._modules: dict[str, dict[str, Copied]] = {}
        self._homes = {name: module for module in home for name in self._module(module)}

    def names(self) -> frozenset[str]:
        """Return the names that a program may ask for."""
        return frozenset(self._homes)

    def every(self) -> frozenset[str]:
        """Return the names of all definitions that a program may have."""
        return frozenset(name for _, name in self._reached(lambda one: one))

    def replaced(self) -> frozenset[tuple[str, str]]:
        """Return the definitions that copies mention and that a helper of the same name takes the place of."""
        reached = self._reached(lambda one: (self._homes.get(one[1], one[0]), one[1]))
        mentioned = {found for module, name in reached for found in self._module(module)[name].mentions}
        return frozenset(one for one in mentioned if self._homes.get(one[1], one[0]) != one[0])

    def _reached(self, taken: Callable[[tuple[str, str]], tuple[str, str]]) -> set[tuple[str, str]]:
        """Return the helpers and what they mention, where ``taken`` tells which definition a mention gets."""
        known: set[tuple[str, str]] = set()
        todo = [(module, name) for name, module in self._homes.items()]
        while todo:
            one = todo.pop()
            if one not in known:
                known.add(one)
                todo += map(taken, self._module(one[0])[one[1]].mentions)
        return known

    def copies(self, names: Iterable[str]) -> tuple[list[str], list[str]]:
        """Return the imports and the texts of definitions and of all that they mention, each behind what it needs."""
        order: list[Copied] = []
        known: dict[str, Copied] = {}
        open_: set[tuple[str, str]] = set()

        def add(module: str, name: str) -> None:
            if (module, name) in open_:
                return
            open_.add((module, name))
            one = self._module(module)[name]
            for mention in one.mentions:
                # A helper takes the place of what has its name elsewhere.
                add(self._homes.get(mention[1], mention[0]), mention[1])
            if name in known:
                if known[name].text != one.text:
                    raise ClashError(f"two definitions are called `{name}`")
                return
            known[name] = one
            order.append(one)

        for name in names:
            add(self._homes[name], name)
        imports = sorted({line for one in order for line in one.imports})
        return imports, [one.text for one in order]

    def _module(self, module: str) -> dict[str, Copied]:
        if module not in self._modules:
            self._modules[module] = _definitions(module, self._read, self._faces)
        return self._modules[module]


def _definitions(module: str, read: Read, faces: Callable[[str, str], str]) -> dict[str, Copied]:
    source = read(module)
    tree = ast.parse(source)
    ours: dict[str, tuple[str, str]] = {}
    outer: dict[str, list[str]] = {}
    # Imports inside of functions are copied with them.
    heads = [one for node in tree.body for one in (node.body if isinstance(node, ast.If) else [node])]
    for node in heads:
        if isinstance(node, ast.Import):
            for one in node.names:
                outer.setdefault((one.asname or one.name).partition(".")[0], []).append(_written(one))
        elif isinstance(node, ast.ImportFrom):
            home = _absolute(module, node.level, node.module or "")
            for one in node.names:
                if not home.startswith("flowrun"):
                    outer[one.asname or one.name] = [f"from {home} import {one.name}"]
                else:
                    ours[one.asname or one.name] = (faces(home, one.name) or home, one.name)
    own: dict[str, ast.stmt] = {}
    for statement in tree.body:
        for name in _bound(statement):
            own[name] = statement
    lines = source.splitlines()
    found = {}
    for name, statement in own.items():
        first = min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", ()))])
        text = "\n".join(lines[first - 1 : statement.end_lineno])
        text = (
            text.replace("pattern(", "re.compile(") if ours.get("pattern") and not name.startswith("pattern") else text
        )
        used = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        used |= _quoted_names(statement)
        mentions = [(module, one) for one in own if one in used and one != name]
        mentions += [home for one, home in ours.items() if one in used and one != "pattern"]
        imports = {line for one, lines_ in outer.items() if one in used for line in lines_}
        imports |= {"import re"} if "re.compile(" in text else set()
        # A name of types is an alias of any data.
        mentions = [one for one in mentions if one[1] != "Json"]
        found[name] = Copied(name, text, tuple(sorted(imports)), tuple(mentions))
    return found


def _bound(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _quoted_names(statement: ast.stmt) -> set[str]:
    """Return the names in annotations that are texts."""
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value[:1].isupper():
            found |= {word for word in node.value.split(" ") if word.isidentifier()} if len(node.value) < 40 else set()
    return found


def _absolute(module: str, level: int, name: str) -> str:
    if not level:
        return name
    parts = module.split(".")[:-level]
    return ".".join([*parts, *([name] if name else [])])


def _written(one: ast.alias) -> str:
    return f"import {one.name}" + (f" as {one.asname}" if one.asname else "")
