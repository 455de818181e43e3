"""The method ``__init__`` of records. Classes of one shape share its code, except for the names in it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from functools import cache
from types import CellType, CodeType, FunctionType, MemberDescriptorType
from typing import Any


class _Factory:
    def __repr__(self) -> str:
        return "<factory>"


_MAKES = _Factory()
"""The default of a parameter whose value is made anew for each object."""


COLD = 8
"""The number of objects of a class whose fields are set one by one. To compile takes as long as that for 40 objects."""


class Init:
    """Stands for the method ``__init__`` of a class until it is compiled.

    The first objects of a class get their fields without it. Most classes that a command loads make few objects.
    """

    def __init__(self, cls: Any, frozen: bool) -> None:
        self._cls, self._frozen = cls, frozen
        self._left = COLD
        self._parts: _Parts | None = None

    def __get__(self, made: object, owner: type | None = None) -> Any:
        if made is None or not self._left:
            return self._compiled().__get__(made, owner)
        self._left -= 1
        return lambda *args, **named: self._fill(made, args, named)

    def _compiled(self) -> FunctionType:
        function = self._cls.__init__ = _init(self._cls, frozen=self._frozen)
        return function

    def _fill(self, made: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        """Set the fields of an object. The compiled method has the words for arguments that do not fit."""
        if self._parts is None:
            self._parts = _Parts(self._cls)
        values = self._parts.values(args, named)
        if values is None:
            self._compiled()(made, *args, **named)
            return
        put = object.__setattr__ if self._frozen else setattr
        for name, value in values:
            put(made, name, value)
        if self._parts.then:
            made.__post_init__()


class _Parts:
    """The fields of a class, by the ways in which they get their values."""

    def __init__(self, cls: Any) -> None:
        every = fields(cls)
        self.positional = [one.name for one in every if one.init and not one.kw_only]
        self.others = [one for one in every if one.init and (one.kw_only or default_of(one) is not MISSING)]
        self.unset = [one for one in every if not one.init and _value_of(one)]
        self.names = frozenset(one.name for one in every if one.init)
        self.then = hasattr(cls, "__post_init__")

    def values(self, args: tuple[Any, ...], named: dict[str, Any]) -> list[tuple[str, Any]] | None:
        """Return the names and values of the fields. None if the arguments do not fit."""
        given = dict(zip(self.positional, args, strict=False))
        if len(args) > len(self.positional) or not (named.keys() <= self.names and named.keys().isdisjoint(given)):
            return None
        given |= named
        for one in self.others:
            if one.name not in given and default_of(one) is not MISSING:
                given[one.name] = _default(one)
        if len(given) != len(self.names):
            return None
        return [*given.items(), *((one.name, _default(one)) for one in self.unset)]


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _init(cls: Any, *, frozen: bool) -> FunctionType:
    every = fields(cls)
    positional = [one for one in every if one.init and not one.kw_only]
    by_name = [one for one in every if one.init and one.kw_only]
    ordered = [*positional, *by_name, *(one for one in every if not one.init)]
    given = {one.name: default for one in (*positional, *by_name) if (default := default_of(one)) is not MISSING}
    shape = tuple(map(_value_of, ordered))
    code = _code(shape, len(positional), len(by_name), frozen, hasattr(cls, "__post_init__"))
    named = {f"a{at}": one.name for at, one in enumerate(ordered)}
    code = code.replace(
        co_varnames=tuple(named.get(name, name) for name in code.co_varnames),
        co_names=tuple(named.get(name, name) for name in code.co_names),
    )
    function = FunctionType(
        code,
        sys.modules[cls.__module__].__dict__,
        "__init__",
        tuple(given[one.name] for one in positional if one.name in given),
        tuple(CellType(_free(cls, ordered, name)) for name in code.co_freevars),
    )
    function.__kwdefaults__ = {one.name: given[one.name] for one in by_name if one.name in given} or None
    function.__annotations__ = {**{one.name: one.type for one in (*positional, *by_name)}, "return": None}
    function.__qualname__ = f"{cls.__qualname__}.__init__"
    return function


def default_of(field: Field[Any]) -> object:
    """Return the default of a field's parameter. MISSING if it has none."""
    return field.default if field.default_factory is MISSING else _MAKES


def _value_of(field: Field[Any]) -> str:
    """Return the expression for the value of a field, "" for a field that stays unset; {0} stands for its number."""
    if field.default_factory is not MISSING:
        return "make{0}() if a{0} is makes else a{0}" if field.init else "make{0}()"
    if field.init:
        return "a{0}"
    return "" if field.default is MISSING else "default{0}"


def _free(cls: type, ordered: list[Field[Any]], name: str) -> object:
    """Return the value of a free name of the code, such as make3."""
    word = name.rstrip("0123456789")
    if word == "makes":
        return _MAKES
    one = ordered[int(name[len(word) :])]
    if word != "set":
        return one.default_factory if word == "make" else one.default
    # The value goes past `__setattr__`, which refuses to set it.
    slot = getattr(cls, one.name, None)
    return slot.__set__ if isinstance(slot, MemberDescriptorType) else _setter(one.name)


def _setter(name: str) -> Callable[[object, object], None]:
    """Return the function that sets an attribute of an object without slots."""
    return lambda self, value: object.__setattr__(self, name, value)


@cache
def _code(shape: tuple[str, ...], positional: int, by_name: int, frozen: bool, then: bool) -> CodeType:
    """Compile a method `__init__` with fields a0, a1 and so on."""
    taken = [f"a{at}" for at in range(positional + by_name)]
    params = ["self", *taken[:positional], *["*"][: bool(by_name)], *taken[positional:]]
    lines = [
        f"set{at}(self, {value.format(at)})" if frozen else f"self.a{at} = {value.format(at)}"
        for at, value in enumerate(shape)
        if value
    ]
    body = "\n  ".join([*lines, *["self.__post_init__()"][:then], "return"])
    # A free name that no line has would take time to compile.
    words = ("set" * frozen, *{value.partition("{")[0] for value in shape} - {"", "a"})
    free = [f"{word}{at}" for at in range(len(shape)) for word in words if word]
    text = f"def around(makes, {', '.join(free)}):\n def __init__({', '.join(params)}):\n  {body}\n"
    return _inner(_inner(compile(text, "<record>", "exec")))


def _inner(code: CodeType) -> CodeType:
    """Return the code of the one function that this code defines."""
    return next(one for one in code.co_consts if isinstance(one, CodeType))
