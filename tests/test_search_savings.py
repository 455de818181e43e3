"""The dollars that a search saves by the samples that it does not launch."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.outcome import report
from flowrun.runtime.cli.summary import closing_line
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.session.result import Result
from flowrun.runtime.vocabulary.call import Request

HEAD = 'model m = "openai:m" with input_price: 1, output_price: 2\n'
SAMPLE = 4e-6
"""The dollars for two words in and one out."""
SEARCH = 'repeat 1..8 { ask m "n {{ q }}" -> int } reduce first(if: result == 3)'
ENOUGH = 'repeat 1..8 { ask m "n {{ q }}" -> int } reduce best(enough: 3)'
VOTE = 'repeat 3 { ask m "w {{ q }}" -> yes | no } reduce majority'


async def ran(body: str, folder: Path) -> Result:
    seen: list[int] = []

    def answer(request: Request, number: int) -> Scripted:
        words = "w q" in str(request.messages)
        seen.extend([] if words else [1])
        # The fourth sample has its answer before the third, which passes.
        return Scripted("yes" if words else str(len(seen)), 0.05 * (len(seen) == 3))

    provider = ScriptedProvider(answer, model="openai:m")
    plan = make_plan(check_flow(Source(f"{HEAD}flow f(q: text) {{ {body} }}"), catalog()))
    options = RunOptions(opener=lambda address, around: provider, journal=folder / "journal.db")
    return await run_async(plan, {"q": "q"}, options=options)


@pytest.mark.parametrize(
    "search", [SEARCH, SEARCH.replace("repeat 1..8 {", "repeat 1..8 over x in [q] {").replace("q }}", "x }}")]
)
async def test_a_search_tells_what_its_spared_samples_would_have_cost(search: str, tmp_path: Path) -> None:
    result = await ran(f"a = {search} return a", tmp_path)
    told = report(result)["votes"]["a"]
    assert (told["asked"], told["saved"]) == (3, 5)
    assert told["cost_saved"] == pytest.approx(5 * SAMPLE)
    assert "(5 not needed, ≈ $0.00002 saved)" in closing_line(result)


async def test_a_search_beside_a_vote_does_not_hide_what_the_vote_saved(tmp_path: Path) -> None:
    result = await ran(f"a = {SEARCH} b = {VOTE} return {{ a, b }}", tmp_path)
    assert report(result)["cost_saved"] == pytest.approx(6 * SAMPLE)


async def test_samples_behind_the_first_that_passes_count_as_paid(tmp_path: Path) -> None:
    result = await ran(f"a = {SEARCH} with launch: latency return a", tmp_path)
    told = report(result)["votes"]["a"]
    assert told["asked"] == 4
    assert told["cost_saved"] == pytest.approx(4 * SAMPLE)
