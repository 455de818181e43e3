"""Files that `flowrun tune --write` writes: line ends, comments, links and rights stay as they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.answering import Answering, answering
from support.tunings import FLOW, Tune, answer, tuner


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering(answer) as served:
        yield served


@pytest.fixture
def tune(tmp_path: Path, server: Answering, monkeypatch: pytest.MonkeyPatch) -> Tune:
    monkeypatch.chdir(tmp_path)
    return tuner(tmp_path, server)


def test_comments_and_line_ends_stay(tune: Tune, tmp_path: Path) -> None:
    file = tmp_path / "label.flow"
    text = "# ü: why? because\n" + FLOW.replace("ahead(?)", "ahead(?)  # what lead?")
    file.write_bytes(text.replace("\n", "\r\n").encode())
    assert tune("--lose", "5%", "--write").return_value == 0
    assert file.read_bytes().decode() == text.replace("ahead(?)", "ahead(1)").replace("\n", "\r\n")


def test_a_link_stays_a_link_and_its_target_has_the_value(tune: Tune, tmp_path: Path) -> None:
    file, target = tmp_path / "label.flow", tmp_path / "kept" / "real.flow"
    target.parent.mkdir()
    file.rename(target)
    target.chmod(0o640)
    file.symlink_to(target)
    result = tune("--lose", "5%", "--write")
    assert result.return_value == 0, result.output
    assert file.is_symlink() and target.read_text(encoding="utf-8") == FLOW.replace("ahead(?)", "ahead(1)")
    assert target.stat().st_mode & 0o777 == 0o640
    assert not [one.name for one in target.parent.iterdir() if one != target]
