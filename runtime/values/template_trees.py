"""The preparation of templates' trees. It adds code that counts loops, measures texts, and numbers candidates."""

from __future__ import annotations

from collections.abc import Collection

from jinja2 import Environment, nodes


def metered(tree: nodes.Template, environment: Environment) -> nodes.Template:
    """Prepare a template: count the turns of its loops, and measure the texts that `~` joins."""
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


def fenced(tree: nodes.Template, numbers: Collection[int]) -> nodes.Template:
    """Write marks around the values with these numbers. The values are numbered from 0, in the order of the text."""
    at = 0
    for output in tree.find_all(nodes.Output):
        for place, part in enumerate(output.nodes):
            if not isinstance(part, nodes.TemplateData):
                if at in numbers:
                    output.nodes[place] = nodes.Filter(part, "fenced", [], [], None, None, lineno=part.lineno)
                at += 1
    return tree


def with_cuts(tree: nodes.Template, cuts: Collection[int]) -> nodes.Template:
    """Note the length of the text before the parts with these numbers, from 0. Return the template.

    A part is a text or a written value at the top of the template, or one of its statements.
    """
    body: list[nodes.Node] = []
    number = 0
    for node in tree.body:
        parts = node.nodes if isinstance(node, nodes.Output) else [node]
        found: list[nodes.Node] = []
        for part in parts:
            if number in cuts:
                mark = nodes.Filter(nodes.Const(""), "cut", [], [], None, None)
                found.append(mark if isinstance(node, nodes.Output) else nodes.Output([mark]))
            found.append(part)
            number += 1
        if isinstance(node, nodes.Output):
            node.nodes = found  # type: ignore[assignment]
            body.append(node)
        else:
            body += found
    tree.body = body
    return tree


def with_numbers(tree: nodes.Template) -> nodes.Template:
    """Write the number of each candidate before it, in loops that show no number of their own. Return the template."""
    for loop in tree.find_all(nodes.For):
        if not isinstance(loop.iter, nodes.Name) or loop.test is not None or _counts(loop.body):
            continue
        index = nodes.Getattr(nodes.Name("loop", "load"), "index", "load")
        source = nodes.Name(loop.iter.name, "load")
        loop.body.insert(0, nodes.Output([nodes.Filter(source, "place", [index], [], None, None)]))
        loop.iter = nodes.Filter(source, "told_apart", [], [], None, None)
    return tree


def _counts(body: list[nodes.Node]) -> bool:
    """Tell whether the body of a loop counts its own turns. Loops inside it do not matter."""
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
    parts = nodes.List(concat.nodes, lineno=concat.lineno)
    return nodes.Filter(parts, "join", [], [], None, None, lineno=concat.lineno)
