"""The Dockerfile, read and not built: no daemon is needed. hadolint looks at it where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def instructions() -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", " ", "\n".join(line for line in TEXT.splitlines() if not line.startswith("#")))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines()) if word]


def stages() -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """Each stage with its base and its instructions, those of its base before its own."""
    found: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    name = ""
    for word, rest in instructions():
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = (base, list(found[base][1]) if base in found else [])
        elif name:
            found[name][1].append((word, rest))
    return found


STAGES = stages()


def test_the_last_stage_is_without_the_local_model() -> None:
    assert list(STAGES)[-1] == "core"
    assert "local" in STAGES
    assert not any("[local]" in rest for _, rest in STAGES["core"][1])
    assert any("--from=build-local" in rest for _, rest in STAGES["local"][1])


@pytest.mark.parametrize("stage", ["core", "local"])
def test_a_container_runs_flowrun_as_nobody_special(stage: str) -> None:
    steps = STAGES[stage][1]
    assert [rest for word, rest in steps if word == "USER"][-1] == "10001:10001"
    assert ("ENTRYPOINT", '["flowrun"]') in steps
    # The tools that build stay in the first stage.
    assert not any(rest.startswith("pip ") for _, rest in steps)


def test_the_base_is_a_slim_image_of_a_version() -> None:
    ((_, given),) = [one for one in instructions() if one[0] == "ARG" and one[1].startswith("PYTHON=")]
    version = re.fullmatch(r"PYTHON=(3\.\d+)\.\d+-slim-\w+", given)
    assert version is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"Programming Language :: Python :: {version[1]}" in project["classifiers"]
    assert all(base in STAGES or base == "python:${PYTHON}" for base, _ in STAGES.values())


def test_no_cache_stays_in_a_layer() -> None:
    for word, rest in instructions():
        if word == "RUN":
            assert "pip" not in rest or "--no-cache-dir" in rest or "--without-pip" in rest
            assert "apt-get install" not in rest or "rm -rf /var/lib/apt/lists" in rest


def test_the_context_has_what_is_copied_and_no_more() -> None:
    copied = {
        name for word, rest in instructions() if word == "COPY" and "--from" not in rest for name in rest.split()[:-1]
    }
    assert IGNORED[1] == "*"
    assert {line[1:] for line in IGNORED if line.startswith("!")} == copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    read = re.search(r"^SOURCES = \((.*)\)$", (ROOT / ".ci" / "release.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert read is not None
    assert set(re.findall(r'"([^"]+)"', read[1])) == copied


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is in the extra dev")
def test_hadolint_finds_nothing() -> None:
    done = subprocess.run(["hadolint", str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
