"""Builds the wheel, installs it alone in a fresh environment, and uses it there from an empty folder.

A folder that is not listed in pyproject.toml works under `pip install -e` and is missing from the wheel: only this
shows it. A second environment has the checker alone, as docs/install.md describes it. Needs the `build` package; run as
`python .ci/wheel.py`, or as `python .ci/wheel.py WHEEL` for a wheel that is built already.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HALVES = ("dsl", "runtime", "grammars")
FILES = ("pyproject.toml", "README.md", "LICENSE")
LARGEST = 3 * 1024 * 1024
"""The most bytes of the wheel. All sources together, packed as one block by xz, would already take more than 1 MB."""
MOST = 24
"""The most packages of an environment with the wheel and what it requires, itself included."""
CHECKER = ("lark", "jinja2", "click")
"""The packages that the checker alone requires, as docs/install.md says."""
KEPT = ("SYSTEMROOT", "TEMP", "TMP", "PATHEXT", "USERPROFILE")
"""The variables without which Windows starts no Python."""
IMPORTS = """
import flowrun
for module in (flowrun, flowrun.dsl, flowrun.runtime):
    print(module.__name__, module.__file__)
"""
FACE = """
import flowrun
from pathlib import Path
Path("sum.flow").write_text("flow f(a: int, b: int) {\\n  return a + b\\n}\\n")
assert flowrun.run("sum.flow", a=1, b=2).value == 3
missing = [name for name in flowrun.__all__ if getattr(flowrun, name, None) is None]
assert not missing, missing
print(flowrun.__version__)
"""


class Failed(Exception):
    """A check did not hold; the text says which."""


def run(command: list[str | Path], *, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Runs a command without standard input, shows it and its output, and returns the output."""
    words = [str(word) for word in command]
    print(f"$ {shlex.join([Path(words[0]).name, *words[1:]])}", flush=True)
    done = subprocess.run(
        words,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    for line in done.stdout.splitlines():
        print(f"    {line}", flush=True)
    if done.returncode:
        raise Failed(f"{shlex.join(words)} exited with {done.returncode}")
    return done.stdout


def build(work: Path) -> tuple[Path, Path]:
    """Returns the wheel, and the copy of the sources it was made from."""
    # A copy, so that neither a stale build/ folder can leak in nor a new one is left behind; by way of the sdist,
    # so that the sdist is known to be complete as well.
    source = work / "source"
    source.mkdir()
    for name in FILES:
        shutil.copy2(ROOT / name, source / name)
    for half in HALVES:
        # The files of editors are no part of the wheel.
        shutil.copytree(ROOT / half, source / half, ignore=shutil.ignore_patterns("__pycache__", "editors"))
    dist = work / "dist"
    command: list[str | Path] = [sys.executable, "-m", "build", "--outdir", dist, source]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-4000:], sep="\n")
        raise Failed("the wheel does not build")
    (wheel,) = dist.glob("*.whl")
    print(f"built {wheel.name}, {wheel.stat().st_size // 1024} KiB, from the sdist")
    return wheel, source


def compare(wheel: Path, source: Path) -> None:
    """Every file of the three folders is in the wheel, and nothing else is but the metadata."""
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {
        f"flowrun/{path.relative_to(source).as_posix().removeprefix('runtime/face/')}".replace(
            "flowrun/runtime/testing/", "flowrun/testing/"
        )
        for half in HALVES
        for path in (source / half).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    if inside != wanted:
        missing, surplus = sorted(wanted - inside), sorted(inside - wanted)
        raise Failed(f"the wheel lacks {missing or 'nothing'} and has {surplus or 'nothing'} too many")
    print(f"the wheel holds all {len(wanted)} files of {', '.join(HALVES)}")
    if wheel.stat().st_size > LARGEST:
        raise Failed(f"the wheel has {wheel.stat().st_size} bytes, and may have {LARGEST}")


def environment(place: Path, work: Path) -> Path:
    """A fresh environment; returns its folder of commands."""
    try:
        run([sys.executable, "-m", "venv", place], cwd=work)
    except Failed:
        # Debian splits ensurepip off; virtualenv brings its own.
        run([sys.executable, "-m", "virtualenv", "--clear", place], cwd=work)
    return place / ("Scripts" if os.name == "nt" else "bin")


def add(programs: Path, work: Path, *words: str | Path) -> None:
    """Installs packages by pip."""
    run([programs / "python", "-m", "pip", "install", "-qq", "--disable-pip-version-check", *words], cwd=work)


def install(wheel: Path, work: Path) -> Path:
    """A fresh environment with the wheel and what it requires, no extras; returns its folder of commands."""
    programs = environment(work / "venv", work)
    add(programs, work, wheel)
    run([programs / "python", "-m", "pip", "check"], cwd=work)
    names = packages(programs, work)
    print(f"{len(names)} packages: {', '.join(names)}")
    if len(names) > MOST:
        raise Failed(f"the wheel brings {len(names)} packages, and may bring {MOST}, itself included")
    return programs


def packages(programs: Path, work: Path) -> list[str]:
    """The packages of an environment, without those that a fresh one has."""
    command = [str(programs / "python"), "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=True)
    names = {str(one["name"]).lower() for one in json.loads(done.stdout)}
    return sorted(names - {"pip", "setuptools", "wheel"})


def check_alone(wheel: Path, work: Path) -> None:
    """Uses the commands that send nothing where only the checker's packages are installed."""
    programs = environment(work / "checker", work)
    add(programs, work, "--no-deps", wheel)
    add(programs, work, *CHECKER)
    names = packages(programs, work)
    print(f"the checker alone has {len(names)} packages: {', '.join(names)}")
    if len(names) > len(CHECKER) + 2:  # itself, and markupsafe
        raise Failed("the checker alone has more packages than docs/install.md says")
    folder = work / "checked"
    folder.mkdir()
    env = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8"}
    env |= {name: os.environ[name] for name in KEPT if name in os.environ}
    run([programs / "flowrun", "init"], cwd=folder, env=env)
    (flow,) = folder.glob("*.flow")
    for words in ("validate --format sarif", "fmt --check", "test", "audit", "graph"):
        run([programs / "flowrun", *words.split(), flow.name], cwd=folder, env=env)
    run([programs / "flowrun", "explain", "F0203"], cwd=folder, env=env)


def use(programs: Path, work: Path) -> None:
    empty = work / "empty"
    home = work / "home"
    empty.mkdir()
    home.mkdir()
    # Nothing of the caller's environment but the path: no keys, no settings, no PYTHONPATH.
    env = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8"}
    env |= {name: os.environ[name] for name in KEPT if name in os.environ}
    places = run([programs / "python", "-c", IMPORTS], cwd=empty, env=env).splitlines()
    if not all(str(programs.parent) in place for place in places):
        raise Failed("the modules come from elsewhere than the wheel")
    flowrun = programs / "flowrun"
    run([flowrun, "--help"], cwd=empty, env=env)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    if version not in run([flowrun, "--version"], cwd=empty, env=env):
        raise Failed(f"flowrun --version does not say {version}")
    if version not in run([programs / "python", "-W", "error", "-c", FACE], cwd=empty, env=env):
        raise Failed(f"flowrun.__version__ does not say {version}")
    (empty / "sum.flow").unlink()
    run([flowrun, "init"], cwd=empty, env=env)
    flows = sorted(empty.rglob("*.flow"))
    if not flows:
        raise Failed("flowrun init wrote no .flow file")
    for flow in flows:
        run([flowrun, "validate", flow.relative_to(empty)], cwd=empty, env=env)
        run([flowrun, "test", flow.relative_to(empty)], cwd=empty, env=env)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="flowrun-wheel-") as folder:
        work = Path(folder).resolve()
        try:
            if len(sys.argv) > 1:
                wheel = Path(sys.argv[1]).resolve()
            else:
                wheel, source = build(work)
                compare(wheel, source)
            use(install(wheel, work), work)
            check_alone(wheel, work)
        except (Failed, subprocess.TimeoutExpired) as error:
            print(f"wheel: failed: {error}", file=sys.stderr)
            return 1
    print("wheel: installed and used from an empty folder")
    return 0


if __name__ == "__main__":
    sys.exit(main())
