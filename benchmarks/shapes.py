"""Flows of any size to measure with: sound ones, and ones that are wrong in as many places as they have lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable

Shape = Callable[[int], str]


def _flow(lines: Iterable[str], value: str, params: str = "x: text") -> str:
    return f"flow f({params}) {{\n" + "\n".join(lines) + f"\n  return {value}\n}}\n"


def _list(names: Iterable[str]) -> str:
    return "[" + ", ".join(names) + "]"


def flat(nodes: int) -> str:
    """Asks that know nothing of each other."""
    asks = (f'  a{i} = ask "Is {i} in it? {{{{ x }}}}" -> YES | NO' for i in range(nodes))
    return _flow(asks, _list(f"a{i}" for i in range(nodes)))


def chained(nodes: int) -> str:
    """Each ask mentions the one before."""
    asks = (f'  a{i} = ask "Go on: {{{{ {f"a{i - 1}" if i else "x"} }}}}"' for i in range(nodes))
    return _flow(asks, f"a{nodes - 1}")


def wide(nodes: int) -> str:
    """One fan-out of very many branches."""
    asks = (f'    a{i} = ask "Is {i} in it? {{{{ x }}}}"' for i in range(nodes))
    return _flow(["  v = fanout {", *asks, "  } reduce collect"], "v")


def nested(nodes: int) -> str:
    """Votes in chains in maps: five nodes each."""
    blocks = (
        f"  b{i} = map e{i} in xs at most 9 {{ chain {{ v{i} = repeat 3 {{ "
        f'ask "Is it? {{{{ e{i} }}}}" -> YES | NO }} reduce majority  ask "Why? {{{{ v{i} }}}}" }} }} reduce collect'
        for i in range(max(nodes // 5, 1))
    )
    return _flow(blocks, _list(f"b{i}" for i in range(max(nodes // 5, 1))), "xs: [text]")


def prompts(nodes: int) -> str:
    """Long prompts with loops and conditions, each behind nine plain values."""
    lines = []
    asks = range(0, nodes, 10)
    for i in asks:
        lines += [f"  w{i + j} = x" for j in range(min(9, nodes - i - 1))]
        lines.append(f'  a{i} = ask """')
        lines += [f"    Look at point {j}, and say what a reader would miss in it: {{{{ x }}}}" for j in range(4)]
        lines.append("    {% for one in xs %}{{ loop.index }}. {{ one }}{% if not loop.last %},{% endif %}{% endfor %}")
        lines.append('  """')
    return _flow(lines, _list(f"a{i}" for i in asks), "x: text, xs: [text]")


def deep(nodes: int) -> str:
    """Very many lines inside many blocks."""
    depth = 20
    return _flow(
        [
            *(("  v = " if i == 0 else "  ") + f"map e{i} in xs at most 2 {{" for i in range(depth)),
            *(f'  a{i} = ask "Is {i} in it? {{{{ e{depth - 1} }}}}"' for i in range(nodes)),
            "  " + _list(f"a{i}" for i in range(nodes)),
            *("  } reduce collect" for _ in range(depth)),
        ],
        "v",
        "xs: [text]",
    )


SOUND: dict[str, Shape] = {
    "flat asks": flat,
    "chained asks": chained,
    "wide fanout": wide,
    "nested blocks": nested,
    "long prompts": prompts,
    "deep blocks": deep,
}


def unknown_names(nodes: int) -> str:
    return _flow((f'  step_{i} = ask "Go on: {{{{ stepp_{i} }}}}"' for i in range(nodes)), "step_0")


def unknown_types(nodes: int) -> str:
    return "".join(f"type Thing{i} = {{ a: text }}\n" for i in range(nodes // 100)) + _flow(
        (f'  a{i} = ask "Go on: {{{{ x }}}}" -> Thingg{i}' for i in range(nodes)), "a0"
    )


def unknown_fields(nodes: int) -> str:
    fields = " ".join(f"field_{i}: text" for i in range(100))
    lines = (f'  a{i} = ask "Go on: {{{{ x.feild_{i % 100} }}}}"' for i in range(nodes))
    return f"type Row = {{ {fields} }}\n" + _flow(lines, "a0", "x: Row")


def taken_names(nodes: int) -> str:
    return _flow((f'  a = ask "Go on: {i} {{{{ x }}}}"' for i in range(nodes)), "a")


def circles(nodes: int) -> str:
    return _flow((f'  a{i} = ask "Go on: {{{{ a{i ^ 1} }}}}"' for i in range(nodes)), "a0")


def siblings(nodes: int) -> str:
    asks = (f'    a{i} = ask "Go on: {{{{ a{(i + 1) % nodes} }}}}"' for i in range(nodes))
    return _flow(["  v = fanout {", *asks, "  } reduce collect"], "v")


def broken_templates(nodes: int) -> str:
    return _flow((f'  a{i} = ask "Go on: {{{{ x( }}}}"' for i in range(nodes)), "a0")


def broken_lines(nodes: int) -> str:
    return _flow((f'  a{i} = = ask "Go on: {{{{ x }}}}"' for i in range(nodes)), "a0")


WRONG: dict[str, Shape] = {
    "unknown names": unknown_names,
    "unknown types": unknown_types,
    "unknown fields": unknown_fields,
    "taken names": taken_names,
    "circles": circles,
    "siblings": siblings,
    "broken templates": broken_templates,
    "broken lines": broken_lines,
}
