"""The VS Code extension: its types, its package, its client against the language server, and its grammar.

The tests of the extension run in Node, with the packages of the lock file. ``@vscode/test-electron`` would fetch a
whole editor, so a fake of the editor's module stands in its place.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.editor_words import ROOT, roles

FOLDER = ROOT / "grammars" / "editors" / "vscode"
FLOWRUN = Path(sys.executable).with_name("flowrun")
MOST_BYTES = 1024 * 1024


@pytest.fixture(scope="session")
def node() -> str:
    """Node, with the packages of the extension installed."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        pytest.skip("no node and npm here")
    if not (FOLDER / "node_modules" / ".bin" / "tsc").exists():
        words = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(words, cwd=FOLDER, capture_output=True, check=False)
        if done.returncode:
            pytest.skip("the packages of the extension cannot be had")
    return found


@pytest.fixture(scope="session")
def package(node: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("package") / "flowrun.vsix"
    done = ran(node, "package.mjs", str(made))
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def ran(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, **more}
    )


@pytest.mark.slow
def test_the_package_has_its_files_and_no_others(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        names = {name.removeprefix("extension/") for name in archive.namelist()}
        manifest = json.loads(archive.read("extension/package.json"))
        grammar = archive.read("extension/dist/flow.tmLanguage.json")
    assert names == {
        "[Content_Types].xml",
        "extension.vsixmanifest",
        "dist/LICENSE.txt",
        "dist/extension.js",
        "dist/flow.tmLanguage.json",
        "icon.png",
        "language-configuration.json",
        "package.json",
        "readme.md",
        "snippets.json",
    }
    assert package.stat().st_size <= MOST_BYTES
    assert grammar == (ROOT / "grammars" / "flow.tmLanguage.json").read_bytes()
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "([^"]+)"', project, re.MULTILINE)
    assert version is not None and manifest["version"] == version[1]


@pytest.mark.slow
def test_its_types_are_right(node: str) -> None:
    done = ran(node, "node_modules/typescript/bin/tsc", "--noEmit")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_extension_talks_with_the_server(node: str, package: Path) -> None:
    pytest.importorskip("pygls")
    done = ran(node, "--test", "test/driven.test.mjs", FLOWRUN=str(FLOWRUN))
    assert done.returncode == 0, done.stdout
    assert "# pass 6" in done.stdout.replace("ℹ", "#")


@pytest.mark.slow
def test_its_grammar_gives_words_the_scopes_of_their_roles(node: str, package: Path, tmp_path: Path) -> None:
    told = tmp_path / "tokens.json"
    rows = [{"name": name, "text": text, "tokens": tokens} for name, text, tokens in roles()]
    told.write_text(json.dumps(rows), encoding="utf-8")
    done = ran(node, "--test", "test/grammar.test.mjs", FLOWRUN_TOKENS=str(told))
    assert done.returncode == 0, done.stdout


def test_the_lock_file_names_no_host() -> None:
    lock = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))
    assert not [name for name, one in lock["packages"].items() if "resolved" in one]
    assert all("integrity" in one for name, one in lock["packages"].items() if name)


def test_the_commands_of_the_manifest_are_those_of_the_source() -> None:
    manifest = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    source = (FOLDER / "src" / "extension.ts").read_text(encoding="utf-8")
    declared = {one["command"] for one in manifest["contributes"]["commands"]}
    assert declared == set(re.findall(r'^    "(flowrun\.\w+)":', source, re.MULTILINE))
    assert manifest["capabilities"]["untrustedWorkspaces"]["supported"] == "limited"
