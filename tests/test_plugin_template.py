"""The template of a plugin: its things keep the rules, and its flow uses all of them. `.ci/plugin.py` installs it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from flowrun.runtime.documents.reading import READERS
from support.patience import PATIENCE

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "docs" / "plugin-template"
PROJECT = tomllib.loads((TEMPLATE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
GROUPS = PROJECT["entry-points"]
COMMAND = "from flowrun.runtime.cli import main; main()"
KINDS = {"reducers": "reducer", "splitters": "splitter", "documents": "reader", "providers": "provider"}


def install(place: Path, groups: dict[str, dict[str, str]], name: str = "acme-flows") -> None:
    """Make a folder look as if a package with these entry points were installed in it."""
    made = place / f"{name.replace('-', '_')}-1.0.dist-info"
    made.mkdir()
    (made / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    lines = []
    for group, things in groups.items():
        lines += [f"[{group}]", *(f"{one} = {home}" for one, home in things.items()), ""]
    (made / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


def python(place: Path, *words: str) -> str:
    path = f"import sys; sys.path[:0] = [{str(place)!r}, {str(TEMPLATE)!r}]\n"
    done = subprocess.run(
        [sys.executable, "-B", "-c", path + words[0], *words[1:]],
        cwd=TEMPLATE,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_own_tests_pass(tmp_path: Path) -> None:
    code = "import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    told = python(tmp_path, code, "-q", "-p", "no:cacheprovider", "tests/test_acme_flows.py")
    assert "4 passed" in told


@pytest.mark.parametrize("older", [False, True])
def test_its_flow_uses_all_things(older: bool, tmp_path: Path) -> None:
    groups = {group.replace("documents", "readers") if older else group: things for group, things in GROUPS.items()}
    install(tmp_path, groups)
    listed = python(tmp_path, COMMAND, "plugins")
    for group, things in GROUPS.items():
        for name in things:
            assert f"the {KINDS[group.rpartition('.')[2]]} `{name}` of the package acme-flows\n" in listed
    told = python(tmp_path, COMMAND, "talk.flow", "--film", "talk.srt", "--no-journal")
    assert told == "Bob: What a long time it has been!\n"


def test_a_package_may_name_a_reader_in_both_groups(tmp_path: Path) -> None:
    install(tmp_path, {**GROUPS, "flowrun.readers": GROUPS["flowrun.documents"]})
    assert python(tmp_path, COMMAND, "plugins").count("the reader `subtitles`") == 1
    assert "Bob" in python(tmp_path, COMMAND, "talk.flow", "--film", "talk.srt", "--no-journal")


def test_two_packages_may_not_name_one_reader(tmp_path: Path) -> None:
    install(tmp_path, GROUPS)
    install(tmp_path, {"flowrun.readers": GROUPS["flowrun.documents"]}, "other-flows")
    code = "import flowrun.runtime.documents.reading as r; print(r.READERS.faults())"
    assert "of the packages acme-flows and other-flows cannot be used" in python(tmp_path, code)


def test_the_template_has_a_thing_for_each_group_that_flowrun_reads() -> None:
    assert READERS.registry.groups == ("flowrun.documents", "flowrun.readers")
    assert set(GROUPS) == {"flowrun.reducers", "flowrun.splitters", "flowrun.documents", "flowrun.providers"}
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(flowrun\.(?:reducers|splitters|documents|providers))`", page)) == set(GROUPS)
    assert "plugin-template" in page
