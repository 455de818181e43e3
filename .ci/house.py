"""Prints the measures of the house: loose modules, large classes, branching and large functions, long files, lines.

Run as `make house`. It needs ruff, which counts branches (McCabe's complexity).
"""

from __future__ import annotations

import ast
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HALVES = ("dsl", "runtime")
MOST_FIELDS = 12
MOST_BRANCHES = 10
MOST_PARAMETERS = 8
MOST_FUNCTION_LINES = 60
RECORDS = {
    "dsl/bounds/amounts.py Bounds": "the bounds in `flowrun plan --json`",
    "dsl/plan.py Plan": "the plan in `flowrun plan --json` and in journals",
    "runtime/vocabulary/tally.py Tally": "a vote in `flowrun --json`",
}
"""Frozen classes whose fields are published as JSON: no field can move, so they do not count as large."""
MOST_LINES = {"dsl": 300, "runtime": 300, "tests": 400}


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def fields(node: ast.ClassDef) -> int:
    """The fields that a class declares, or those that its __init__ sets."""
    declared = sum(isinstance(one, ast.AnnAssign) for one in node.body)
    made: set[str] = set()
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            for one in ast.walk(method):
                targets = one.targets if isinstance(one, ast.Assign) else [getattr(one, "target", None)]
                made |= {
                    target.attr
                    for target in targets
                    if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"
                }
    return max(declared, len(made))


def is_record(node: ast.ClassDef) -> bool:
    """Tell whether a class only holds values that never change: a frozen dataclass or a NamedTuple."""
    frozen = any("frozen=True" in ast.unparse(one) for one in node.decorator_list)
    return frozen or any(ast.unparse(base) == "NamedTuple" for base in node.bases)


def large_classes(half: str) -> Iterator[str]:
    for path in files(half):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and (count := fields(node)) > MOST_FIELDS:
                name = f"{path.relative_to(ROOT).as_posix()} {node.name}"
                if name not in RECORDS or not is_record(node):
                    yield f"{name} {count}"


def branching(half: str) -> int:
    """The functions whose complexity is over the limit."""
    limit = f"lint.mccabe.max-complexity={MOST_BRANCHES}"
    command = [sys.executable, "-m", "ruff", "check", "--select", "C901", "--config", limit, "--output-format", "json"]
    done = subprocess.run([*command, half], cwd=ROOT, capture_output=True, text=True, check=False)
    return len(json.loads(done.stdout))


def functions(half: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield the functions of a half, each with its file and name."""
    for path in files(half):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT).as_posix()} {node.name}", node


def large_functions(half: str) -> Iterator[str]:
    """Yield the functions that take or do too much, with their parameters and lines."""
    for name, node in functions(half):
        given = node.args
        parameters = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
        count = (node.end_lineno or node.lineno) - node.lineno + 1
        if parameters > MOST_PARAMETERS or count > MOST_FUNCTION_LINES:
            yield f"{name} {parameters}, {count} lines"


def main() -> None:
    loose = [path.stem for path in (ROOT / "runtime").glob("*.py")]
    print(f"loose modules in runtime: {len(loose)} ({', '.join(sorted(loose))})")
    for half in HALVES:
        count, of = branching(half), sum(1 for _ in functions(half))
        sizes = [lines(path) for path in files(half) if path.name != "__init__.py"]
        print(f"{half}: {sum(sizes):,} lines in {len(sizes)} files, median {statistics.median(sizes):.0f}")
        print(f"{half}: {count} of {of:,} functions over complexity {MOST_BRANCHES} ({count / of:.1%})")
        for one in large_functions(half):
            print(f"{half}: more than {MOST_PARAMETERS} parameters or {MOST_FUNCTION_LINES} lines: {one}")
        for one in large_classes(half):
            print(f"{half}: more than {MOST_FIELDS} fields: {one}")
    for name, what in RECORDS.items():
        print(f"a record, whatever its number of fields: {name} ({what})")
    for folder, most in MOST_LINES.items():
        for path in files(folder):
            if (count := lines(path)) > most:
                print(f"{folder}: more than {most} lines: {path.relative_to(ROOT)} {count}")


if __name__ == "__main__":
    main()
