"""Words and habits that must not be in the project's files."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"dsl", "runtime", "grammars", "workflows", "tests", "docs", "benchmarks"}

# Each pattern is written so that it does not match itself.
BANNED = {
    "a path of one machine": r"/wor[k]/|/roo[t]/|/hom[e]/|/tm[p]/\w|/opt/(?:whee[l]s|pyp[i])",
    "a path outside the project": r"\.\./share[d]",
    "an unfinished spot": r"\b(?:TOD[O]|FIXM[E]|XX[X])\b",
    "an address of a package index": r"pypi\.or[g]|pythonhoste[d]\.org",
}


def listed() -> list[Path]:
    """The files of the checkout that git knows or would be asked to add; empty outside a checkout."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return []
    command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


FILES = listed()
checkout_only = pytest.mark.skipif(not FILES, reason="not a git checkout")


MAY_BE_CARELESS = re.compile(r"\bexcept\s*:|\b(?:Base)?Exception\b")
"""The statements of each careless handler."""


def banned_words(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in BANNED.items():
            if re.search(pattern, line):
                yield number, what


def careless_handlers(text: str) -> Iterator[tuple[int, str]]:
    # Most files have none of these words, and need not be parsed.
    for node in ast.walk(ast.parse(text)) if MAY_BE_CARELESS.search(text) else ():
        if isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield node.lineno, "a bare except"
            elif _is_broad(node.type) and all(_is_empty(line) for line in node.body):
                yield node.lineno, "a broad except that says nothing"
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "suppress":
            yield from ((node.lineno, "a broad except that says nothing") for name in node.args if _is_broad(name))


def _is_broad(node: ast.expr) -> bool:
    caught = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(isinstance(name, ast.Name) and name.id in ("Exception", "BaseException") for name in caught)


def _is_empty(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass | ast.Continue) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


@checkout_only
def test_no_banned_words() -> None:
    found = []
    for path in FILES:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}:{line}: {what}" for line, what in banned_words(text)]
    assert not found, "\n".join(found)


@checkout_only
def test_no_careless_handlers() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in FILES
        if path.suffix == ".py"
        for line, what in careless_handlers(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@checkout_only
def test_the_top_level_is_fixed() -> None:
    tops = {path.relative_to(ROOT).parts[0] for path in FILES if len(path.relative_to(ROOT).parts) > 1}
    assert {top for top in tops if not top.startswith(".")} <= FOLDERS


@pytest.mark.parametrize(
    "line",
    ["see /wor" + "k/main", "../share" + "d/notes", "# TOD" + "O: later", "/hom" + "e/me/x", "https://pypi.or" + "g/x"],
)
def test_a_banned_word_is_reported(line: str) -> None:
    assert [number for number, _ in banned_words(f"fine\n{line}\n")] == [2]


@pytest.mark.parametrize("line", ["the framework/", "a toddler", "../shares", "per/task"])
def test_ordinary_words_pass(line: str) -> None:
    assert list(banned_words(line)) == []


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    f()\nexcept:\n    g()",
        "try:\n    f()\nexcept Exception:\n    pass",
        "try:\n    f()\nexcept (ValueError, BaseException):\n    ...",
        "1\n2\nwith contextlib.suppress(Exception):\n    f()",
    ],
)
def test_a_careless_handler_is_reported(text: str) -> None:
    assert [number for number, _ in careless_handlers(text)] == [3]


def test_a_narrow_handler_passes() -> None:
    assert list(careless_handlers("try:\n    f()\nexcept KeyError:\n    pass")) == []


MOST_LINES = 400
"""The lines of a test file, a script or a style."""


def test_test_files_are_short() -> None:
    counts = {path.stem: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "tests").rglob("*.py")}
    assert {name: count for name, count in counts.items() if count > MOST_LINES} == {}


def long_assets(root: Path) -> dict[str, int]:
    """The scripts and styles of the product that are too long, with their lines."""
    paths = [path for kind in ("*.js", "*.css") for path in (root / "runtime").rglob(kind)]
    counts = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    return {name: count for name, count in counts.items() if count > MOST_LINES}


def test_scripts_and_styles_are_short(tmp_path: Path) -> None:
    assert long_assets(ROOT) == {}
    assets = tmp_path / "runtime" / "assets"
    assets.mkdir(parents=True)
    (assets / "long.js").write_text("x;\n" * 401, encoding="utf-8")
    (assets / "fair.css").write_text("p {}\n" * 400, encoding="utf-8")
    assert long_assets(tmp_path) == {"long.js": 401}


def test_the_check_reads_every_file_that_has_slow_tests() -> None:
    """The check reads files with certain words. A helper of tests that marks cases as slow must be among the words."""
    [words] = re.findall(r"grep -lE '([^']+)' test_", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    marking = [path for path in sorted((ROOT / "tests").rglob("*.py")) if "mark.slow" in path.read_text("utf-8")]
    helpers = [path.stem for path in marking if not path.name.startswith("test_")]
    assert "few_cases" in helpers
    assert all(re.search(words, f"from support.{name} import") for name in helpers)
    assert all(re.search(words, path.read_text("utf-8")) for path in marking if path.name.startswith("test_"))
