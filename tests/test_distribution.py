"""The distribution is `flowrun-dsl`: its version, the stranger `flowrun`, and the words of pages and messages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from flowrun.dsl import HOME, SITE, explain_link
from flowrun.runtime.cli.group import flowrun
from support.patience import PATIENCE

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
STRANGER = re.compile(
    r"(?:pip3? install|pipx install|pipx run|uv add|uv pip install|uv tool install|--from|uvx)(?: +-{1,2}\S+)* +"
    r"['\"]?flowrun(?![-\w/])(?!-dsl)"
)
"""A command that would fetch the package of somebody else."""
KINDS = {".md", ".py", ".yml", ".toml", ".txt", ".ts", ".json"}


def texts() -> Iterator[tuple[str, str]]:
    """Yield each text that people read: pages, sources with their messages, and files for CI."""
    for pattern in ("*.md", "*.toml", "*.yml", "Makefile", "Dockerfile", ".*.yaml"):
        yield from ((path.name, path.read_text(encoding="utf-8")) for path in ROOT.glob(pattern))
    for folder in ("docs", "dsl", "runtime", "grammars", ".ci", ".github"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in KINDS and "node_modules" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def test_no_text_installs_the_package_of_somebody_else() -> None:
    assert [f"{name}: {found[0]}" for name, text in texts() for found in STRANGER.finditer(text)] == []


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("pip install flowrun", True),
        ("pip install -U 'flowrun[local]'", True),
        ("uvx flowrun validate", True),
        ("uvx --from flowrun flowrun", True),
        ("pipx install flowrun", True),
        ("pip install flowrun-dsl", False),
        ("uvx --from flowrun-dsl flowrun", False),
        ("pip install 'flowrun-dsl[local]'", False),
        ("pipx install flowrun-dsl", False),
    ],
)
def test_the_search_knows_such_a_command(command: str, wrong: bool) -> None:
    assert bool(STRANGER.search(command)) == wrong


@pytest.mark.parametrize(
    "command", ["uvx --from flowrun-dsl flowrun", "pipx install flowrun-dsl", "pip install flowrun-dsl"]
)
def test_the_page_on_installing_has_each_way(command: str) -> None:
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    assert command in page
    assert "somebody else" in page


def test_the_version_names_the_distribution() -> None:
    told = CliRunner().invoke(flowrun, ["--version"])
    python = ".".join(map(str, sys.version_info[:3]))
    assert told.stdout.startswith(f"flowrun-dsl {PROJECT['version']} (Python {python}, ")
    assert told.stderr == ""


def test_the_version_warns_of_the_stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tmp_path / "flowrun-0.2.0.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: flowrun\nVersion: 0.2.0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    told = CliRunner().invoke(flowrun, ["--version"])
    assert told.exit_code == 0
    assert told.stdout.startswith("flowrun-dsl ")
    assert told.stderr.startswith("warning: the package `flowrun` 0.2.0 is installed here, too.")
    assert "pip install flowrun-dsl" in told.stderr


def test_the_address_has_one_source() -> None:
    urls = PROJECT.get("urls", {})
    assert urls.get("Repository", "") == HOME
    assert urls.get("Documentation", "") == SITE
    assert not HOME.endswith("/")
    assert not SITE or SITE.endswith("/")
    assert explain_link("F0203") == (f"{SITE}codes/F0203/" if SITE else "")


def test_no_text_has_a_placeholder_for_the_account() -> None:
    told = [name for name, text in texts() if re.search(r"github\.com/OWNER|\bOWNER/flowrun", text)]
    assert told == []
    named = [name for name, text in texts() for _ in re.findall(r"\bACCOUNT/flowrun", text)]
    assert named == ["docs/ci.md"]


CHECKER = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("aiohttp", "pydantic", "rich", "markdown_it", "pydantic_core"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from flowrun.runtime.cli import main
main()
"""


PARTS = """\
flow parts(text: text) {
  each = map part in split(text, by: heading) { ask "{{ part }}" } reduce collect
  return each
}

test "a part" of parts {
  text = "# a"
  reply each: "b"
  expect result == ["b"]
}
"""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the checker alone has begun a project."""
    folder = tmp_path_factory.mktemp("begun")
    init = [sys.executable, "-c", CHECKER, "init"]
    subprocess.run(init, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("validate", "is_spam.flow"), 0, "no errors"),
        (("fmt", "--check", "is_spam.flow"), 0, ""),
        (("test", "is_spam.flow"), 0, "1 test passed"),
        (("audit", "is_spam.flow"), 0, "no untrusted source"),
        (("plan", "is_spam.flow", "--email", "x"), 0, "calls"),
        (("test", "parts.flow"), 1, "to find headings flowrun needs a package"),
        (("plan", "parts.flow", "--text", "# a"), 2, "to find headings flowrun needs a package"),
        (("graph", "is_spam.flow"), 0, "flowchart"),
        (("explain", "F0203"), 0, "F0203"),
        (("serve", "is_spam.flow"), 2, "flowrun: this command needs the package aiohttp"),
        (("is_spam.flow", "--email", "x", "--no-journal"), 3, "only the checker is installed here"),
    ],
)
def test_the_checker_alone(words: tuple[str, ...], code: int, told: str, begun: Path, tmp_path: Path) -> None:
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    (tmp_path / "parts.flow").write_text(PARTS, encoding="utf-8")
    environ = {**os.environ, "OPENAI_API_KEY": "k"}
    more = ("--model", "openai:m") if code == 3 else ()
    done = subprocess.run(
        [sys.executable, "-c", CHECKER, *words, *more],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
