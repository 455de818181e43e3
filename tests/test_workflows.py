"""The workflows of the code host and the action: rights, pins, and words that they share with the rest."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FILES = {path.name: path for path in (ROOT / ".github" / "workflows").glob("*.yml")}
FLOWS: dict[str, Any] = {name: yaml.safe_load(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHON = re.compile(r"Programming Language :: Python :: (3\.\d+)")
PYTHONS = [found[1] for one in PROJECT["classifiers"] if (found := PYTHON.fullmatch(one))]
WRITES = {
    ("release.yml", "index", "id-token"): "write",
    ("release.yml", "release", "contents"): "write",
    ("release.yml", "release", "id-token"): "write",
    ("release.yml", "release", "attestations"): "write",
    ("site.yml", "publish", "pages"): "write",
    ("site.yml", "publish", "id-token"): "write",
}


def steps() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, flow in FLOWS.items():
        for job, what in flow["jobs"].items():
            yield from ((name, job, step) for step in what["steps"])
    yield from (("action.yml", "action", step) for step in ACTION["runs"]["steps"])


def test_there_are_both() -> None:
    assert set(FLOWS) >= {"ci.yml", "release.yml"}


@pytest.mark.parametrize("name", FLOWS)
def test_no_job_has_more_rights_than_it_needs(name: str) -> None:
    flow = FLOWS[name]
    assert flow["permissions"] in ({}, {"contents": "read"})
    for job, what in flow["jobs"].items():
        for right, given in what.get("permissions", {}).items():
            assert given == "read" or WRITES[name, job, right] == given


def test_no_secret_is_used() -> None:
    for path in (*FILES.values(), ROOT / "action.yml"):
        assert "secrets." not in path.read_text(encoding="utf-8")


def test_actions_are_pinned() -> None:
    for name, job, step in steps():
        if used := step.get("uses"):
            action, _, pin = used.partition("@")
            # Jobs that may write take the very commit; those that only read follow a major version.
            form = r"[0-9a-f]{40}" if name == "release.yml" else r"v\d+|[0-9a-f]{40}"
            assert re.fullmatch(form, pin), f"{name}, {job}: {used}"
            if action == "actions/checkout":
                assert step["with"]["persist-credentials"] is False


def test_each_pin_names_its_version() -> None:
    text = FILES["release.yml"].read_text(encoding="utf-8")
    assert re.findall(r"@[0-9a-f]{40}$", text, re.MULTILINE) == []
    pins = dict(re.findall(r"uses: (\S+)@([0-9a-f]{40}) # v\d", text))
    assert len(set(pins.values())) == len(pins)


def test_scripts_take_names_by_the_environment_and_are_sound_bash() -> None:
    for name, job, step in steps():
        if script := step.get("run"):
            # What an expression stands for would become a part of the script.
            assert "${{" not in script, f"{name}, {job}"
            subprocess.run(["bash", "-n", "-c", script], check=True)
            for path in re.findall(r"(?<![\w/])(?:\.ci/[\w.-]+|tests/[\w.]+)", script):
                assert (ROOT / path).exists(), f"{name}, {job}: {path}"


@pytest.mark.parametrize(("name", "job"), [("ci.yml", "check"), ("release.yml", "test")])
def test_every_python_is_tried(name: str, job: str) -> None:
    assert FLOWS[name]["jobs"][job]["strategy"]["matrix"]["python"] == PYTHONS


def test_every_system_is_tried() -> None:
    assert FLOWS["ci.yml"]["jobs"]["elsewhere"]["strategy"]["matrix"]["os"] == ["macos-latest", "windows-latest"]
    assert FLOWS["ci.yml"]["jobs"]["elsewhere"]["strategy"]["matrix"]["python"] == [PYTHONS[0], PYTHONS[-1]]


def test_nothing_is_published_before_it_is_tested() -> None:
    jobs = FLOWS["release.yml"]["jobs"]
    assert [jobs[job].get("needs") for job in ("build", "test", "index", "release")] == [None, "build", "test", "index"]
    assert jobs["index"]["environment"] == "pypi"
    # The key `on` is a word for true in YAML 1.1.
    assert FLOWS["release.yml"][True]["push"] == {"tags": ["v[0-9]+.[0-9]+.[0-9]+*"]}


def test_each_job_has_an_end() -> None:
    assert [
        job for flow in FLOWS.values() for job, what in flow["jobs"].items() if not what.get("timeout-minutes")
    ] == []
