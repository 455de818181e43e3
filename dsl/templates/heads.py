"""The head of a template: the parts at its beginning that are the same wherever some names have other values.

A part is a text or a written value at the top of the template, or one of its statements with all that is inside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache

from ..source import Source
from ..syntax import String
from .plain import Getattr, Name, Node, Output, TemplateData
from .read import Template, read_template


def head_parts(template: str, varying: Collection[str]) -> int | None:
    """Count the parts at the beginning of a template that depend on none of the ``varying`` names.

    None if no part depends on them, and for a template outside of the subset 0.
    """
    return _head_parts(template, frozenset(varying))


@lru_cache(maxsize=4096)
def _head_parts(template: str, varying: frozenset[str]) -> int | None:
    read = read_template(String(template, Source("").span(0, 0)))
    if not isinstance(read, Template):
        return 0
    for number, (_, varies) in enumerate(parts_of(read.body, varying)):
        if varies:
            return number
    return None


def parts_of(body: tuple[Node, ...], varying: Collection[str]) -> Iterator[tuple[Node, bool]]:
    """Yield the parts of a template in their order, and whether each depends on one of the ``varying`` names."""
    names = set(varying)
    for node in body:
        if isinstance(node, Output):
            for part in node.nodes:
                yield part, _varies(part, names)
            continue
        varies = _varies(node, names)
        yield node, varies
        _assign(node, names, varies=varies)


def _varies(node: Node, names: set[str]) -> bool:
    if isinstance(node, TemplateData):
        return False
    while isinstance(node, Getattr):
        node = node.node
    if isinstance(node, Name):
        return node.name in names
    from .subset import free_names

    return any(mention.name in names for mention in free_names((node,)))


def _assign(node: Node, names: set[str], *, varies: bool) -> None:
    """Let the name that a statement sets vary with the value that it gets, for the parts behind the statement."""
    from .nodes import Assign

    if isinstance(node, Assign):
        (names.add if varies else names.discard)(node.target.name)
    elif varies:
        from .guards import assigned

        names.update(assigned(node))


def head_text(template: str, varying: Collection[str]) -> tuple[str, bool]:
    """Return the template of a head, as far as it only writes values, and whether it is the whole template."""
    read = read_template(String(template, Source("").span(0, 0)))
    if not isinstance(read, Template):
        return "", False
    found: list[str] = []
    for part, varies in parts_of(read.body, varying):
        if isinstance(part, TemplateData) and "{" not in part.data:
            found.append(part.data)
        elif not varies and (path := part.path()):
            found.append(f"{{{{ {path} }}}}")
        else:
            return "".join(found), False
    return "".join(found), True


def written_paths(template: str, varying: Collection[str]) -> tuple[tuple[str, ...], bool]:
    """Return what a template writes of the ``varying`` names, such as ``row.text``, in its order.

    The list ends before the first part that depends on them in another way. The second value is True if there is none.
    """
    return _written_paths(template, frozenset(varying))


@lru_cache(maxsize=4096)
def _written_paths(template: str, varying: frozenset[str]) -> tuple[tuple[str, ...], bool]:
    read = read_template(String(template, Source("").span(0, 0)))
    if not isinstance(read, Template):
        return (), False
    found: list[str] = []
    for part, varies in parts_of(read.body, varying):
        if varies and not part.path():
            return tuple(found), False
        if varies:
            found.append(part.path())
    return tuple(found), True
