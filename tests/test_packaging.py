"""What a wheel would miss and `pip install -e` would hide: unlisted folders, unlisted data, broken links."""

from __future__ import annotations

import statistics
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
HALVES = ("dsl", "runtime", "grammars")
FACE = ("runtime", "face")
"""The folder of `flowrun` itself."""
LONGEST = 400
MEDIAN = 160


@pytest.fixture(scope="module")
def setuptools() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def files_in(half: str) -> list[Path]:
    """Return the files of a half. Those of editors are no part of the wheel."""
    files = [path for path in sorted((ROOT / half).rglob("*")) if path.is_file() and path.parent.name != "__pycache__"]
    return [path for path in files if not path.is_relative_to(ROOT / "grammars" / "editors")]


def package_of(folder: Path, names: dict[str, str]) -> str:
    """The import name of a folder: that of the innermost mapped folder that it lies in, and the way from there."""
    inner = folder.relative_to(ROOT)
    homes = {name: Path(home) for name, home in names.items() if inner.is_relative_to(home)}
    name = max(homes, key=lambda name: len(homes[name].parts))
    return ".".join([name, *inner.relative_to(homes[name]).parts])


def folder_of(package: str, names: dict[str, str]) -> Path:
    name = max((name for name in names if f"{package}.".startswith(f"{name}.")), key=len)
    return ROOT.joinpath(names[name], *package.removeprefix(name).strip(".").split("."))


def test_every_folder_with_code_is_a_listed_package(setuptools: Any) -> None:
    names = setuptools["package-dir"]
    found = {package_of(path.parent, names) for half in HALVES for path in files_in(half) if path.suffix == ".py"}
    assert sorted(found) == sorted(setuptools["packages"])


def test_every_package_has_an_init(setuptools: Any) -> None:
    folders = [folder_of(name, setuptools["package-dir"]) for name in setuptools["packages"]]
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_import_names_map_to_the_top_level_folders(setuptools: Any) -> None:
    names = setuptools["package-dir"]
    assert {f"flowrun.{half}": half for half in HALVES}.items() <= names.items()
    # Other names lead into the runner.
    assert {home.partition("/")[0] for home in names.values()} <= set(HALVES)


def test_every_data_file_is_shipped(setuptools: Any) -> None:
    data: dict[str, list[str]] = setuptools["package-data"]
    shipped = {
        path
        for package, patterns in data.items()
        for pattern in patterns
        for path in folder_of(package, setuptools["package-dir"]).glob(pattern)
    }
    present = {path for half in HALVES for path in files_in(half) if path.suffix != ".py"}
    assert sorted(str(path.relative_to(ROOT)) for path in present - shipped) == []


def test_every_data_pattern_ships_something(setuptools: Any) -> None:
    data: dict[str, list[str]] = setuptools["package-data"]
    idle = [
        f"{package}: {pattern}"
        for package, patterns in data.items()
        for pattern in patterns
        if not list(folder_of(package, setuptools["package-dir"]).glob(pattern))
    ]
    assert idle == []


@pytest.mark.parametrize("half", HALVES)
def test_types_are_announced_and_linked(half: str) -> None:
    link = ROOT / ".typing" / "flowrun" / half
    assert (ROOT / half / "py.typed").is_file()
    assert link.is_symlink(), (
        "a checkout without symbolic links: set `git config core.symlinks true` and check out again"
    )
    assert link.readlink().as_posix() == f"../../{half}"
    assert link.resolve() == ROOT / half


@pytest.mark.parametrize("name", ["__init__.py", "py.typed"])
def test_flowrun_itself_is_linked_for_type_checkers(name: str) -> None:
    link = ROOT / ".typing" / "flowrun" / name
    assert link.is_symlink()
    assert link.readlink().as_posix() == f"../../{'/'.join(FACE)}/{name}"
    assert link.resolve() == ROOT.joinpath(*FACE, name)


def test_there_is_no_flowrun_folder() -> None:
    assert not (ROOT / "flowrun").exists()


def test_the_command_and_the_licence_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, function = project["scripts"]["flowrun"].partition(":")
    folder = ROOT.joinpath(*module.split(".")[1:])
    source = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    assert function in source.read_text(encoding="utf-8")
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert project["license"] == "Apache-2.0"
    assert "Apache License" in licence
    assert "END OF TERMS AND CONDITIONS" in licence


def test_files_stay_short() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for half in ("dsl", "runtime")
        for path in files_in(half)
        if path.suffix == ".py"
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}
    # Empty faces would drag the median down without making anything easier to read.
    assert statistics.median(lines for lines in lengths.values() if lines) <= MEDIAN
