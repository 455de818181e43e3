"""The finder of an editable installation: light, and right about every package."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parent.parent
NAME = "__editable___acme_finder.py"
USE = """
import sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
import __editable___acme_finder as made
made.install(); made.install()
new = set(sys.modules) - before
import acme, acme.inner.deep, acme.beside
print(sorted(new - {"__editable___acme_finder"}), sum(one is made.Finder for one in sys.meta_path))
print(acme.HOME, acme.inner.deep.HOME, acme.beside.HOME, acme.__file__, acme.__path__, acme.__spec__.cached is not None)
try:
    import acme.nothing
except ModuleNotFoundError as error:
    print(error.name)
"""


@pytest.fixture
def editable() -> ModuleType:
    spec = spec_from_file_location("editable", ROOT / "grammars" / "editable.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def record_of(name: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}"


def wheel_of(path: Path, files: dict[str, bytes]) -> Path:
    record = "".join(record_of(name, data) + "\n" for name, data in files.items()) + "acme-1.dist-info/RECORD,,\n"
    with ZipFile(path, "w") as wheel:
        for name, data in files.items():
            wheel.writestr(name, data)
        wheel.writestr("acme-1.dist-info/RECORD", record)
    return path


def test_a_wheel_gets_a_finder_that_loads_nothing_and_finds_each_package(editable: ModuleType, tmp_path: Path) -> None:
    folders = {"acme": tmp_path / "face", "acme.inner": tmp_path / "half", "acme.beside": tmp_path / "it's \\ other"}
    for folder in folders.values():
        folder.mkdir()
        (folder / "__init__.py").write_text(f"HOME = {folder.name!r}\n", encoding="utf-8")
    (folders["acme.inner"] / "deep.py").write_text("HOME = 'deep'\n", encoding="utf-8")
    mapping = {name: str(folder) for name, folder in folders.items()}
    before = f"import sys\nMAPPING: dict[str, str] = {mapping!r}\nNAMESPACES: dict[str, list[str]] = {{}}\n".encode()
    start = b"import __editable___acme_finder; __editable___acme_finder.install()"
    wheel = wheel_of(tmp_path / "acme.whl", {NAME: before, "__editable__.acme.pth": start})

    assert editable.lighten(wheel)
    with ZipFile(wheel) as made:
        made.extractall(tmp_path / "site")
        after = made.read(NAME)
        record = made.read("acme-1.dist-info/RECORD").decode().splitlines()
    assert record == [record_of(NAME, after), record_of("__editable__.acme.pth", start), "acme-1.dist-info/RECORD,,"]
    done = subprocess.run(
        [sys.executable, "-S", "-c", USE, str(tmp_path / "site")], capture_output=True, text=True, check=False
    )
    assert not done.stderr
    loaded, homes, missing = done.stdout.splitlines()
    assert loaded == "[] 1"
    face = tmp_path / "face"
    assert homes == f"face deep it's \\ other {face / '__init__.py'} {[str(face)]} True"
    assert missing == "acme.nothing"


def test_a_wheel_without_such_a_finder_stays_as_it_is(editable: ModuleType, tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path / "acme.whl", {"__editable__.acme.pth": b"src\n"})
    before = wheel.read_bytes()
    assert not editable.lighten(wheel)
    assert wheel.read_bytes() == before
