"""The preparation of templates' trees. It adds code that counts loops, measures texts, and numbers candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment, nodes


def metered(tree: nodes.Template, environment: Environment) -> nodes.Template:
    """Prepare a template so that it counts the turns of its loops and measures the texts that `~` joins."""
    from jinja2 import nodes

    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(loop.iter, "counted", [], [], None, None, lineno=loop.lineno)
    # The deepest nodes come first, because a replaced node may stand inside another one.
    for node in [tree, *reversed(list(tree.find_all(nodes.Node)))]:
        for name, value in node.iter_fields():
            if isinstance(value, nodes.Concat):
                setattr(node, name, _joined(value))
            elif isinstance(value, list):
                value[:] = [_joined(one) if isinstance(one, nodes.Concat) else one for one in value]
    tree.set_environment(environment)
    return tree


def with_numbers(tree: nodes.Template) -> nodes.Template:
    """Write the number of each candidate before it, in loops that write no numbers themselves. Return the template."""
    from jinja2 import nodes

    for loop in tree.find_all(nodes.For):
        if not isinstance(loop.iter, nodes.Name) or loop.test is not None or _counts(loop.body):
            continue
        index = nodes.Getattr(nodes.Name("loop", "load"), "index", "load")
        source = nodes.Name(loop.iter.name, "load")
        loop.body.insert(0, nodes.Output([nodes.Filter(source, "place", [index], [], None, None)]))
        loop.iter = nodes.Filter(source, "told_apart", [], [], None, None)
    return tree


def _counts(body: list[nodes.Node]) -> bool:
    """Tell whether the body of a loop writes the number of its turn. Loops inside of it do not matter."""
    from jinja2 import nodes

    todo = body[:]
    while todo:
        node = todo.pop()
        if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name == "loop":
            if "index" in node.attr:
                return True
        elif isinstance(node, nodes.For):
            todo.append(node.iter)
        else:
            todo.extend(node.iter_child_nodes())
    return False


def _joined(concat: nodes.Concat) -> nodes.Filter:
    from jinja2 import nodes

    parts = nodes.List(concat.nodes, lineno=concat.lineno)
    return nodes.Filter(parts, "join", [], [], None, None, lineno=concat.lineno)
