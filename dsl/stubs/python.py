"""Stubs in Python: a module with a typed function for each flow, and its form for coroutines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from keyword import iskeyword

from .. import types as t
from .flow_stubs import StubFlow, StubParam
from .names import Names, type_name
from .shapes import Shapes

_USED = "annotations Any Literal NotRequired TypedDict TypeAlias Path Sequence cache flowrun Result RunOptions Url"
_OWN = "_HERE _plan _ended"
_BUILTIN = "str int float bool bytes list dict type object property"
HEAD = '''"""Typed functions that run flows. `flowrun stubs` wrote this module: do not edit it, write it again."""'''
WIDEST = 110
_BODY = """
_HERE = Path(__file__).parent


@cache
def _plan(path: str, flow: str) -> flowrun.dsl.plan.Plan:
    return flowrun.plan_of(flowrun.load(_HERE / path), flow)


def _ended(result: Result[Any]) -> Result[Any]:
    if not result.ok:
        raise flowrun.RunError(result)
    return result
"""


class PythonShapes(Shapes):
    """The types of a stub in Python: a ``TypedDict`` for a record, a ``Literal`` for a choice."""

    def record(self, name: str, parts: list[tuple[t.Field, str]], *, given: bool) -> list[str]:
        fields = [(one, f"NotRequired[{text}]" if self.lacking(one, given=given) else text) for one, text in parts]
        if any(iskeyword(one.name) or one.name.startswith("__") for one, _ in fields):
            inside = [f"    {_quoted(one.name)}: {text}," for one, text in fields]
            return [
                "",
                "",
                f"{name} = TypedDict(",
                f'    "{name}",',
                "    {",
                *["    " + line for line in inside],
                "    },",
                ")",
            ]
        lines = [f"    {one.name}: {text}" for one, text in fields]
        return ["", "", f"class {name}(TypedDict):", *(lines or ["    pass"])]

    def union(self, name: str, options: list[str]) -> list[str]:
        return ["", "", f"{name}: TypeAlias = {' | '.join(options)}"]

    def many(self, item: str, *, given: bool) -> str:
        return f"Sequence[{item}]" if given else f"list[{item}]"

    def maybe(self, item: str) -> str:
        return item if item == "Any" or item.endswith("| None") else f"{item} | None"

    def words(self, options: tuple[str, ...]) -> str:
        return f"Literal[{', '.join(map(_quoted, options))}]"

    def simple(self, type_: t.Type, *, given: bool) -> str:
        match type_:
            case t.Simple("int"):
                return "int"
            case t.Simple("number") | t.Quantity():
                return "float"
            case t.Simple("bool"):
                return "bool"
            case t.Simple("none"):
                return "None"
            case t.Simple("json" | "unknown") | t.Mixed():
                return "Any"
            case t.Simple("document") if given:
                return "str | Path | Url"
            case t.Simple("image") if given:
                return "bytes | Path | Url"
            case t.Simple("image"):
                return "Any"
            case t.Range():
                return "int" if type_.whole else "float"
        return "str"


def python_stub(flows: Sequence[StubFlow]) -> str:
    """Return the module for these flows."""
    names = Names([*_USED.split(), *_OWN.split(), *_BUILTIN.split()])
    functions = [(flow, names.free(_name(flow.name)), names.free(_name(f"{flow.name}_async"))) for flow in flows]
    shapes = PythonShapes(names)
    bodies: list[str] = []
    for flow, function, coroutine in functions:
        result = shapes.written(flow.result, f"{type_name(flow.name)}Result", given=False)
        own = Names([*_USED.split(), *_OWN.split(), *_BUILTIN.split(), "options", "given"])
        params = [
            _Param(one, own.free(_name(one.name)), shapes.written(one.type, f"{flow.name}_{one.name}", given=True))
            for one in flow.params
        ]
        bodies += _function(flow, params, function, result, waits=False)
        bodies += _function(flow, params, coroutine, result, waits=True)
    text = "\n".join([*_BODY.rstrip("\n").split("\n"), *shapes.lines, *bodies])
    return "\n".join([HEAD, "", *_imports(text), text]) + "\n"


def _imports(text: str) -> Iterator[str]:
    """Yield the imports that a text needs."""

    def used(*words: str) -> list[str]:
        return [word for word in words if word in text]

    yield "from __future__ import annotations"
    yield ""
    if used("Sequence["):
        yield "from collections.abc import Sequence"
    yield "from functools import cache"
    yield "from pathlib import Path"
    yield f"from typing import {', '.join(used('Any', 'Literal', 'NotRequired', 'TypeAlias', 'TypedDict'))}"
    yield ""
    yield "import flowrun"
    yield f"from flowrun import {', '.join(used('Result', 'RunOptions', 'Url'))}"


class _Param:
    """A parameter of a function, with its name and its type in Python."""

    def __init__(self, param: StubParam, name: str, written: str) -> None:
        self.param = param
        self.name = name
        self.type = _at_top(param.type, written)
        self.left_out = not param.required and not _is_plain(param)

    def signature(self) -> str:
        if self.param.required:
            return f"{self.name}: {self.type}"
        if self.left_out:
            return f"{self.name}: {self.type if self.type.endswith('| None') else self.type + ' | None'} = None"
        assert self.param.default is not None
        return f"{self.name}: {self.type} = {_literal(self.param.default.value)}"


def _at_top(type_: t.Type, written: str) -> str:
    """Add what a parameter may be beside its data: the path of a file that flowrun reads."""
    inner = t.unwrapped(type_)
    if not isinstance(inner, t.ListOf) and inner != t.TEXT and not isinstance(inner, t.SizedText):
        return written
    bare = written.removesuffix(" | None")
    return f"{bare} | Path | Url" + (" | None" if bare != written else "")


def _function(flow: StubFlow, params: list[_Param], name: str, result: str, *, waits: bool) -> Iterator[str]:
    """Yield the lines of one function."""
    said = [*(["*"] if params else []), *(one.signature() for one in params), "options: RunOptions | None = None"]
    start = f"{'async def' if waits else 'def'} {name}("
    end = f") -> Result[{result}]:"
    said = said if params else ["*", *said]
    line = start + ", ".join(said) + end
    yield from ("", "")
    yield from [line] if len(line) <= WIDEST else [start, *(f"    {one}," for one in said), end]
    yield from _docstring(flow)
    entries = ", ".join(f"{_quoted(one.param.name)}: {one.name}" for one in params if not one.left_out)
    yield f"    given: dict[str, Any] = {{{entries}}}"
    for one in params:
        if one.left_out:
            yield f"    if {one.name} is not None:"
            yield f"        given[{_quoted(one.param.name)}] = {one.name}"
    call = f"(_plan({_quoted(flow.path)}, {_quoted(flow.name)}), given, options=options)"
    yield f"    return _ended(await flowrun.run_async{call})" if waits else f"    return flowrun.run{call}"


def _docstring(flow: StubFlow) -> Iterator[str]:
    comment = flow.comment or f"Run the flow `{flow.name}` of {flow.path}."
    text = "".join(char if char.isprintable() or char == "\n" else " " for char in comment)
    lines = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"').split("\n")
    if len(lines) == 1 and not lines[0].endswith('"'):
        yield f'    """{lines[0]}"""'
        return
    yield f'    """{lines[0]}'
    yield from (f"    {line}".rstrip() for line in lines[1:])
    yield '    """'


def _name(name: str) -> str:
    """Return a name that Python takes: a keyword gets a line behind it."""
    return f"{name}_" if iskeyword(name) else name


def _is_plain(param: StubParam) -> bool:
    """Tell whether a default can be written in a signature."""
    return param.default is not None and isinstance(param.default.value, str | int | float | bool)


def _literal(value: object) -> str:
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())
