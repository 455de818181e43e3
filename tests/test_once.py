"""Things that several processes of tests share are made by one of them."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support.once import once


@pytest.mark.parametrize("worker", ["", "gw0"])
def test_it_is_made_once_for_all_processes_of_a_run(
    worker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    if not worker:
        monkeypatch.delenv("PYTEST_XDIST_WORKER")
    made: list[Path] = []

    def factory(process: str) -> Any:
        folder = tmp_path / process if worker else tmp_path
        folder.mkdir(exist_ok=True)
        return SimpleNamespace(getbasetemp=lambda: folder)

    def make(folder: Path) -> tuple[Path, int]:
        made.append(folder)
        return folder, os.getpid()

    assert (
        once(factory("gw0"), "thing", make) == once(factory("gw1"), "thing", make) == (tmp_path / "thing", os.getpid())
    )
    assert once(factory("gw0"), "other", make)[0] == tmp_path / "other"
    assert made == [tmp_path / "thing", tmp_path / "other"]


def test_what_cannot_be_made_is_tried_again(tmp_path: Path) -> None:
    def fails(folder: Path) -> int:
        raise ValueError("no")

    factory: Any = SimpleNamespace(getbasetemp=lambda: tmp_path / "gw0")
    (tmp_path / "gw0").mkdir()
    with pytest.raises(ValueError, match="no"):
        once(factory, "thing", fails)
    assert once(factory, "thing", lambda folder: 3) == 3
