"""The allowed subset of jinja2 beyond mentions: statements, filters and tests that cannot run forever."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..diagnostics import Diagnostic
from ..functions import VALUE_FUNCTIONS
from ..syntax import String
from . import nodes
from .error_messages import CALLED
from .plain import Mention
from .syntax import read_tree

TESTS = frozenset({"defined", "none"})
MOST_LOOPS = 6
"""The most loops inside one another."""
MOST_BRANCHES = 200
"""The most `{% elif %}` of one `{% if %}`."""

_OWN_WORDS = {
    "loop": "`loop` counts the rounds of a `for`",
    "self": "`self` means the template itself",
}
_HALF = re.compile("[\ud800-\udfff]")
_FLOW_ALONE = "a template cannot load another template"
_SUMS = "a template can only add and subtract"
_REASONS = {
    "Call": "a template cannot call functions: it only inserts values",
    "Getitem": "the language has no indexing; write `.name` for a field",
    "Slice": "the language has no slicing; cut the text with split()",
    "Mul": "a multiplication could make a prompt of any length",
    "Pow": "a power could make a number of any length",
    "Div": _SUMS,
    "FloorDiv": _SUMS,
    "Mod": _SUMS,
    "Dict": "build a record in the flow",
    "Tuple": "the language has no tuples; write a list as `[a, b]`",
    "Include": _FLOW_ALONE,
    "Import": _FLOW_ALONE,
    "FromImport": _FLOW_ALONE,
    "Extends": _FLOW_ALONE,
    "Block": _FLOW_ALONE,
    "Macro": "a template cannot define a macro: write a step or a flow",
    "CallBlock": "a template cannot call functions: it only inserts values",
    "FilterBlock": "apply the filter to a value: `{{ value | filter }}`",
    "With": "write `{% set x = y %}` to give a value a name",
    "AssignBlock": "a `set` gives a single value a name: `{% set x = y %}`",
    "Scope": "texts are inserted unchanged, without escapes",
}
_FILTERS_CALLED = {
    "strip": "trim",
    "len": "length",
    "count": "length",
    "sorted": "sort",
    "dumps": "json",
    "reversed": "reverse",
}
_LOOSE = {
    "For": ("a `for` in a template has a single name", "write `{% for x in xs %}`"),
    "Assign": ("a `set` in a template has a single name", "write `{% set x = y %}`"),
    "Filter": ("a filter takes its arguments one by one", "write each argument: `{{ xs | join(', ') }}`"),
}
"""The parts that the subset allows, but not in every form."""


def read_any(string: String) -> tuple[nodes.Node, ...] | list[Diagnostic]:
    """Read any template. Return its statements, or the problems with it."""
    body = read_tree(string)
    if isinstance(body, Diagnostic):
        return [body]
    return list(_refused(string, body)) or body


def strange_filter(body: tuple[nodes.Node, ...]) -> str | None:
    """Return the name of a filter that does not exist; None if all exist."""
    todo = list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, nodes.Filter) and node.name not in VALUE_FUNCTIONS:
            return node.name
        todo.extend(node.children())
    return None


def _refused(string: String, body: tuple[nodes.Node, ...]) -> Iterator[Diagnostic]:
    todo = [(node, 0) for node in body]
    while todo:
        node, loops = todo.pop()
        at = string.place(node.start, node.end)
        if isinstance(node, nodes.Strange):
            if node.kind == "TooDeep":
                help = "write parts of it as steps"
                yield Diagnostic("F0304", "this template is nested too deep", string.span, help=help)
                return
            if node.kind in _LOOSE:
                message, help = _LOOSE[node.kind]
                yield Diagnostic("F0304", message, at, help=help)
                continue
            reason = _REASONS.get(node.kind, "templates can only insert values, with `if`, `for` and `set`")
            # Some reasons are whole sentences about templates already.
            message = reason if reason.startswith("a template") else f"a template cannot do this: {reason}"
            yield Diagnostic("F0304", message, at, help=_way_out(node))
            continue
        inside = loops + isinstance(node, nodes.For)
        if problem := _misshapen(node, inside):
            message, help = problem
            yield Diagnostic("F0304", message, at, help=help)
            continue
        todo.extend((child, inside) for child in node.children())


def _misshapen(node: nodes.Node, loops: int) -> tuple[str, str] | None:
    """Return the problem with the form of an allowed node, and the way out. None if the form is right."""
    match node:
        case nodes.For(target=target):
            if loops > MOST_LOOPS:
                return f"a `for` is nested inside {MOST_LOOPS} others", "write parts of it as steps"
            return _bad_name(target.name)
        case nodes.Assign(target=target):
            return _bad_name(target.name)
        case nodes.If() if len(node.elif_) > MOST_BRANCHES:
            return (
                f"an `if` has more than {MOST_BRANCHES} branches",
                "write a `for` over a list",
            )
        case nodes.Name(name="self"):
            return f"`self` is not a value: {_OWN_WORDS['self']}", "give the value another name in the flow"
        case nodes.Test() if node.name not in TESTS:
            return f"no test is called `{node.name}`", (
                "the tests are `is defined` and `is none`; compare values with `==`"
            )
        case nodes.Test(alone=False):
            return f"`is {node.name}` takes no arguments", f"write `{{% if x is {node.name} %}}`"
        case nodes.Const(value=str(value)) if _HALF.search(value):
            return "this text has half of a character in it", "write the whole character: `\\U0001F600`"
    return None


def _bad_name(name: str) -> tuple[str, str] | None:
    if name in _OWN_WORDS:
        return f"the name `{name}` is taken: {_OWN_WORDS[name]}", "choose another name"
    # Python replaces some letters in names by others, so two names could become one.
    if name.isascii():
        return None
    return f"`{name}` cannot be a name", "a name has only the letters a to z, digits and `_`"


def _way_out(node: nodes.Strange) -> str:
    if node.kind in ("Call", "CallBlock"):
        return _as_filter(node) or CALLED
    return "calculate the value in a step of the flow, and insert it here with `{{ name }}`"


def _as_filter(call: nodes.Strange) -> str:
    """Return the help that rewrites a call as a filter. "" if no filter does the same."""
    match call.nodes:
        case (nodes.Getattr() as method,):
            name, subject = _FILTERS_CALLED.get(method.attr, method.attr), method.node.path()
        case (nodes.Name() as function, subject_node):
            name, subject = _FILTERS_CALLED.get(function.name, function.name), subject_node.path()
        case _:
            return ""
    return f"write `{{{{ {subject} | {name} }}}}`" if name in VALUE_FUNCTIONS and subject else ""


def free_names(body: tuple[nodes.Node, ...]) -> tuple[Mention, ...]:
    """Return the names that a template mentions and does not set itself, in the order of the text."""
    found: list[Mention] = []
    _collect(body, set(), found)
    return tuple(sorted(found, key=lambda mention: mention.start))


def _collect(body: tuple[nodes.Node, ...], bound: set[str], found: list[Mention]) -> None:
    for node in body:
        match node:
            case nodes.For():
                _collect((node.iter,), bound, found)
                inner = bound | {node.target.name, "loop"}
                _collect((node.test,) if node.test else (), inner, found)
                _collect(node.body, inner, found)
                _collect(node.else_, set(bound), found)
            case nodes.Assign():
                _collect((node.node,), bound, found)
                bound.add(node.target.name)
            case nodes.Name():
                if node.name not in bound:
                    found.append(Mention(node.name, node.start, node.end))
            case _:
                _collect(tuple(node.children()), bound, found)
