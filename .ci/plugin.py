"""Builds the package of docs/plugin-template, installs it with the wheel in an empty environment, and runs its flow.

Needs the `build` package; run as `python .ci/plugin.py`, or as `python .ci/plugin.py WHEEL` for a wheel of flowrun that
is built already.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from wheel import KEPT, ROOT, Failed, add, build, environment, run

TEMPLATE = ROOT / "docs" / "plugin-template"
THINGS = ("the provider `echo`", "the reader `subtitles`", "the reducer `longest`", "the splitter `speaker`")
VALUE = "Bob: What a long time it has been!"


def build_template(work: Path) -> Path:
    source = work / "template"
    shutil.copytree(TEMPLATE, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    run([sys.executable, "-m", "build", "--wheel", "--outdir", work / "plugin", source], cwd=work)
    (wheel,) = (work / "plugin").glob("*.whl")
    return wheel


def use(programs: Path, work: Path) -> None:
    """Runs the tests of the template and its flow from a folder that has nothing else of it."""
    folder = work / "empty"
    folder.mkdir()
    for path in (*TEMPLATE.glob("talk.*"), *TEMPLATE.glob("tests/test_*.py"), TEMPLATE / "pyproject.toml"):
        shutil.copy2(path, folder / path.name)
    env = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8"}
    env |= {name: os.environ[name] for name in KEPT if name in os.environ}
    listed = run([programs / "flowrun", "plugins"], cwd=folder, env=env)
    if missing := [thing for thing in THINGS if f"{thing} of the package acme-flows" not in listed]:
        raise Failed(f"flowrun plugins does not list {', '.join(missing)}")
    run([programs / "flowrun", "validate", "--strict", "talk.flow"], cwd=folder, env=env)
    if VALUE not in run([programs / "flowrun", "talk.flow", "--film", "talk.srt"], cwd=folder, env=env):
        raise Failed("the flow of the template has another value")
    # The tests come last, because their packages are not part of the empty environment.
    add(programs, work, "pytest>=8", "pytest-asyncio>=0.24", "looptime>=0.2")
    run([programs / "python", "-m", "pytest", "-q", "test_acme_flows.py"], cwd=folder, env=env)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="flowrun-plugin-") as folder:
        work = Path(folder).resolve()
        try:
            wheel = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else build(work)[0]
            programs = environment(work / "venv", work)
            add(programs, work, wheel)
            add(programs, work, build_template(work))
            use(programs, work)
        except (Failed, subprocess.TimeoutExpired) as error:
            print(f"plugin: failed: {error}", file=sys.stderr)
            return 1
    print("plugin: built, installed and used by a flow")
    return 0


if __name__ == "__main__":
    sys.exit(main())
