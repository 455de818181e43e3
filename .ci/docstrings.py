"""Draws 45 docstrings of dsl/ and runtime/ by a seed and prints each with its place.

Run as `python .ci/docstrings.py SEED`. Somebody who did not write them reads each once. At least 40 should be clear.
"""

from __future__ import annotations

import ast
import random
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HALVES = ("dsl", "runtime")
DRAWN = 45
Owner = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def docstrings() -> Iterator[str]:
    """Yield each docstring below its file, line and name. The files come in alphabetical order."""
    for half in HALVES:
        for path in sorted((ROOT / half).rglob("*.py")):
            for owner, name in owners(ast.parse(path.read_bytes())):
                if text := ast.get_docstring(owner):
                    yield f"{path.relative_to(ROOT).as_posix()}:{owner.body[0].lineno}  {name}\n{text}\n"


def owners(tree: ast.AST, outer: str = "") -> Iterator[tuple[Owner, str]]:
    """Yield the module, its classes and its functions with their names. A method's name starts with its class."""
    if isinstance(tree, Owner):
        yield tree, outer or "module"
    for inner in ast.iter_child_nodes(tree):
        if isinstance(inner, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from owners(inner, f"{outer}.{inner.name}".lstrip("."))
        else:
            yield from owners(inner, outer)


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python .ci/docstrings.py SEED", file=sys.stderr)
        return 2
    seed = sys.argv[1]
    every = list(docstrings())
    print(f"Seed {seed}: {DRAWN} of {len(every)} docstrings.\n")
    print("\n".join(random.Random(seed).sample(every, DRAWN)), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
