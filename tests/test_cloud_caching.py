"""Prompt caching at Bedrock, and heads with images: what servers keep, and what that costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import Result, RunOptions, run_async
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.providers.image_parts import converse_blocks, cut_parts, messages_blocks
from flowrun.runtime.values.prompt_cuts import Cuts
from flowrun.runtime.vocabulary.call import Message
from flowrun.runtime.vocabulary.image import Image
from support.harness import planned
from support.images import png
from support.keeping_bedrock import TOKEN, keeping_bedrock
from support.keeping_server import Keeping, keeping

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PRICES = "input_price: 3, output_price: 15, cached_price: 0.3, stored_price: 3.75, max_tokens: 50"
HANDBOOK = "All rules matter here. " * 1044  # about 6,000 tokens
MAP = """flow review(handbook: text, sections: [text]) {
  notes = map section in sections { ask m "{{ handbook }} Review this: {{ section }}" } reduce collect
  return notes
}
"""
PICTURES = """flow review(book: [image], sections: [text]) {
  notes = map section in sections {
    ask m user "The book: {{ book }} Review this: {{ section }}"
  } reduce collect
  return notes
}
"""


async def ran(server: Keeping, flow: str, folder: Path, address: str, **inputs: Any) -> Result:
    path = folder / "a.flow"
    path.write_text(f'model m = "{address}" with {PRICES}\n{flow}', encoding="utf-8")
    environ = {
        "ANTHROPIC_BASE_URL": server.url,
        "ANTHROPIC_API_KEY": "k",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": server.url,
        "AWS_REGION": "us-east-1",
        "AWS_BEARER_TOKEN_BEDROCK": TOKEN,
    }
    return await run_async(path, **inputs, options=RunOptions(environ=environ))


def dollars(server: Keeping) -> float:
    return sum(3 * one.plain + 0.3 * one.cached + 3.75 * one.stored + 15 * 3 for one in server.bills) / 1e6


async def test_a_handbook_is_read_in_full_at_most_twice_at_bedrock(tmp_path: Path) -> None:
    sections = [f"section {at:03}" for at in range(60)]
    with keeping_bedrock(seconds=0.01) as server:
        result = await ran(server, MAP, tmp_path, f"bedrock:{CLAUDE}", handbook=HANDBOOK, sections=sections)
        assert result.value == ["Noted."] * 60 and len(server.bills) == 60
        assert server.full_reads(6000) <= 2
        assert server.cost < 0.2 * server.cost_without
        assert result.cost == pytest.approx(dollars(server), abs=60 * 2e-6)


async def test_a_model_without_cache_points_gets_none(tmp_path: Path) -> None:
    sections = [f"section {at}" for at in range(9)]
    with keeping_bedrock(seconds=0.01) as server:
        await ran(
            server, MAP, tmp_path, "bedrock:meta.llama3-3-70b-instruct-v1:0", handbook=HANDBOOK, sections=sections
        )
        assert len(server.bills) == 9 and not any(bill.marked for bill in server.bills)


@pytest.mark.parametrize("cloud", [False, True])
async def test_the_pages_of_a_book_before_the_element_are_read_once(cloud: bool, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(png(1000 + number, 1000))
    book = [tmp_path / f"{number}.png" for number in range(3)]
    sections = [f"section {at}" for at in range(12)]
    address = f"bedrock:{CLAUDE}" if cloud else "anthropic:claude-sonnet-4-5"
    with (keeping_bedrock if cloud else keeping)(seconds=0.02) as server:
        result = await ran(server, PICTURES, tmp_path, address, book=book, sections=sections)
        assert result.value is not None and len(server.bills) == 12
        assert server.full_reads(3000) == 1
        assert sum(bill.marked for bill in server.bills) == 12
        assert server.cost < 0.35 * server.cost_without


async def test_an_image_of_the_element_ends_the_head(tmp_path: Path) -> None:
    flow = """flow review(pages: [image]) {
      notes = map page in pages { ask m user "Look: {{ page }} Review it." } reduce collect
      return notes
    }"""
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(png(1000 + number, 1000))
    with keeping(seconds=0.01) as server:
        await ran(
            server, flow, tmp_path, "anthropic:claude-sonnet-4-5", pages=[tmp_path / f"{at}.png" for at in range(4)]
        )
        assert len(server.bills) == 4 and not any(bill.marked for bill in server.bills)


def message(text: str, *cuts: int) -> Message:
    """A message whose images stand in the places of `#`."""
    places = [at for at, one in enumerate(text) if one == "#"]
    images = [Image("sha256:x", "image/png", 4, 4, 75, at, at + 1, "", "aGk=") for at in places]
    return Message("user", text, tuple(images), cuts=cuts)


@pytest.mark.parametrize(
    ("found", "parts"),
    [
        (message("The book #. Why?", 11), [("The book ", False), ("#", False), (".", True), (" Why?", False)]),
        (message("The book # Why?", 10), [("The book ", False), ("#", True), (" Why?", False)]),
        (message("#  # Why?", 3), [("#", True), ("#", False), (" Why?", False)]),
        (message("a b # c", 1, 2), [("a ", True), ("b ", False), ("#", False), (" c", False)]),
        (message("# end", 5), [("#", False), (" end", True)]),
        (message("# end"), [("#", False), (" end", False)]),
    ],
)
def test_a_message_with_images_is_divided_at_its_cuts(found: Message, parts: list[tuple[str, bool]]) -> None:
    assert [(one if isinstance(one, str) else "#", cut) for one, cut in cut_parts(found)] == parts
    marked = [number for number, (_, cut) in enumerate(parts) if cut]
    assert [at for at, block in enumerate(messages_blocks(found)) if "cache_control" in block] == marked
    assert sum("cachePoint" in block for block in converse_blocks(found)) == len(marked)


def test_ends_move_with_the_marks_of_images() -> None:
    cuts = Cuts((1, 2, 3, 4), [3, 9, 14, 20])
    cuts.move([(9, 30), (20, 70)])
    assert cuts.ends == [3, 39, 44, 90]
    cuts.move([])
    assert cuts.ends == [3, 39, 44, 90]


@pytest.mark.parametrize(("more", "some"), [("", True), (", batch: true", False), (", batch: false", True)])
@pytest.mark.parametrize("model", ["anthropic:claude-sonnet-4-5", f"bedrock:{CLAUDE}", "vertex:claude-sonnet-4-5"])
def test_a_plan_expects_nothing_from_the_caches_for_lines_of_a_batch_api(model: str, more: str, some: bool) -> None:
    made = planned(f'model m = "{model}" with {PRICES}{more}\n{MAP}')
    inputs = {"handbook": HANDBOOK, "sections": [f"section {at}" for at in range(9)]}
    assert (estimate_plan(made, inputs, Files(Path()), environ={}).cached > 0) == some
