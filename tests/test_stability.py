"""The page on stability lists every version in the code, with its number, and no other."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import flowrun
from flowrun import dsl, runtime, testing
from flowrun.runtime.cli import exits

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "stability.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NAME = re.compile(r"_?(?:VERSION|FORMAT|EDITION)")
ROWS = re.compile(r"^\| .* \| `((?:dsl|runtime)/[\w/]+\.py)` \| ([\d.]+) \|$", re.MULTILINE)


def versions_in(source: str) -> Iterator[str]:
    """Yield each number that is bound to such a name, or stands beside the key `version` in a dict."""
    # To parse all files takes longer than the rest of the test.
    if not re.search(r"VERSION|FORMAT|EDITION|[\"']version[\"']", source):
        return
    for node in ast.walk(ast.parse(source)):
        pairs: list[tuple[bool, ast.expr]] = []
        if isinstance(node, ast.Assign):
            named = any(isinstance(one, ast.Name) and NAME.fullmatch(one.id) for one in node.targets)
            pairs.append((named, node.value))
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                pairs.append((isinstance(key, ast.Constant) and key.value == "version", value))
        for named, value in pairs:
            if named and isinstance(value, ast.Constant) and re.fullmatch(r"[\d.]+", str(value.value)):
                yield str(value.value)


def found() -> dict[str, set[str]]:
    read = {
        path.relative_to(ROOT).as_posix(): set(versions_in(path.read_text(encoding="utf-8")))
        for half in ("dsl", "runtime")
        for path in (ROOT / half).rglob("*.py")
    }
    return {name: versions for name, versions in read.items() if versions}


def test_the_page_has_the_versions_of_the_code() -> None:
    told = {name: {version} for name, version in ROWS.findall(PAGE)}
    assert found() == told


def test_a_version_is_found_in_each_form() -> None:
    assert list(versions_in("VERSION = 3")) == ["3"]
    assert list(versions_in("_FORMAT = 2\nOTHER = 4")) == ["2"]
    assert list(versions_in("told = {'version': 7, 'versions': 8}")) == ["7"]


def test_the_page_has_the_exit_codes() -> None:
    codes = {str(value): name for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}
    assert dict(re.findall(r"^\| (\d+) \| `([A-Z_]+)` \|$", PAGE, re.MULTILINE)) == codes
    command = (ROOT / "docs" / "command.md").read_text(encoding="utf-8")
    table = command.partition("## Exit codes")[2].partition("\n## ")[0]
    assert {code for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for code in row.split(", ")} == {
        *codes,
        "143",
    }


def test_the_promised_modules_have_lists_of_names() -> None:
    for module in (flowrun, dsl, runtime, testing):
        assert module.__all__
        assert f"`{module.__name__}`" in PAGE


def test_the_journal_tells_the_same_format() -> None:
    from flowrun.runtime.journal.records import FORMAT

    assert f"describes format {FORMAT}." in (ROOT / "docs" / "journal.md").read_text(encoding="utf-8")


def test_the_security_page_names_pages_that_exist() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    paths = re.findall(r"\]\(([\w/.-]+\.md)\)", text)
    assert "docs/audit.md" in paths
    assert [path for path in paths if not (ROOT / path).is_file()] == []
    for path in ("release.yml", "release.py", "build-constraints.txt"):
        assert path in text


def test_the_page_on_installing_has_each_extra() -> None:
    text = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    rows = text.partition("| extra | for |")[2].partition("\n\n")[0]
    told = set(re.findall(r"`(\w+)`", rows))
    inner = {"test", "dev", "bench", "site"}
    assert told == set(PROJECT["project"]["optional-dependencies"]) - inner
