"""The progress of a run in the cell of a notebook. The notebook is a fake: a module with IPython's two functions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from flowrun.runtime import RunOptions, run, run_async
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary import events as e
from flowrun.testing import VirtualLoop
from support.harness import scripted

FLOW = """\
flow f(xs: [text]) {
  out = map x in xs { a = ask "Say {{ x }}" a } reduce collect with concurrency: 2
  return out
}
"""
ECHO = scripted(lambda request, _: Scripted("<b>ok</b>", seconds=1))


class FakeNotebook:
    """A fake of IPython with a kernel. ``shown`` has what its cell displayed, in order."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []
        self.broken = False
        self.display_module = ModuleType("IPython.display")
        self.display_module.__dict__.update(display=self.display, update_display=self.update)
        self.module = ModuleType("IPython")
        self.module.__dict__.update(get_ipython=lambda: SimpleNamespace(kernel=object()), display=self.display_module)

    def display(self, bundle: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        if self.broken:
            raise OSError("the kernel is gone \x1b[2J")
        assert (raw, display_id) == (True, True)
        assert not self.shown
        self.shown.append(bundle)
        return SimpleNamespace(display_id="d1")

    def update(self, bundle: dict[str, str], *, raw: bool, display_id: str) -> None:
        assert (raw, display_id) == (True, "d1")
        self.shown.append(bundle)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNotebook]:
    fake = FakeNotebook()
    monkeypatch.setitem(sys.modules, "IPython", fake.module)
    monkeypatch.setitem(sys.modules, "IPython.display", fake.display_module)
    yield fake


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    path = tmp_path / "f.flow"
    path.write_text(FLOW)
    return path


def seconds_of(flow: Path, elements: int, **options: Any) -> float:
    """Run the flow in virtual time. Return the time that it took."""
    loop = VirtualLoop()
    try:
        given = {"xs": [str(number) for number in range(elements)]}
        result = loop.run_until_complete(run_async(flow, given, options=RunOptions(opener=ECHO, **options)))
        assert result.ok
        return loop.now
    finally:
        loop.close()


def test_a_cell_shows_the_progress_at_most_four_times_a_second(flow: Path, notebook: FakeNotebook) -> None:
    seconds = seconds_of(flow, 20)
    assert 0.9 * 4 * seconds <= len(notebook.shown) <= 4 * seconds + 1
    html = [one["text/html"] for one in notebook.shown]
    assert any("out  █" in one and "10/20" in one for one in html)
    assert all(one.startswith("<pre style=") for one in html)
    assert notebook.shown[-1]["text/plain"].startswith("done · 41/41 steps · 0 in flight · 20 calls done")


def test_the_display_can_be_left_out(flow: Path, notebook: FakeNotebook) -> None:
    seconds_of(flow, 2, progress=False)
    assert notebook.shown == []


async def test_a_run_in_the_loop_of_a_notebook_shows_its_progress(flow: Path, notebook: FakeNotebook) -> None:
    quick = scripted(lambda request, _: "ok")
    assert run(flow, {"xs": ["a"]}, options=RunOptions(opener=quick)).ok
    assert notebook.shown[-1]["text/plain"].startswith("done · ")


def test_a_display_that_fails_does_not_end_the_run(
    flow: Path, notebook: FakeNotebook, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook.broken = True
    seconds_of(flow, 4)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "the progress cannot be shown: the kernel is gone \\x1b[2J"
    assert len(told) <= 2


def test_without_a_notebook_it_is_silent_or_prints_lines(flow: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seconds_of(flow, 4)
    assert capsys.readouterr().err == ""
    seconds_of(flow, 40, progress=True)
    told = capsys.readouterr().err.splitlines()
    assert 3 <= len(told) <= 6
    assert "steps" in told[0]
    assert told[-1].startswith("done · ")


def test_a_terminal_with_ipython_is_no_notebook(
    flow: Path, notebook: FakeNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebook.module, "get_ipython", SimpleNamespace)
    seconds_of(flow, 2)
    assert notebook.shown == []


def test_foreign_text_in_a_cell_is_inert(flow: Path, notebook: FakeNotebook) -> None:
    from flowrun.runtime.session.cell_display import cell_display
    from flowrun.runtime.vocabulary.waits import Cause, Waiting

    display = cell_display(None)
    assert display is not None
    display(e.LimitsSet(None, None, lambda: [Waiting("<script>x</script>\x1b[2J", Cause.WIDTH)]))
    loop = VirtualLoop()
    display._draw(loop)
    loop.close()
    assert "&lt;script&gt;" in notebook.shown[0]["text/html"]
    assert "<script" not in notebook.shown[0]["text/html"]
    assert "\x1b" not in notebook.shown[0]["text/plain"]
