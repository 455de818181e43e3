"""The build of the playground: npm fetches Pyodide and the editor, pip the Python packages; both by hashes.

Nothing that is fetched or made here is committed. The result is a folder of static files with relative addresses.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

from . import HERE, ROOT

PACKAGES = ("flowrun", "flowrun.dsl", "flowrun.grammars", "flowrun.runtime", "flowrun.testing")
OWN = ("index.html", "style.css", "worker.js")
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
LEFT_OUT = frozenset(
    "detached dispatch eject eval experience face ide live pages serve telemetry testing workers".split()
)
"""The rooms of the runner that the page does not need."""
_RICH = ("rich/__init__.py", "rich/_extension.py", "rich/cells.py", "rich/_unicode_data/")
_DATE = (2020, 1, 1, 0, 0, 0)


class BuildError(Exception):
    """A fault of the build: a sentence."""


def build(out: Path, tools: Path | None = None) -> int:
    """Build the playground in a folder. Return its size in bytes. ``tools`` is a folder that keeps what npm fetched.

    Raises BuildError.
    """
    if shutil.which("npm") is None:
        raise BuildError("npm is not on the PATH: install the packages nodejs and npm")
    shutil.rmtree(out, ignore_errors=True)
    (out / "pyodide").mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        npm = tools or work / "npm"
        _install(npm)
        for file in PYODIDE:
            shutil.copyfile(npm / "node_modules" / "pyodide" / file, out / "pyodide" / file)
        for file in OWN:
            shutil.copyfile(HERE / file, out / file)
        _bundle(npm, out / "app.js")
        _pack(out / "python.zip", {**_own_modules(), **_fetched(work / "wheels")})
        _compile(npm, out / "python.zip")
    (out / "examples.json").write_text(json.dumps(list(examples()), ensure_ascii=False), encoding="utf-8")
    _pack(out / "examples.zip", _example_files())
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def _run(command: list[str | Path], folder: Path) -> None:
    """Run a tool. Raises BuildError with what it said."""
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-2000:]}")


def _install(folder: Path) -> None:
    """Fetch the packages of the lock file. No script of a package runs."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (HERE / "package-lock.json").read_bytes()
    mark = folder / "installed.json"
    if mark.exists() and mark.read_bytes() == lock:
        return
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(HERE / name, folder / name)
    _run(["npm", "ci", "--no-progress"], folder)
    mark.write_bytes(lock)


def _bundle(npm: Path, target: Path) -> None:
    """Bundle the scripts of the page with the editor, which they import by its name."""
    for path in HERE.glob("*.js"):
        shutil.copyfile(path, npm / path.name)
    options = ["--bundle", "--format=esm", "--minify", "--legal-comments=linked", "--target=es2022"]
    _run([npm / "node_modules" / ".bin" / "esbuild", "app.js", *options, f"--outfile={target}"], npm)


def _compile(npm: Path, archive: Path) -> None:
    """Add the compiled form of all modules to the archive, made by the Python of Pyodide itself."""
    shutil.copyfile(HERE / "compile.mjs", npm / "compile.mjs")
    _run(["node", "compile.mjs", archive, ROOT / "workflows" / "is_spam.flow"], npm)


def _pack(archive: Path, files: Mapping[str, bytes]) -> None:
    """Write an archive that is the same for the same files."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name in sorted(files):
            packed.writestr(zipfile.ZipInfo(name, _DATE), files[name], zipfile.ZIP_DEFLATED)


def _own_modules() -> dict[str, bytes]:
    """Return the files of the language and of the pure half of the runner."""
    found = {"desk.py": (HERE / "desk.py").read_bytes()}
    # `flowrun` gives out only some of them as its names, unless something else has loaded them before.
    for package in map(import_module, PACKAGES):
        home = Path(package.__file__ or "").parent
        for path in sorted(home.rglob("*")):
            inside = path.relative_to(home)
            unneeded = package.__name__ == "flowrun.runtime" and inside.parts[0] in LEFT_OUT
            if path.is_file() and not unneeded and "__pycache__" not in inside.parts and "editors" not in inside.parts:
                found[f"{package.__name__.replace('.', '/')}/{inside.as_posix()}"] = path.read_bytes()
    return found


def _fetched(folder: Path) -> dict[str, bytes]:
    """Fetch the wheels of other packages, and return their pure modules and licences."""
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest", str(folder)]
    # MarkupSafe has a wheel for each platform. Its modules are the same in all of them.
    platform = ["--platform", "manylinux2014_x86_64", "--python-version", "3.14", "--implementation", "cp"]
    _run([*_pip(), "download", "--quiet", *options, *platform, "-r", str(HERE / "requirements.txt")], HERE)
    found = {}
    for wheel in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(wheel) as packed:
            for name in packed.namelist():
                if _is_pure(name) and not name.endswith("/"):
                    found[name] = packed.read(name)
    return found


def _is_pure(name: str) -> bool:
    if ".dist-info/" in name:
        return name.endswith("METADATA") or "licenses/" in name
    return name.endswith((".py", ".lark")) and (not name.startswith("rich/") or name.startswith(_RICH))


def _pip() -> list[str]:
    """Return the command for pip: that of this Python, or another one on the PATH."""
    here = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False)
    other = shutil.which("python3", path=os.environ.get("PATH", os.defpath))
    return [sys.executable if not here.returncode or other is None else other, "-m", "pip"]


def examples() -> Iterator[dict[str, str]]:
    """Yield the flows of ``workflows/`` with their titles."""
    for path in sorted((ROOT / "workflows").glob("*.flow")):
        text = path.read_text(encoding="utf-8")
        yield {"name": path.name, "title": path.stem.replace("_", " "), "text": text}


def _example_files() -> dict[str, bytes]:
    """Return the files that the examples read."""
    home = ROOT / "workflows"
    kinds = (".flow", ".md", ".jsonl", ".csv", ".txt", ".json")
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.suffix in kinds and path.is_file() and path.stat().st_size < 200_000
    }
