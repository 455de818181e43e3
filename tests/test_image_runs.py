"""Runs with images: their prompts in the journal and in `show`, what is asked again, and files that change."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.testing.discovery import run_file
from support.command_line import Ran, chat, command
from support.images import pdf, png

FLOW = """
flow look(picture: image, others: [image]?) {
  a = ask "What is this? {{ picture }}"
  b = ask "And beside {{ a }}? {% if others %}{{ others }}{% endif %} {{ picture }}" when length(a) > 2 else a
  return { a, b, picture }
}
"""
Run = Callable[..., Awaitable[Ran]]


@pytest.fixture
def run(faults: Any, tmp_path: Path) -> Run:
    (tmp_path / "a.flow").write_text(FLOW)
    (tmp_path / "a.png").write_bytes(png(4))
    (tmp_path / "b.png").write_bytes(png(5))
    for _ in range(8):
        faults.json(chat("a cat"))
    cache = os.environ["FLOWRUN_CACHE"]
    environ = {"OPENAI_API_KEY": "key", "OPENAI_BASE_URL": f"{faults.url}/v1", "FLOWRUN_CACHE": cache}

    async def ran(*words: str) -> Ran:
        return await command(*words, folder=tmp_path, **environ)

    return ran


LOOK = ("a.flow", "--model", "openai:m", "--allow-host", "127.0.0.1", "--picture", "a.png")


async def test_a_run_shows_images_and_the_journal_has_their_marks(run: Run, faults: Any, tmp_path: Path) -> None:
    ran = await run(*LOOK, "--others", "*.png")
    assert ran.code == 0, ran.err
    value = json.loads(ran.out)
    assert value["picture"]["path"] == str(tmp_path / "a.png")
    assert len(faults.seen) == 2
    kinds = [one["type"] for one in faults.seen[1]["messages"][0]["content"]]
    assert kinds == ["text", "image_url", "text", "image_url", "text", "image_url"]
    shown = await run("show", "last", "b")
    assert "And beside a cat? ⟨image 1: image/png 4×30 " in shown.out
    lines = [line for line in shown.out.splitlines() if line.startswith("image ")]
    digest = value["picture"]["image"]
    assert lines[0] == f"image 1: {tmp_path}/a.png, image/png, 4×30, {len(png(4))} bytes, {digest}"
    assert [line.split(":")[0] for line in lines] == ["image 1", "image 2", "image 3"]
    (found,) = json.loads((await run("show", "last", "a", "--json")).out)["calls"]
    (message,) = found["messages"]
    (image,) = message["images"]
    assert (image["image"], image["path"], image["width"]) == (digest, str(tmp_path / "a.png"), 4)
    assert message["text"][image["at"] : image["until"]].startswith("⟨image 1")
    assert (tmp_path / ".flowrun" / "journal.db").read_bytes().find(png(4)) == -1


async def test_an_equal_image_under_another_name_costs_nothing(run: Run, faults: Any, tmp_path: Path) -> None:
    assert (await run(*LOOK)).code == 0
    (tmp_path / "moved.png").write_bytes(png(4))
    again = await run(*LOOK[:-1], "moved.png")
    assert "0 calls · 2 answers from the journal" in again.err
    assert len(faults.seen) == 2
    (tmp_path / "a.png").write_bytes(png(6))
    assert (await run(*LOOK)).code == 0
    assert len(faults.seen) == 4


async def test_a_resumed_run_wants_its_images_as_they_were(run: Run, faults: Any, tmp_path: Path) -> None:
    ran = await run(*LOOK, "--budget", "1 call")
    assert ran.code != 0
    resume = ("resume", "last", "--budget", "5 calls")
    (tmp_path / "a.png").write_bytes(png(6))
    changed = await run(*resume)
    assert "a.png`, an image of `picture`, has changed since the run began" in changed.err
    (tmp_path / "a.png").unlink()
    gone = await run(*resume)
    assert "a.png`, an image of `picture`, is gone: restore the file" in gone.err
    assert len(faults.seen) == 1
    (tmp_path / "a.png").write_bytes(png(4))
    assert (await run(*resume)).code == 0
    assert len(faults.seen) == 2
    # `show` needs no file: the journal has the facts of the image.
    (tmp_path / "a.png").unlink()
    shown = await run("show", "last", "b")
    assert "⟨image 1: image/png 4×30" in shown.out


async def test_nothing_is_sent_if_a_later_model_takes_no_image(run: Run, faults: Any, tmp_path: Path) -> None:
    (tmp_path / "a.flow").write_text(FLOW.replace('b = ask "', 'b = ask weak "') + 'model weak = "embedded:tiny"\n')
    ran = await run(*LOOK)
    assert ran.code != 0
    assert "reads no images, and the flow shows it one: name a model that does" in ran.err
    (tmp_path / "a.png").write_bytes(b"hello")
    assert "`picture`: `a.png` is no image" in (await run(*LOOK)).err
    assert not faults.seen


async def test_a_part_without_an_estimate_stops_no_run(run: Run, faults: Any, tmp_path: Path) -> None:
    more = '  extra = file("none.txt") when length(b) > 100 else ""\n  c = ask "{{ extra }}" when length(b) > 100\n'
    (tmp_path / "a.flow").write_text(FLOW.replace("  return { a", more + "  return { c, a"))
    ran = await run(*LOOK)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["c"] is None
    assert len(faults.seen) == 2


async def test_a_plan_counts_the_tokens_of_images(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(1024, 1024))
    words = ("plan", "a.flow", "--picture", "a.png", "--json")
    figures = json.loads((await run(*words, "--model", "openai:gpt-4o")).out)["bounds"]["inside"]
    assert 765 <= figures[0]["tokens_in"]["least"] <= 765 + 30, figures[0]
    other = json.loads((await run(*words, "--model", "gemini:gemini-3-pro")).out)["bounds"]["inside"]
    assert 1120 <= other[0]["tokens_in"]["least"] <= 1120 + 30
    bare = json.loads((await run("plan", "a.flow", "--json", "--model", "openai:gpt-4o")).out)["bounds"]["inside"]
    assert 765 <= bare[0]["tokens_in"]["most"] / 3 <= 2000
    # Without an image, the largest one counts: 8000 × 8000.


async def test_a_page_of_a_run_holds_no_image(run: Run, tmp_path: Path) -> None:
    ran = await run(*LOOK, "--report", "page.html")
    assert ran.code == 0, ran.err
    page = (tmp_path / "page.html").read_text()
    assert "default-src 'none'" in page
    assert "data:image" not in page
    assert "iVBORw0KGgo" not in page


async def test_pages_are_read_again_for_a_resumed_run(run: Run, faults: Any, tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2")
    (tmp_path / "d.flow").write_text(
        'flow scan(doc: document) {\n  found = map page in pages(doc) at most 9 { ask "{{ page.image }}" } '
        "reduce collect\n  return found\n}\n"
    )
    (tmp_path / "d.pdf").write_bytes(pdf("One", "Two", "Three"))
    words = ("d.flow", "--model", "openai:m", "--allow-host", "127.0.0.1", "--doc", "d.pdf")
    assert (await run(*words, "--budget", "2 calls")).code != 0
    assert len(faults.seen) == 2
    (tmp_path / "d.pdf").write_bytes(pdf("One", "Two", "Other"))
    changed = await run("resume", "last", "--budget", "9 calls")
    assert "d.pdf`, the value of `doc`, has changed since the run began" in changed.err
    (tmp_path / "d.pdf").write_bytes(pdf("One", "Two", "Three"))
    resumed = await run("resume", "last", "--budget", "9 calls")
    assert (resumed.code, json.loads(resumed.out)) == (0, ["a cat"] * 3)
    assert len(faults.seen) == 3
    shown = await run("show", "last", "found[2].ask")
    assert f"image 1: {tmp_path}/d.pdf, page 3, image/png" in shown.out


async def test_a_cassette_goes_by_the_digest(run: Run, faults: Any, tmp_path: Path) -> None:
    test = 'test "a cat" of look {\n  picture = file("a.png")\n  cassette "a.jsonl"\n  expect a == "a cat"\n}\n'
    (tmp_path / "a.flow").write_text(FLOW + test)
    recorded = await run("test", "a.flow", "--record", "--model", "openai:m", "--allow-host", "127.0.0.1", "--yes")
    assert (tmp_path / "a.jsonl").exists(), recorded
    assert len(faults.seen) == 2
    assert not run_file(str(tmp_path / "a.flow")).failed
    (tmp_path / "a.png").write_bytes(png(7))
    assert run_file(str(tmp_path / "a.flow")).failed
    assert "iVBORw0KGgo" not in (tmp_path / "a.jsonl").read_text()
