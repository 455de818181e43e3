"""Imports run down the floors: the tables below are the law, and the imports are read, not run."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

# One row a floor, from the ground up; `folder/*` stands for everything in that folder, sub-folders included.
# A new file must be named here, which is the moment to ask where it belongs.
# A folder of `runtime/` is a room: a file is placed by the room that it lies in. Loose files stand on a floor by name.
FLOORS = {
    "dsl": (
        "record_init records patterns source codes spelling diagnostics texts safe_text plain_data identity path_names "
        "project",
        "types type_forms type_plans type_fits type_quotes type_images tag_facts plan plan_steps plan_expressions "
        "plan_labels image_values lint_settings "
        "plan_endpoints addresses test_plan syntax/* catalog fields picture_words graph render guesses arithmetic",
        "parsing/* holes/* functions/* ballots param_comments",
        "templates/* formatting/* fixes",
        "checking/*",
        "lints/* checked needed_calls",
        "bounds/* hedges expression_planner ask_planner endpoint_planner planner",
        "labels/*",
        "marked_plan test_planner budget_check check check_settings pages reach/*",
        "audit/* coverage/* export/* formats/* ide/* stubs/*",
        "eject/*",
        "__init__",
    ),
    "runtime": (
        "vocabulary/*",
        "registry/*",
        "files/* limits/* reducers/* splitters/*",
        "documents/* providers/* outputs/*",
        "costs/* experience/*",
        "inputs/* journal/* account/*",
        "values/*",
        "plans/* externs/* reads/*",
        "engine/* catalog",
        "dispatch/*",
        "replay/*",
        "forecast/*",
        "workers/*",
        "pages/* telemetry/*",
        "live/* eval/* detached/*",
        "session/* api",
        "testing/* eject/* serve/* ide/*",
        "cli/*",
        "__init__",
        "face/*",
    ),
}
LOOSE = 4
"""The most modules that lie in `runtime/` itself."""

# The static half is text in, values out; so are the modules of the other half that only decide or describe.
EFFECTS = (
    "aiohttp asyncio concurrent datetime http importlib multiprocessing os pathlib random secrets select shutil "
    "signal socket sqlite3 ssl subprocess tempfile threading time urllib uuid"
)
EFFECT_CALLS = frozenset({"open", "input", "print", "exec", "eval", "__import__"})
EFFECT_CALL = re.compile(rf"\b(?:{'|'.join(sorted(EFFECT_CALLS))})\s*\(")
HARMLESS = frozenset(
    {"pathlib.PurePath", "pathlib.PurePosixPath", "pathlib.PureWindowsPath", "threading.Lock", "random.Random"}
)
# The rooms and the modules that have no effect, nor has anything that they import.
PURE = frozenset(
    {
        "vocabulary",
        "reducers",
        "values",
        "plans",
        "engine",
        "replay/driver",
        "replay/source",
        "replay/call_surroundings",
    }
)
# The grammar and the explain pages travel inside the package: these may read them, and nothing else.
READS_PACKAGE_DATA = frozenset({"dsl/parsing/tables", "dsl/pages"})
# The faces of a half and of the replay, and the lints, load their own modules when they are asked for.
LOADS_ITS_OWN = frozenset({"dsl/__init__", "dsl/lints/__init__", "runtime/replay/__init__", "runtime/testing/__init__"})
# `flowrun.testing` is mapped from a room of the runner.
TESTING = "flowrun.testing"
# `import flowrun` itself: it lies in a room of the runner, and stands above both halves.
WHOLE = "face/__init__"
# The registry loads the modules of a folder and other people's packages, on behalf of the rooms above.
LOADS_ALL = "runtime/registry/"

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name; ``base`` and ``name`` are those of `from base import name`, ``name`` is empty otherwise."""

    line: int
    base: str
    name: str

    @property
    def whole(self) -> str:
        return f"{self.base}.{self.name}" if self.name else self.base


def floor_of(half: str, module: str) -> int | None:
    for floor, row in enumerate(FLOORS[half]):
        for entry in row.split():
            if module == entry or (entry.endswith("/*") and module.startswith(entry[:-1])):
                return floor
    return None


def modules(root: Path, half: str) -> dict[str, Path]:
    """Name, as the tables write it, to file; a folder's face is `folder/__init__`."""
    return {path.relative_to(root / half).with_suffix("").as_posix(): path for path in (root / half).rglob("*.py")}


def statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement, at any depth. Expressions, of which a file has ten times as many, hold none."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        todo += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr)]


def imports(tree: ast.Module, half: str, module: str) -> Iterator[Import]:
    """Every import wherever it stands: lazy, or for the type checker only, it is an arrow all the same."""
    package = ["flowrun", half, *module.split("/")[:-1]]
    for node in statements(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, _mapped(alias.name), "")
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = _mapped(".".join([*above, *(node.module or "").split(".")]).strip("."))
            for alias in node.names:
                yield Import(node.lineno, base, alias.name)


def _mapped(name: str) -> str:
    """Return the name of a module as the tables of the floors know it."""
    return f"flowrun.runtime.{name[8:]}" if f"{name}.".startswith(f"{TESTING}.") else name


def target(found: Import, half: str, known: dict[str, Path]) -> str | None:
    """The module of the same half that an import names, or None if it names no such module."""
    for dotted in (found.whole, found.base):
        inner = dotted.split(".")
        if inner[:2] == ["flowrun", half]:
            for candidate in ("/".join(inner[2:]), "/".join([*inner[2:], "__init__"])):
                if candidate in known:
                    return candidate
    return None


def may_share_a_floor(importer: str, imported: str) -> bool:
    """On one floor neighbours may meet and a half's own file may use a folder, but folders are strangers."""
    folder = importer.partition("/")[0] if "/" in importer else ""
    return folder in ("", imported.partition("/")[0])


def offered_names(tree: ast.Module) -> set[str]:
    """The names that a face offers to the other half: those of its `__all__`, and those whose homes it knows.

    A face without `__all__` offers what it binds at the top.
    """
    bound: set[str] = set()
    listed: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            bound |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = getattr(node, "targets", [getattr(node, "target", None)])
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            bound |= set(names)
            if names == ["__all__"] and isinstance(node.value, ast.List | ast.Tuple):
                listed |= set(ast.literal_eval(node.value))
            elif names == ["_HOMES"] and node.value is not None:
                listed |= {name for text in ast.literal_eval(node.value).values() for name in text.split()}
            elif names == ["_MODULES"] and node.value is not None:
                listed |= set(ast.literal_eval(node.value))
    return listed or bound


def across(found: Import, half: str, module: str, face: set[str]) -> str | None:
    """What is wrong with an import's way out of its half, or None."""
    parts = found.whole.split(".")
    if parts[0] in FLOORS:
        return f"imports {found.whole}, which would load twice; the import name is flowrun.{parts[0]}"
    if parts[0] != "flowrun":
        return None
    if half == "dsl":
        return None if parts[1:2] in (["dsl"], ["grammars"]) else f"imports {found.whole}; dsl knows no other half"
    if parts[1:2] == ["runtime"] or (module == WHOLE and parts[1:] == ["dsl"]):
        return None
    if found.base != "flowrun.dsl" or not found.name:
        return f"imports {found.whole}; write `from flowrun.dsl import ...`"
    return None if found.name in face else f"imports {found.name}, which the public face of flowrun.dsl does not offer"


def effects(tree: ast.Module, text: str, found: list[Import], where: str) -> Iterator[tuple[int, str]]:
    for one in found:
        if one.whole.split(".")[0] not in EFFECTS.split() or one.whole in HARMLESS:
            continue
        if where in READS_PACKAGE_DATA and "importlib.resources" in (one.whole, one.base):
            continue
        if where.startswith(LOADS_ALL) and one.whole.startswith(("importlib.", "os.listdir")):
            continue
        if where in LOADS_ITS_OWN and one.whole == "importlib.import_module":
            continue
        yield one.line, f"imports {one.whole}, but must stay pure"
    # Few files have such a word at all, and the walk through all expressions takes most of the time.
    for node in ast.walk(tree) if EFFECT_CALL.search(text) else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in EFFECT_CALLS:
            yield node.lineno, f"calls {node.func.id}(), but must stay pure"


def reached(arrows: Mapping[str, set[str]], rooms: Iterable[str]) -> set[str]:
    """The modules of these rooms, with all that they import, and the faces of the folders on the way."""
    known = {*arrows, *(other for others in arrows.values() for other in others)}
    rooms = frozenset(rooms)
    todo = [
        one
        for one in known
        if one.split("/")[0] == "runtime" and {one.split("/")[1], one.removeprefix("runtime/")} & rooms
    ]
    found: set[str] = set()
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += () if one in LOADS_ITS_OWN else arrows.get(one, ())
            # Importing a module runs the faces of the folders that it lies in.
            parts = one.split("/")
            todo += [face for n in range(2, len(parts)) if (face := "/".join([*parts[:n], "__init__"])) in known]
    return found


def violations(root: Path) -> list[str]:
    paths = {(half, module): path for half in FLOORS for module, path in sorted(modules(root, half).items())}
    path = paths.get(("dsl", "__init__"))
    face = offered_names(ast.parse(path.read_text(encoding="utf-8"))) if path else set()
    known = {half: modules(root, half) for half in FLOORS}
    arrows: dict[str, set[str]] = {f"{half}/{module}": set() for half, module in paths}
    acts: dict[str, list[tuple[int, str]]] = {}
    out: list[str] = []
    for (half, module), path in paths.items():
        # A tree is forgotten after its file: the collector of garbage would look through all of them.
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, str(path))
        shown = path.relative_to(root).as_posix()
        floor = floor_of(half, module)
        if floor is None:
            out.append(f"{shown}:1: stands on no floor; name it in FLOORS")
        found = list(imports(tree, half, module))
        acts[f"{half}/{module}"] = list(effects(tree, text, found, f"{half}/{module}"))
        for one in found:
            if wrong := across(one, half, module, face):
                out.append(f"{shown}:{one.line}: {wrong}")
            other = target(one, half, known[half])
            if other is None:
                continue
            arrows[f"{half}/{module}"].add(f"{half}/{other}")
            below = floor_of(half, other)
            if floor is None or below is None:
                continue
            if below > floor or (below == floor and not may_share_a_floor(module, other)):
                out.append(f"{shown}:{one.line}: floor {floor} imports {half}/{other} on floor {below}")
    pure = reached(arrows, PURE)
    for (half, module), path in paths.items():
        where = f"{half}/{module}"
        if half == "dsl" or where in pure:
            shown = path.relative_to(root).as_posix()
            out += [f"{shown}:{line}: {wrong}" for line, wrong in acts[where]]
    try:
        graphlib.TopologicalSorter(arrows).prepare()
    except graphlib.CycleError as error:
        out.append("cycle: " + " imports ".join(reversed(error.args[1])))
    return out


def test_imports_run_down_the_floors() -> None:
    found = violations(ROOT)
    assert not found, "\n".join(found)


def test_what_a_pure_room_imports_is_pure(tmp_path: Path) -> None:
    engine = {"runtime/engine/state.py": "def later():\n    from ..files.local import Local"}
    found = violations(plant(tmp_path, {**GOOD, **engine}))
    assert found == ["runtime/files/local.py:1: imports os, but must stay pure"]


def test_the_face_of_a_folder_counts_as_imported(tmp_path: Path) -> None:
    files = {"runtime/files/__init__.py": "import socket", "runtime/files/plain.py": ""}
    engine = {"runtime/engine/state.py": "from ..files.plain import Plain"}
    found = violations(plant(tmp_path, {**GOOD, **files, **engine}))
    assert found == ["runtime/files/__init__.py:1: imports socket, but must stay pure"]


def test_few_modules_lie_outside_of_rooms() -> None:
    loose = [name for name in modules(ROOT, "runtime") if "/" not in name]
    assert len(loose) <= LOOSE, loose


GOOD = {
    "dsl/__init__.py": "from .check import check\n__all__ = ['check']",
    "dsl/source.py": "import re\nfrom pathlib import PurePosixPath",
    "dsl/diagnostics.py": "from .source import Span",
    "dsl/parsing/tables.py": "from importlib.resources import files",
    "dsl/parsing/parse.py": "from ..syntax import nodes",
    "dsl/syntax/nodes.py": "def later():\n    from ..diagnostics import Diagnostic",
    "dsl/check.py": "from .lints.unused import unused\nfrom .parsing.parse import parse",
    "dsl/lints/__init__.py": "",
    "dsl/lints/unused.py": "from ..source import Span",
    "runtime/__init__.py": "from .api import run",
    "runtime/vocabulary/errors.py": "",
    "runtime/engine/state.py": "from ..vocabulary import errors",
    "runtime/api.py": "import asyncio\nfrom flowrun.dsl import check\nfrom .files.local import Local",
    "runtime/providers/protocol.py": "",
    "runtime/providers/embedded/load.py": "from ..protocol import Reply\nfrom ...vocabulary.errors import FlowrunError",
    "runtime/files/local.py": "import os",
}

BAD = {
    "up": ("dsl/source.py", "from .parsing import parse", ":1: floor 0 imports dsl/parsing/parse on floor 2"),
    "lazily": (
        "dsl/source.py",
        "def f():\n    from .parsing import parse",
        ":2: floor 0 imports dsl/parsing/parse on floor 2",
    ),
    "for types": (
        "runtime/vocabulary/errors.py",
        "if TYPE_CHECKING:\n    from ..api import run",
        ":2: floor 0 imports runtime/api",
    ),
    "absolutely": ("dsl/source.py", "import flowrun.dsl.check", ":1: floor 0 imports dsl/check on floor 8"),
    "to the face": ("dsl/check.py", "from . import check_it", ":1: floor 8 imports dsl/__init__ on floor 11"),
    "strangers": (
        "runtime/reducers/vote.py",
        "from ..providers.protocol import Reply",
        ":1: floor 2 imports runtime/p",
    ),
    "cycle": ("dsl/source.py", "from . import diagnostics", "cycle: dsl/"),
    "unplaced": ("dsl/misc.py", "", ":1: stands on no floor"),
    "other half": ("dsl/check.py", "from flowrun.runtime import run", ":1: imports flowrun.runtime.run; dsl knows no"),
    "climbing": ("dsl/check.py", "from ..runtime import run", ":1: imports flowrun.runtime.run; dsl knows no"),
    "past the face": (
        "runtime/api.py",
        "from flowrun.dsl.check import check",
        ":1: imports flowrun.dsl.check.check; write",
    ),
    "whole half": ("runtime/api.py", "from flowrun import dsl", ":1: imports flowrun.dsl; write"),
    "not offered": ("runtime/api.py", "from flowrun.dsl import planner", ":1: imports planner, which the public face"),
    "loads twice": ("runtime/api.py", "import dsl.check", ":1: imports dsl.check, which would load twice"),
    "clock": ("dsl/lints/unused.py", "import time", ":1: imports time, but must stay pure"),
    "disk": ("dsl/check.py", "from pathlib import Path", ":1: imports pathlib.Path, but must stay pure"),
    "builtin": ("dsl/check.py", "text = open('x')", ":1: calls open(), but must stay pure"),
    "data": ("dsl/check.py", "import importlib.resources", ":1: imports importlib.resources, but must stay pure"),
    "core of the replay": ("runtime/replay/driver.py", "import time", ":1: imports time, but must stay pure"),
    **{
        room: (f"runtime/{room}/one.py", "def f():\n    import asyncio", ":2: imports asyncio, but must stay pure")
        for room in sorted(PURE)
        if "/" not in room
    },
    "no room": ("runtime/misc.py", "", ":1: stands on no floor"),
}


def plant(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_a_sound_tree_passes(tmp_path: Path) -> None:
    assert violations(plant(tmp_path, GOOD)) == []


@pytest.mark.parametrize(("file", "text", "expected"), BAD.values(), ids=BAD)
def test_a_violation_is_reported(tmp_path: Path, file: str, text: str, expected: str) -> None:
    found = violations(plant(tmp_path, {**GOOD, file: text}))
    start = expected if expected.startswith("cycle") else file + expected
    assert [line for line in found if line.startswith(start)], found
