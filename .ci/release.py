"""The steps of a release: everything but pushing.

    python .ci/release.py prepare VERSION   # checks, bumps, dates the changelog, builds, checks, commits, tags
    python .ci/release.py check TAG         # prints a tag's notes; fails if tag, version and changelog do not agree
    python .ci/release.py build FOLDER      # wheel and sdist, built twice and compared byte by byte
    python .ci/release.py sbom WHEEL FILE   # the packages of an installation, as CycloneDX

`make release VERSION=0.2.0` calls the first one, and `.github/workflows/release.yml` the others.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable
from email.parser import BytesParser
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONSTRAINTS = HERE / "build-constraints.txt"
MAIN = "main"
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)((?:a|b|rc)(?:0|[1-9]\d*))?")
UNRELEASED = "## [Unreleased]"
CHANGED = ("pyproject.toml", "CHANGELOG.md", "dsl/project.py")
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "dsl", "runtime", "grammars")
_NEEDED = ("Name", "Version", "Summary", "License-Expression", "Requires-Python", "Description-Content-Type")
_VERSION_LINE = re.compile(r'^version = "([^"]+)"$', re.MULTILINE)
_HOME_LINE = re.compile(r'^HOME = "([^"]*)"$', re.MULTILINE)


class Refused(Exception):
    """The release cannot be made; the text says why."""


def text_of(root: Path, name: str) -> str:
    return (root / name).read_text(encoding="utf-8")


def version_of(root: Path) -> str:
    return str(tomllib.loads(text_of(root, "pyproject.toml"))["project"]["version"])


def order_of(version: str) -> tuple[int, int, int, bool, str]:
    """The place of a version among others: a pre-release comes before its release. Raises Refused."""
    found = VERSION.fullmatch(version)
    if found is None:
        raise Refused(f"{version!r} is no version such as 0.2.0 or 1.0.0rc1")
    return int(found[1]), int(found[2]), int(found[3]), not found[4], found[4] or ""


def notes_of(changelog: str, version: str) -> str:
    """The text of a version's section. Raises Refused if it is missing, has no date, or is empty."""
    head = re.search(rf"^## \[{re.escape(version)}\](.*)$", changelog, re.MULTILINE)
    if head is None:
        raise Refused(f"CHANGELOG.md has no section `## [{version}]`")
    if not re.fullmatch(r" - \d{4}-\d\d-\d\d", head[1]):
        raise Refused(f"the section of {version} in CHANGELOG.md has no date: write `## [{version}] - YYYY-MM-DD`")
    text = re.split(r"^## ", changelog[head.end() :], maxsplit=1, flags=re.MULTILINE)[0].strip()
    if not text:
        raise Refused(f"the section of {version} in CHANGELOG.md is empty")
    return text


def dated(changelog: str, version: str, today: str) -> str:
    """The changelog with a section for the version: what was unreleased. One that is there already stays."""
    if f"## [{version}]" in changelog:
        return changelog
    before, mark, after = changelog.partition(f"{UNRELEASED}\n")
    if not mark:
        raise Refused(f"CHANGELOG.md has no section `{UNRELEASED}`")
    if not re.split(r"^## ", after, maxsplit=1, flags=re.MULTILINE)[0].strip():
        raise Refused(f"the section `{UNRELEASED}` of CHANGELOG.md is empty")
    return f"{before}{UNRELEASED}\n\n## [{version}] - {today}\n{after}"


def check(root: Path, tag: str) -> str:
    """The notes of a tag. Raises Refused if the tag, pyproject.toml and the changelog do not agree."""
    version = version_of(root)
    if tag != f"v{version}":
        raise Refused(f"the tag is {tag}, and pyproject.toml has the version {version}: the tag must be v{version}")
    order_of(version)
    return notes_of(text_of(root, "CHANGELOG.md"), version)


def git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"git {' '.join(words[:2])} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def address_of(remote: str) -> str:
    """The web address of a repository, from the address that git has of it; "" for one on this machine."""
    found = re.fullmatch(r"(?:ssh://)?(?:[^@/]+@)?([\w.-]+\.\w+)[:/](.+?)(?:\.git)?/?", remote.removeprefix("https://"))
    return f"https://{found[1]}/{found[2]}" if found else ""


def with_address(root: Path, address: str) -> dict[str, str]:
    """The texts of the files that tell the project's address, with this one."""
    project = _HOME_LINE.sub(f'HOME = "{address}"', text_of(root, "dsl/project.py"))
    text = re.sub(r"\n\[project\.urls\]\n(?:[^\[\n].*\n)*", "", text_of(root, "pyproject.toml"))
    site = re.search(r'^SITE = "([^"]*)"$', project, re.MULTILINE)
    lines = [f'Repository = "{address}"', f'Changelog = "{address}/blob/{MAIN}/CHANGELOG.md"']
    if site and site[1]:
        lines.append(f'Documentation = "{site[1]}"')
    urls = "\n".join(["[project.urls]", *lines, "", ""])
    return {
        "dsl/project.py": project,
        "pyproject.toml": text.replace("[project.scripts]", f"{urls}[project.scripts]", 1),
    }


def prepare(root: Path, version: str, make: Callable[[Path, Path], None]) -> str:
    """Make the commit and the tag of a release; ``make`` builds and checks. Returns the tag. Raises Refused."""
    tag = f"v{version}"
    order_of(version)
    if changes := git(root, "status", "--porcelain"):
        raise Refused(f"the checkout has uncommitted changes:\n{changes}")
    if git(root, "tag", "--list", tag):
        raise Refused(f"the tag {tag} exists already")
    old = version_of(root)
    released = git(root, "tag", "--list", f"v{old}")
    if order_of(version) < order_of(old) or (version == old and released):
        raise Refused(f"the version {version} is not later than {old}")
    try:
        remote = git(root, "remote", "get-url", "origin")
    except Refused:
        remote = ""
    try:
        if address := address_of(remote):
            for name, text in with_address(root, address).items():
                (root / name).write_text(text, encoding="utf-8")
        text = _VERSION_LINE.sub(f'version = "{version}"', text_of(root, "pyproject.toml"), count=1)
        (root / "pyproject.toml").write_text(text, encoding="utf-8")
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        (root / "CHANGELOG.md").write_text(dated(text_of(root, "CHANGELOG.md"), version, today), encoding="utf-8")
        notes = check(root, tag)
        with tempfile.TemporaryDirectory(prefix="flowrun-release-") as folder:
            make(root, Path(folder))
        git(root, "commit", "--quiet", "--allow-empty", "--message", f"Release {version}", "--", *CHANGED)
        # Headings of the notes begin with a mark that git would take for a comment.
        git(root, "tag", "--annotate", "--cleanup=verbatim", tag, "--message", f"flowrun-dsl {version}\n\n{notes}\n")
    except BaseException:
        git(root, "checkout", "--quiet", "HEAD", "--", *CHANGED)
        raise
    return tag


def build(root: Path, folder: Path) -> None:
    """Build wheel and sdist twice, from copies, and compare them. Raises Refused if they differ or lack something."""
    moment = os.environ.get("SOURCE_DATE_EPOCH") or git(root, "log", "-1", "--format=%ct")
    digests = []
    with tempfile.TemporaryDirectory(prefix="flowrun-build-") as work:
        for number in ("first", "second"):
            source, out = Path(work, number, "source"), Path(work, number, "dist")
            source.mkdir(parents=True)
            for name in SOURCES:
                there = root / name
                if there.is_dir():
                    left_out = shutil.ignore_patterns("__pycache__", "tables.json", "node_modules")
                    shutil.copytree(there, source / name, ignore=left_out)
                else:
                    shutil.copy(there, source / name)
            environ = {**os.environ, "SOURCE_DATE_EPOCH": moment, "PIP_CONSTRAINT": str(CONSTRAINTS)}
            command = [sys.executable, "-m", "build", "--outdir", str(out), str(source)]
            done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Refused(f"the build failed:\n{(done.stdout + done.stderr)[-3000:]}")
            digests.append({one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in sorted(out.iterdir())})
        if digests[0] != digests[1]:
            raise Refused(f"two builds of the same commit differ: {digests[0]} and {digests[1]}")
        folder.mkdir(parents=True, exist_ok=True)
        for one in sorted(out.iterdir()):
            look_at(one, version_of(root))
            shutil.copy(one, folder / one.name)
            print(f"{digests[0][one.name]}  {one.name}  {one.stat().st_size} bytes")


def look_at(file: Path, version: str) -> None:
    """Check a wheel as an index would: its name and its metadata. Raises Refused."""
    if not file.name.startswith(f"flowrun_dsl-{version}"):
        raise Refused(f"{file.name} is not of the version {version}")
    if file.suffix != ".whl":
        return
    with zipfile.ZipFile(file) as archive:
        if broken := archive.testzip():
            raise Refused(f"{file.name} is damaged at {broken}")
        head = BytesParser().parsebytes(archive.read(f"flowrun_dsl-{version}.dist-info/METADATA"))
    lacks = [name for name in _NEEDED if not head[name]]
    if lacks or head["Version"] != version or head["Name"] != "flowrun-dsl":
        raise Refused(
            f"the metadata of {file.name} lack {lacks or 'nothing'}, and name {head['Name']} {head['Version']}"
        )
    if not str(head.get_payload()).strip():
        raise Refused(f"{file.name} has no description")


def sbom(root: Path, wheel: Path, file: Path) -> None:
    """Write the list of the packages that the wheel brings with it, by CycloneDX's own tool."""
    with tempfile.TemporaryDirectory(prefix="flowrun-sbom-") as work:
        bare, tool = Path(work, "bare"), Path(work, "tool")
        for place in (bare, tool):
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
        for place, what in ((bare, str(wheel)), (tool, "cyclonedx-bom>=7,<8")):
            command = [sys.executable, "-m", "pip", "--python", str(place), "install", "--quiet", what]
            subprocess.run(command, check=True)
        programs = "Scripts" if os.name == "nt" else "bin"
        command = [str(tool / programs / "cyclonedx-py"), "environment", str(bare / programs / "python")]
        command += ["--pyproject", str(root / "pyproject.toml"), "--output-reproducible", "--validate", "--of", "JSON"]
        subprocess.run([*command, "--output-file", str(file)], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["prepare", "check", "build", "sbom"])
    parser.add_argument("words", nargs="+")
    options = parser.parse_args()
    root = Path.cwd()
    try:
        match options.step, options.words:
            case "prepare", [version]:
                tag = prepare(root, version, build)
                print(f"{tag} is committed and tagged. To publish it: git push --follow-tags origin HEAD")
            case "check", [tag]:
                print(check(root, tag))
            case "build", [folder]:
                build(root, Path(folder))
            case "sbom", [wheel, file]:
                sbom(root, Path(wheel), Path(file))
            case _:
                parser.error(f"the step {options.step} takes other words")
    except Refused as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
