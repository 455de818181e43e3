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
    return [path for path in sorted((ROOT / half).rglob("*")) if path.is_file() and path.parent.name != "__pycache__"]


def package_of(folder: Path) -> str:
    parts = folder.relative_to(ROOT).parts
    return ".".join(["flowrun", *(parts[2:] if parts[:2] == FACE else parts)])


def folder_of(package: str) -> Path:
    parts = package.split(".")[1:]
    return ROOT.joinpath(*(parts or FACE))


def test_every_folder_with_code_is_a_listed_package(setuptools: Any) -> None:
    found = {package_of(path.parent) for half in HALVES for path in files_in(half) if path.suffix == ".py"}
    assert sorted(found) == sorted(setuptools["packages"])


def test_every_package_has_an_init(setuptools: Any) -> None:
    folders = [folder_of(name) for name in setuptools["packages"]]
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_import_names_map_to_the_top_level_folders(setuptools: Any) -> None:
    assert setuptools["package-dir"] == {"flowrun": "/".join(FACE), **{f"flowrun.{half}": half for half in HALVES}}


def test_every_data_file_is_shipped(setuptools: Any) -> None:
    data: dict[str, list[str]] = setuptools["package-data"]
    shipped = {
        path for package, patterns in data.items() for pattern in patterns for path in folder_of(package).glob(pattern)
    }
    present = {path for half in HALVES for path in files_in(half) if path.suffix != ".py"}
    assert sorted(str(path.relative_to(ROOT)) for path in present - shipped) == []


def test_every_data_pattern_ships_something(setuptools: Any) -> None:
    data: dict[str, list[str]] = setuptools["package-data"]
    idle = [
        f"{package}: {pattern}"
        for package, patterns in data.items()
        for pattern in patterns
        if not list(folder_of(package).glob(pattern))
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
