"""The steps of a release, tried in a clone: what is refused, what is written, and that two builds are the same."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


def script(folder: str, name: str) -> Any:
    spec = spec_from_file_location(name, ROOT / folder / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


release = script(".ci", "release")
LOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [0.1.0] - 2026-01-02\n\n- The first.\n"
PROJECT = """[project]
name = "flowrun-dsl"
version = "0.1.0"

[project.scripts]
flowrun = "a:b"

[tool.x]
version = "9"
"""


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in (("NAME", "A"), ("EMAIL", "a@example.org")):
        for who in ("AUTHOR", "COMMITTER"):
            monkeypatch.setenv(f"GIT_{who}_{name}", value)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    folder = tmp_path / "clone"
    (folder / "dsl").mkdir(parents=True)
    (folder / "CHANGELOG.md").write_text(LOG, encoding="utf-8")
    (folder / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    (folder / "dsl" / "project.py").write_text('HOME = ""\nSITE = ""\n', encoding="utf-8")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "All")
    git(folder, "tag", "v0.1.0")
    return folder


def unbuilt(root: Path, folder: Path) -> None:
    """Stand in for the build, which takes seconds."""


def test_a_release_is_a_commit_and_a_tag(clone: Path) -> None:
    git(clone, "remote", "add", "origin", "git@example.org:some/flowrun.git")
    assert release.prepare(clone, "0.2.0", unbuilt) == "v0.2.0"
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "log", "-1", "--format=%s") == "Release 0.2.0"
    assert git(clone, "rev-parse", "v0.2.0^{commit}") == git(clone, "rev-parse", "HEAD")
    assert "### Added\n\n- A thing." in git(clone, "tag", "--list", "--format=%(contents)", "v0.2.0")
    read = tomllib.loads((clone / "pyproject.toml").read_text())
    assert read["project"]["version"] == "0.2.0"
    assert read["project"]["urls"]["Repository"] == "https://example.org/some/flowrun"
    assert read["tool"]["x"]["version"] == "9"
    assert 'HOME = "https://example.org/some/flowrun"' in (clone / "dsl" / "project.py").read_text()
    log = (clone / "CHANGELOG.md").read_text()
    assert log.index("## [Unreleased]\n\n## [0.2.0] - 20") < log.index("- A thing.") < log.index("## [0.1.0]")
    assert release.check(clone, "v0.2.0") == "### Added\n\n- A thing."
    # The second release changes the address of no file.
    (clone / "CHANGELOG.md").write_text(log.replace("## [Unreleased]\n", "## [Unreleased]\n\n- More.\n"))
    git(clone, "commit", "--quiet", "--all", "--message", "More")
    assert release.prepare(clone, "0.2.1", unbuilt) == "v0.2.1"
    assert "dsl/project.py" not in git(clone, "show", "--name-only", "--format=", "HEAD")


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("0.1", "no version such as"),
        ("v0.2.0", "no version such as"),
        ("0.0.9", "is not later than 0.1.0"),
        ("0.1.0", "the tag v0.1.0 exists already"),
        ("0.1.0rc1", "is not later than 0.1.0"),
    ],
)
def test_a_wrong_version_is_refused(version: str, told: str, clone: Path) -> None:
    with pytest.raises(release.Refused, match=told):
        release.prepare(clone, version, unbuilt)
    assert git(clone, "status", "--porcelain") == ""


def test_changes_that_are_not_committed_are_refused(clone: Path) -> None:
    (clone / "CHANGELOG.md").write_text(LOG + "\n")
    with pytest.raises(release.Refused, match="uncommitted changes"):
        release.prepare(clone, "0.2.0", unbuilt)
    assert (clone / "CHANGELOG.md").read_text() == LOG + "\n"


def test_a_failed_build_leaves_the_checkout_as_it_was(clone: Path) -> None:
    def broken(root: Path, folder: Path) -> None:
        raise release.Refused("the build failed")

    with pytest.raises(release.Refused, match="the build failed"):
        release.prepare(clone, "0.2.0", broken)
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "tag", "--list") == "v0.1.0"


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (LOG.replace("[0.1.0] - 2026-01-02", "[0.1.0]"), "has no date"),
        (LOG.replace("## [0.1.0]", "## [0.0.1]"), "has no section"),
        (LOG.replace("- The first.\n", ""), "is empty"),
    ],
)
def test_a_tag_needs_its_section_in_the_changelog(log: str, told: str, clone: Path) -> None:
    assert release.check(clone, "v0.1.0") == "- The first."
    (clone / "CHANGELOG.md").write_text(log)
    with pytest.raises(release.Refused, match=told):
        release.check(clone, "v0.1.0")


def test_a_tag_must_be_the_version(clone: Path) -> None:
    with pytest.raises(release.Refused, match=r"the tag must be v0\.1\.0"):
        release.check(clone, "v0.2.0")


def test_an_empty_changelog_is_refused(clone: Path) -> None:
    (clone / "CHANGELOG.md").write_text(LOG.replace("### Added\n\n- A thing.\n\n", ""))
    git(clone, "commit", "--quiet", "--all", "--message", "Less")
    with pytest.raises(release.Refused, match="is empty"):
        release.prepare(clone, "0.2.0", unbuilt)


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://example.org/some/flowrun.git", "https://example.org/some/flowrun"),
        ("git@example.org:some/flowrun.git", "https://example.org/some/flowrun"),
        ("ssh://git@example.org/some/flowrun", "https://example.org/some/flowrun"),
        ("https://name:secret@example.org/some/flowrun", "https://example.org/some/flowrun"),
        ("/srv/flowrun", ""),
        ("../flowrun", ""),
    ],
)
def test_the_address_comes_from_the_remote(remote: str, address: str) -> None:
    assert release.address_of(remote) == address


def test_the_order_of_versions() -> None:
    listed = ["0.1.0", "0.2.0a1", "0.2.0rc1", "0.2.0", "0.10.0", "1.0.0"]
    orders = [release.order_of(one) for one in listed]
    assert all(one < later for one, later in pairwise(orders))


def test_an_archive_is_the_same_whoever_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    level = script("grammars", "reproducible").level
    digests = []
    for number, mode in enumerate((0o600, 0o664)):
        place = tmp_path / f"{number}.tar.gz"
        with tarfile.open(place, "w:gz") as archive:
            for name in ("b", "a") if number else ("a", "b"):
                file = tmp_path / name
                file.write_text(name)
                file.chmod(mode)
                os.utime(file, (number, number))
                archive.add(file, name)
        before = place.read_bytes()
        monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
        assert not level(place)
        assert place.read_bytes() == before
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
        assert level(place)
        digests.append(hashlib.sha256(place.read_bytes()).hexdigest())
        with tarfile.open(place) as archive:
            assert [(one.name, one.mtime, one.mode, one.uid) for one in archive] == [
                ("a", 1700000000, 0o644, 0),
                ("b", 1700000000, 0o644, 0),
            ]
    assert digests[0] == digests[1]


@pytest.mark.slow
def test_a_release_of_this_project_in_a_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder))
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "A")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@example.org")
    command = [sys.executable, ".ci/release.py", "prepare", "9.9.0"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("flowrun_dsl-9.9.0") == 2
    assert "v9.9.0 is committed and tagged" in done.stdout
    assert git(folder, "describe", "--exact-match") == "v9.9.0"
