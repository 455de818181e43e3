"""The command that draws a flow: where the picture goes, in which format, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.runtime.cli import run_command
from support.picture_readers import read_dot, read_mermaid

SPAM = 'flow spam(email: text) {\n  v = repeat 3 { ask "{{ email }}" -> SPAM | NOT } reduce majority\n  return v\n}\n'


@pytest.fixture
def spam(tmp_path: Path) -> Path:
    path = tmp_path / "spam.flow"
    path.write_text("flow other(x: text) { return x }\n" + SPAM, encoding="utf-8")
    return path


def test_mermaid_goes_to_standard_output(spam: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["graph", str(spam)]) == 0
    said = capsys.readouterr()
    assert read_mermaid(said.out).labels["n1"] == ("email", "text")
    assert said.err == ""


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.svg", "<svg"), ("a.SVG", "<svg"), ("a.dot", "digraph"), ("a.gv", "digraph"), ("a.mmd", "fl")],
)
def test_the_format_follows_the_name(
    spam: Path, name: str, start: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["graph", str(spam), "-o", str(tmp_path / name)]) == 0
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    assert capsys.readouterr().out == ""


def test_a_flow_and_a_format_can_be_chosen(spam: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["graph", str(spam), "--flow", "other", "--format", "dot", "-o", "-"]) == 0
    assert set(read_dot(capsys.readouterr().out).labels.values()) == {("x", "text"), ("return", "x")}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-o", "a.png"], 2, "the name `a.png` does not tell the format; end it in one of .mmd"),
        (["-o", "noend"], 2, "the name `noend` does not tell the format"),
        (
            ["-o", "spam.flow", "--format", "svg"],
            2,
            "`spam.flow` is a flow file or has the name of a flow file, and is not overwritten",
        ),
        (["-o", "link.svg"], 2, "`link.svg` is a flow file"),
        (["-o", "nowhere/a.svg"], 74, "`nowhere/a.svg` cannot be written: No such file or directory"),
        (["--flow", "spma"], 2, "did you mean `spam`?"),
        (["--format", "png"], 2, "png"),
    ],
)
def test_wrong_commands(
    spam: Path,
    arguments: list[str],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(spam.parent)
    Path("link.svg").symlink_to("spam.flow")
    before = spam.read_text(encoding="utf-8")
    assert run_command(["graph", "spam.flow", *arguments]) == code
    assert said in capsys.readouterr().err
    assert spam.read_text(encoding="utf-8") == before


def test_a_file_with_errors_is_not_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.flow"
    path.write_text("flow f() { return x }\n", encoding="utf-8")
    assert run_command(["graph", str(path), "-o", str(tmp_path / "a.svg")]) == 1
    assert "error[" in capsys.readouterr().err
    assert not (tmp_path / "a.svg").exists()


def test_nothing_but_the_flow_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.flow"
    path.write_text('flow f() {\n  a = ask "{{ p }}"\n  p = file("not_there.md")\n  return a\n}\n', encoding="utf-8")
    assert run_command(["graph", str(path)]) == 0
    assert "not_there" in capsys.readouterr().out


def test_more_than_mermaid_draws_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = "\n".join(f'  s{number} = ask "{{{{ x }}}} {number}"' for number in range(600))
    path = tmp_path / "a.flow"
    used = ", ".join(f"s{number}" for number in range(600))
    path.write_text(f"flow f(x: text) {{\n{lines}\n  return {{ {used} }}\n}}\n", encoding="utf-8")
    assert run_command(["graph", str(path)]) == 0
    assert "1,200 edges" in capsys.readouterr().err
